"""Checks a registry, a folder or a proof against what was recorded, in numbered steps."""

"""Servers as their own documents write them, one a file, each in its peer's environment."""

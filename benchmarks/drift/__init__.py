"""Streams of windows under this project's guardrail and under its peers; writes docs/drift.md."""

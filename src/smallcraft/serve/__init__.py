"""Serves releases over HTTP, and moves traffic to a new one under tests that may be looked at any time."""

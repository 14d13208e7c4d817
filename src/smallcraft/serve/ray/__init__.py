"""Serving on a Ray cluster: the same protocol, router logic and decisions, on many machines."""

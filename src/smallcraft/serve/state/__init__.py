"""Durable state of a server: what it decided, what it counted, who may decide; one SQLite file."""

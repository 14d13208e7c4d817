"""Experiments: questions asked once, each a script with its own kept result (docs/experiments.md)."""

"""Labelling campaigns on real data with planted label errors: what a round repairs and what that buys."""

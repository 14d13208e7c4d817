"""Profiles: what a window of rows looked like, small, mergeable and exact; numpy only."""

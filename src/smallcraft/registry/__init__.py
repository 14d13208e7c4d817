"""A store of releases that proves itself: content-addressed files under an append-only log."""

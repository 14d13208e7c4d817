"""The shipped demonstration: data in which every planted fault is known, for the tour and for tests."""

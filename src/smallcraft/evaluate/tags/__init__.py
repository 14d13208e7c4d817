"""Scores of several labels a row, with intervals, slices and paired differences."""

"""Scores of numbers, with intervals, slices and paired differences."""

"""Statistics as numbers in, numbers out: intervals, metrics by counting, paired comparisons, calibration.

Nothing here reads a file, a clock or a setting; randomness comes in as a generator.
"""

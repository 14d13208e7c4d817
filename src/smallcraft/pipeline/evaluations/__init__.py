"""`smallcraft evaluate`: from rows and models of any make to measurements, comparisons and verdicts."""

"""The true value is at most the limit."""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.tolerance import at_most

# PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it.
AT_MOST = SliceRule("at_most", at_most)

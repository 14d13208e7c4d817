"""The true value is at least the limit."""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.tolerance import at_least

# PASS when the lower bound reaches the limit, FAIL when the upper bound stays below it.
AT_LEAST = SliceRule("at_least", at_least)

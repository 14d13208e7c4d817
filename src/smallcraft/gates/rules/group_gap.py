"""A group is no further from the rest of the rows than the limit, on either side.

Judges `<metric>_gap`: the group's share minus that of all other rows. FAIL has two sides to be wrong on, so
each gets half of what the confidence leaves; else a small tolerance would fail twice as often as stated.
"""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.tolerance import around_zero

# PASS when both bounds are within the limit of zero, FAIL when the nearer one is beyond it.
GROUP_GAP = SliceRule("group_gap", around_zero)

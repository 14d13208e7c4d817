"""A difference to the incumbent or the best is not below zero by more than the limit, a margin.

Judges `<metric>_over_incumbent` or `<metric>_over_best`: the candidate's minus the other's, positive is
better.
"""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.tolerance import not_below_zero_by_more

# PASS when the lower bound reaches minus the limit, FAIL when the upper bound stays below it.
NOT_WORSE_THAN = SliceRule("not_worse_than", not_below_zero_by_more)

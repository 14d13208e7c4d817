"""Of the rows that were right, at most a share of the limit turns wrong when the input is perturbed.

Judges `flip_rate` unless the gate names another one (`counterfactual_flip_rate`); each row counts once in a
slice, so the bounds are those of a share.
"""

from __future__ import annotations

from smallcraft.gates.slice_rule import SliceRule
from smallcraft.gates.tolerance import at_most

# PASS when the upper bound keeps to the limit, FAIL when the lower bound is above it.
FLIP_RATE = SliceRule("flip_rate", at_most, measurement="flip_rate")

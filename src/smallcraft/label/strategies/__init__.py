"""Strategies that choose what to ask about, one a file; this table is the list of them.

Always: within the number asked for, no row twice, only open rows, a chance in (0, 1] with every row.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.label.pool import Strategy
from smallcraft.label.strategies.coverage_first import CoverageFirst
from smallcraft.label.strategies.disagreement import Disagreement
from smallcraft.label.strategies.entropy import Entropy
from smallcraft.label.strategies.margin import Margin
from smallcraft.label.strategies.random import Random
from smallcraft.label.strategies.relabel_value import RelabelValue
from smallcraft.label.strategies.slice_value import SliceValue

BUILTIN: Mapping[str, Strategy] = {
    "random": Random(),
    "margin": Margin(),
    "entropy": Entropy(),
    "disagreement": Disagreement(),
    "coverage_first": CoverageFirst(),
    "relabel_value": RelabelValue(),
    "slice_value": SliceValue(),
}

"""Rules that turn measurements into verdicts, one a file; this table is the list of them.

Always: a missing measurement, or one without a value, never passes.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.contracts import Rule
from smallcraft.gates.rules.all_of import AllOf
from smallcraft.gates.rules.at_least import AtLeast
from smallcraft.gates.rules.at_most import AtMost
from smallcraft.gates.rules.budget import Budget
from smallcraft.gates.rules.card_complete import CardComplete
from smallcraft.gates.rules.epsilon_at_most import EpsilonAtMost
from smallcraft.gates.rules.flip_rate import FlipRate
from smallcraft.gates.rules.group_gap import GroupGap
from smallcraft.gates.rules.not_worse_than import NotWorseThan
from smallcraft.gates.rules.quality_index import QualityIndex

BUILTIN: Mapping[str, Rule] = {
    "at_least": AtLeast(),
    "at_most": AtMost(),
    "not_worse_than": NotWorseThan(),
    "group_gap": GroupGap(),
    "flip_rate": FlipRate(),
    "epsilon_at_most": EpsilonAtMost(),
    "quality_index": QualityIndex(),
    "budget": Budget(),
    "card_complete": CardComplete(),
    "all_of": AllOf(),
}

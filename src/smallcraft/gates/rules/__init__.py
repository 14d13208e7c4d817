"""Rules that turn measurements into verdicts, one a file; this table is the list of them.

Always: a missing measurement, or one without a value, never passes.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.contracts import Rule
from smallcraft.gates.rules.all_of import AllOf
from smallcraft.gates.rules.at_least import AT_LEAST
from smallcraft.gates.rules.at_most import AT_MOST
from smallcraft.gates.rules.budget import BUDGET
from smallcraft.gates.rules.card_complete import CardComplete
from smallcraft.gates.rules.epsilon_at_most import EpsilonAtMost
from smallcraft.gates.rules.flip_rate import FLIP_RATE
from smallcraft.gates.rules.group_gap import GROUP_GAP
from smallcraft.gates.rules.not_worse_than import NOT_WORSE_THAN
from smallcraft.gates.rules.quality_index import QualityIndex

BUILTIN: Mapping[str, Rule] = {
    "at_least": AT_LEAST,
    "at_most": AT_MOST,
    "not_worse_than": NOT_WORSE_THAN,
    "group_gap": GROUP_GAP,
    "flip_rate": FLIP_RATE,
    "epsilon_at_most": EpsilonAtMost(),
    "quality_index": QualityIndex(),
    "budget": BUDGET,
    "card_complete": CardComplete(),
    "all_of": AllOf(),
}

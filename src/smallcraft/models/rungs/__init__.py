"""The rungs of the ladder, cheapest first: one kind of candidate a file.

The table's order is the ladder's order, and breaks ties of cost.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Rung
from smallcraft.models.rungs.cascade import Cascade
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.rungs.linear import LINEAR
from smallcraft.models.rungs.majority import Majority
from smallcraft.models.rungs.ngram import NGRAM
from smallcraft.models.rungs.trees import Trees
from smallcraft.models.workshop import Workshop

BUILTIN: Mapping[str, Rung[Workshop, Stage]] = {
    "majority": Majority(),
    "linear": LINEAR,
    "ngram": NGRAM,
    "fast": FAST,
    "trees": Trees(),
    "frozen": FROZEN,
    "cascade": Cascade(),
}

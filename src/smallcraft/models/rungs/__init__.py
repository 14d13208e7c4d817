"""The rungs of the ladder, cheapest first: one kind of candidate a file.

The table's order is the ladder's order, and breaks ties of cost.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.bundle.stage import Stage
from smallcraft.contracts import Rung
from smallcraft.models.rungs.cascade import CASCADE
from smallcraft.models.rungs.cascade_student import CASCADE_STUDENT
from smallcraft.models.rungs.cascade_tuned import CASCADE_TUNED
from smallcraft.models.rungs.distilled import Distilled
from smallcraft.models.rungs.experts import Experts
from smallcraft.models.rungs.fast import FAST
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.rungs.linear import LINEAR
from smallcraft.models.rungs.lora import LORA
from smallcraft.models.rungs.majority import Majority
from smallcraft.models.rungs.ngram import NGRAM
from smallcraft.models.rungs.pruned import PRUNED
from smallcraft.models.rungs.student import STUDENT
from smallcraft.models.rungs.tiny import TINY
from smallcraft.models.rungs.trees import Trees
from smallcraft.models.rungs.tuned import TUNED
from smallcraft.models.workshop import Workshop

BUILTIN: Mapping[str, Rung[Workshop, Stage]] = {
    "majority": Majority(),
    "linear": LINEAR,
    "ngram": NGRAM,
    "tiny": TINY,
    "fast": FAST,
    "trees": Trees(),
    "distilled": Distilled(),
    "frozen": FROZEN,
    "cascade": CASCADE,
    "lora": LORA,
    "tuned": TUNED,
    "student": STUDENT,
    "pruned": PRUNED,
    "experts": Experts(),
    "cascade_tuned": CASCADE_TUNED,
    "cascade_student": CASCADE_STUDENT,
}

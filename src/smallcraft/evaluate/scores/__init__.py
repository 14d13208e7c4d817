"""Scores of quality, one a file; this table is the list of them.

Always: a score gives value, interval, n and method over all rows, or None with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.contracts import Score
from smallcraft.evaluate.scores.accuracy import Accuracy
from smallcraft.evaluate.scores.auroc import Auroc
from smallcraft.evaluate.scores.brier import Brier
from smallcraft.evaluate.scores.ece import Ece
from smallcraft.evaluate.scores.log_loss import LogLoss
from smallcraft.evaluate.scores.macro_f1 import MacroF1

BUILTIN: Mapping[str, Score] = {
    "accuracy": Accuracy(),
    "macro_f1": MacroF1(),
    "log_loss": LogLoss(),
    "brier": Brier(),
    "ece": Ece(),
    "auroc": Auroc(),
}

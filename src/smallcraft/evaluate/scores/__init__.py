"""Scores of quality, one a file; this table is the list of them.

Always: a score gives value, interval, n and method over all rows, or None with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.contracts import Score
from smallcraft.evaluate.scores.accuracy import Accuracy
from smallcraft.evaluate.scores.auroc import Auroc
from smallcraft.evaluate.scores.average_precision import AveragePrecisionScore
from smallcraft.evaluate.scores.balanced_accuracy import BalancedAccuracy
from smallcraft.evaluate.scores.brier import Brier
from smallcraft.evaluate.scores.ece import Ece
from smallcraft.evaluate.scores.kappa import Kappa
from smallcraft.evaluate.scores.log_loss import LogLoss
from smallcraft.evaluate.scores.macro_f1 import MacroF1
from smallcraft.evaluate.scores.macro_precision import MacroPrecision
from smallcraft.evaluate.scores.macro_recall import MacroRecall
from smallcraft.evaluate.scores.matthews import Matthews
from smallcraft.evaluate.scores.top_3_accuracy import Top3Accuracy
from smallcraft.evaluate.scores.weighted_f1 import WeightedF1

BUILTIN: Mapping[str, Score] = {
    "accuracy": Accuracy(),
    "macro_f1": MacroF1(),
    "balanced_accuracy": BalancedAccuracy(),
    "weighted_f1": WeightedF1(),
    "macro_precision": MacroPrecision(),
    "macro_recall": MacroRecall(),
    "matthews": Matthews(),
    "kappa": Kappa(),
    "top_3_accuracy": Top3Accuracy(),
    "log_loss": LogLoss(),
    "brier": Brier(),
    "ece": Ece(),
    "auroc": Auroc(),
    "average_precision": AveragePrecisionScore(),
}

"""Scores over probabilities are withheld where a model gives labels only.

Always: such a score is a measurement without a value, with the reason; every other score depends on the most
probable class alone (a test holds all of `evaluate.scores` to that).
"""

from __future__ import annotations

from collections.abc import Iterable

from smallcraft.records import Measurement

NEEDS_PROBABILITIES = frozenset({"log_loss", "brier", "ece", "auroc", "average_precision", "top_3_accuracy"})
WHY = (
    "not measured: the model answers with labels only; let it give a probability a class "
    "(predict_proba, or a table of n rows and k columns)"
)


def withhold_probability_scores(measured: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """The measurements with those over probabilities taken back.

    >>> found = Measurement("brier", 0.2, "loss", 9, "Student t 95%")
    >>> withhold_probability_scores([found])[0].value is None
    True
    """
    return tuple(
        Measurement(
            found.name, None, found.unit, found.n, "", split=found.split, slice=found.slice, detail=WHY
        )
        if found.name in NEEDS_PROBABILITIES
        else found
        for found in measured
    )

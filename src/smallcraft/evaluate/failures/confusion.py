"""Confusion pairs: which class is answered in place of which, how often, and on which rows.

Always: only errors on rows whose label is a class are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.records import Predictions


@dataclass(frozen=True)
class ConfusedPair:
    """One class answered in place of another.

    Attributes:
        truth: The right class.
        answered: The one that was answered.
        rows: `(m,)` int64 positions, the most confident error first.
        share_of_errors: Of all errors.
        share_of_class: Of the rows of the right class.
    """

    truth: str
    answered: str
    rows: NDArray[np.int64]
    share_of_errors: float
    share_of_class: float


def confused_pairs(predictions: Predictions, *, most: int, least: int = 2) -> tuple[ConfusedPair, ...]:
    """The most frequent pairs, at least `least` rows each; ties in the order of the classes.

    Args:
        predictions: Answers beside the truth.
        most: Pairs wanted.
        least: Rows that a pair needs: one error is no pattern.
    """
    truth, answered = predictions.truth, predictions.predicted
    wrong = np.flatnonzero((truth >= 0) & (truth != answered))
    k = len(predictions.classes)
    codes, counts = np.unique(truth[wrong] * k + answered[wrong], return_counts=True)
    sizes = np.bincount(truth[truth >= 0], minlength=k)
    found = []
    for place in np.argsort(-counts, kind="stable")[:most].tolist():
        true, called = divmod(int(codes[place]), k)
        if counts[place] < least:
            break
        rows = wrong[(truth[wrong] == true) & (answered[wrong] == called)]
        order = np.argsort(-predictions.probs[rows, called], kind="stable")
        found.append(
            ConfusedPair(
                predictions.classes[true],
                predictions.classes[called],
                rows[order].astype(np.int64),
                len(rows) / len(wrong),
                len(rows) / int(sizes[true]),
            )
        )
    return tuple(found)

"""What leaked rows do to the measured accuracy: with them, without them, and the difference.

Which rows leaked belongs to `data.checks.leakage`, the interval of each share to `stats.intervals`.
Always: the difference is *with* minus *without*, so a positive one flatters the model. It equals the leaked
share times (accuracy on leaked rows minus accuracy on the others); its interval takes that share as given and
both kinds of rows as samples. What would be divided by no rows has no value.
Source: Donner and Zou (2012), Statistical Methods in Medical Research 21:347-359, for the interval of a
difference from two intervals (Newcombe 1998 with other limits).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval, Measurement, Predictions
from smallcraft.stats.intervals import share_interval

WITH, WITHOUT, EFFECT = "accuracy_with_leaked", "accuracy_without_leaked", "leak_effect"


def measure_without(
    predictions: Predictions,
    leaked: NDArray[np.int64],
    *,
    split: str,
    confidence: float,
    seed: int,  # noqa: ARG001 - the intervals need no draw; every measure takes one
) -> tuple[Measurement, ...]:
    """Accuracy with and without the leaked rows, and by how much they raise it.

    Args:
        predictions: Of all rows of the split, by a model that learned from the rows they copy.
        leaked: Positions of rows that copy a row the model may have learned from; each counts once.
        split: Whose rows.
        confidence: Of each interval, a fraction in (0, 1).
        seed: Not needed.

    Returns:
        `accuracy_with_leaked`, `accuracy_without_leaked` and `leak_effect`, the first minus the second.

    Raises:
        InvalidInputError: A position is not one of the split's rows.
    """
    rows = len(predictions.truth)
    chosen = np.unique(np.asarray(leaked, dtype=np.int64))
    if len(chosen) and (chosen[0] < 0 or chosen[-1] >= rows):
        raise InvalidInputError(
            f"leaked rows are positions among the {rows:,} rows of {split}, got {chosen[0]} to {chosen[-1]}; "
            "pass the rows that the leakage check flagged in this split"
        )
    is_leaked = np.zeros(rows, dtype=np.bool_)
    is_leaked[chosen] = True
    every = np.ones(rows, dtype=np.bool_)
    return (
        _accuracy(WITH, predictions, every, split, confidence),
        _accuracy(WITHOUT, predictions, ~is_leaked, split, confidence),
        _effect(predictions, is_leaked, split, confidence),
    )


def _method(predictions: Predictions, confidence: float) -> str:
    adjusted = "" if predictions.clusters is None else ", Korn-Graubard effective rows"
    return f"Clopper-Pearson {confidence:.0%}{adjusted}"


def _accuracy(
    name: str, predictions: Predictions, chosen: NDArray[np.bool_], split: str, confidence: float
) -> Measurement:
    method, n = _method(predictions, confidence), int(chosen.sum())
    if n == 0:
        why = "no row is left: all of them leaked" if len(chosen) else "the split has no rows"
        return Measurement(name, None, "fraction", 0, method, split=split, detail=why)
    interval = _share(predictions, chosen, confidence)
    value = float((predictions.truth == predictions.predicted)[chosen].mean())
    return Measurement(name, value, "fraction", n, method, interval.low, interval.high, split=split)


def _share(predictions: Predictions, chosen: NDArray[np.bool_], confidence: float) -> Interval:
    right = (predictions.truth == predictions.predicted)[chosen]
    clusters = None if predictions.clusters is None else predictions.clusters[chosen]
    return share_interval(right, level=confidence, clusters=clusters)


def _effect(
    predictions: Predictions, is_leaked: NDArray[np.bool_], split: str, confidence: float
) -> Measurement:
    n, count = len(is_leaked), int(is_leaked.sum())
    method = f"leaked share x difference of two shares (Donner-Zou), each {_method(predictions, confidence)}"
    if count == n:
        why = "there is no row that did not leak to compare with"
        return Measurement(EFFECT, None, "fraction", n, method, split=split, detail=why)
    if count == 0:
        why = "no row leaked"
        return Measurement(EFFECT, 0.0, "fraction", n, method, 0.0, 0.0, split=split, detail=why)
    right = predictions.truth == predictions.predicted
    on_leaked, on_others = float(right[is_leaked].mean()), float(right[~is_leaked].mean())
    leaked = _share(predictions, is_leaked, confidence)
    others = _share(predictions, ~is_leaked, confidence)
    down = math.hypot(on_leaked - leaked.low, others.high - on_others)
    up = math.hypot(leaked.high - on_leaked, on_others - others.low)
    share, away = count / n, on_leaked - on_others
    return Measurement(
        name=EFFECT,
        value=share * away,
        unit="fraction",
        n=n,
        method=method,
        low=share * max(-1.0, away - down),
        high=share * min(1.0, away + up),
        split=split,
        detail=f"{count:,} leaked rows, accuracy on them {on_leaked:.4f}, on the others {on_others:.4f}",
    )

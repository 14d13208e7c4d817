"""The scores of several labels a row, by name.

Always: a score gives value, interval, n and method over all rows, or None with the reason. Shares of rows
have exact intervals; labels of one row never count as independent of each other.
Left to others: slices (`evaluate.tags.run`), differences of two candidates (`evaluate.tags.differences`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.measuring.estimates import FRACTION, measure_hits
from smallcraft.evaluate.measuring.losses import measure_losses
from smallcraft.records import Measurement, TagPredictions
from smallcraft.stats.average_precision import (
    AveragePrecision,
    average_precision,
    average_precision_interval,
)
from smallcraft.stats.tag_metrics import (
    TagCounts,
    TagMetric,
    f1_interval,
    macro_f1,
    micro_f1,
    more_errors,
)

_LEAST_PROBABILITY = 2.220446049250313e-16


@dataclass(frozen=True)
class TagScore:
    """One score.

    Attributes:
        measure: From predictions and the interval's coverage.
        higher_is_better: Direction.
    """

    measure: Callable[[TagPredictions, float], Measurement]
    higher_is_better: bool = True


def counts_of(predictions: TagPredictions) -> TagCounts:
    """Truth beside what was decided."""
    return TagCounts(predictions.truth, predictions.predicted)


def tag_log_losses(predictions: TagPredictions) -> NDArray[np.float64]:
    """`(n,)` mean over the labels of the negative log-probability of what is true."""
    of_truth = np.where(predictions.truth, predictions.probs, 1 - predictions.probs)
    return np.asarray(-np.log(np.maximum(of_truth, _LEAST_PROBABILITY)).mean(axis=1))


def label_precision(predictions: TagPredictions) -> AveragePrecision | None:
    """Mean average precision of the labels that some row has; None where no row has any."""
    sizes = predictions.truth.sum(axis=0)
    present = np.flatnonzero(sizes)
    if not len(present):
        return None
    found = [average_precision(predictions.truth[:, j], predictions.probs[:, j]) for j in present]
    return AveragePrecision(
        value=float(np.mean([one.value for one in found])),
        influence=np.mean([one.influence for one in found], axis=0),
        positives=int(sizes[present].min()),
        unseen=float(np.mean(sizes[present] == 1)),
    )


def _f1(name: str, metric: TagMetric) -> Callable[[TagPredictions, float], Measurement]:
    def measure(predictions: TagPredictions, confidence: float) -> Measurement:
        counts = counts_of(predictions)
        clustered = "" if predictions.clusters is None else ", clustered"
        method = (
            f"infinitesimal jackknife {confidence:.0%}{clustered}, no surer than the exact share of errors"
        )
        base = Measurement(name, None, FRACTION, len(counts.truth), method)
        if not counts.seen.any():
            return dataclasses.replace(base, detail="no row has a label, and none was given")
        bounds = f1_interval(counts, metric, level=confidence, clusters=predictions.clusters)
        value = metric(counts).value
        return dataclasses.replace(base, value=value, low=bounds.low, high=bounds.high, level=confidence)

    return measure


def _subset_accuracy(predictions: TagPredictions, confidence: float) -> Measurement:
    hits = ~counts_of(predictions).has_error
    return measure_hits("subset_accuracy", hits, predictions.clusters, confidence=confidence)


def _hamming_loss(predictions: TagPredictions, confidence: float) -> Measurement:
    wrong = (predictions.truth != predictions.predicted).mean(axis=1)
    found = measure_losses("hamming_loss", FRACTION, wrong, predictions.clusters, confidence=confidence)
    if found.value is None or found.high is None:
        return found
    # No surer than the exact share of rows with an error, each of which has one wrong label at least.
    more = more_errors(wrong > 0, predictions.clusters, level=confidence) / predictions.truth.size
    return dataclasses.replace(found, high=min(1.0, max(found.high, found.value + more)))


def _average_precision(predictions: TagPredictions, confidence: float) -> Measurement:
    found = label_precision(predictions)
    method = f"infinitesimal jackknife on the logit scale {confidence:.0%}"
    base = Measurement("average_precision", None, FRACTION, len(predictions.truth), method)
    if found is None:
        return dataclasses.replace(base, detail="no row has a label")
    bounds = average_precision_interval(found, level=confidence, clusters=predictions.clusters)
    return dataclasses.replace(base, value=found.value, low=bounds.low, high=bounds.high, level=confidence)


def _log_loss(predictions: TagPredictions, confidence: float) -> Measurement:
    losses = tag_log_losses(predictions)
    return measure_losses("log_loss", "nats", losses, predictions.clusters, confidence=confidence)


SCORES: Mapping[str, TagScore] = {
    "micro_f1": TagScore(_f1("micro_f1", micro_f1)),
    "macro_f1": TagScore(_f1("macro_f1", macro_f1)),
    "subset_accuracy": TagScore(_subset_accuracy),
    "hamming_loss": TagScore(_hamming_loss, higher_is_better=False),
    "average_precision": TagScore(_average_precision),
    "log_loss": TagScore(_log_loss, higher_is_better=False),
}

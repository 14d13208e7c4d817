"""A bundle's answers beside the truth, in the form that its task is measured in.

Always: row order is the split's; what was decided is what the bundle itself would answer.
Left to others: asking the bundle (`stages.measure`), the numbers made of it (`evaluate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.runtime import TASK_OF_LINK
from smallcraft.data.targets import encode_labels, label_counts
from smallcraft.evaluate.tags.run import rows_of as tag_rows
from smallcraft.evaluate.values.run import rows_of as value_rows
from smallcraft.records import (
    AnyPredictions,
    Predictions,
    Roles,
    TagPredictions,
    Task,
    ValuePredictions,
)

Floats = NDArray[np.float64]


def predictions_beside_truth(
    probs: Floats,
    labels: pl.Series,
    roles: Roles,
    *,
    classes: tuple[str, ...],
    decoder: Decoder,
    clusters: NDArray[np.int64] | None,
) -> AnyPredictions:
    """Answers beside given labels.

    Args:
        probs: `(n, k)` as a bundle gives them; of a regression `(n, 1)` values.
        labels: The label column, in its one spelling.
        roles: Says what parts labels.
        classes: The `k` outputs. One of several labels that is none of them is a class more, never given.
        decoder: The bundle's; says the task and what is decided.
        clusters: `(n,)` equal for rows of one key; None where every row stands alone.
    """
    roles = replace(roles, task=TASK_OF_LINK[decoder.link])
    if roles.task == "multilabel":
        classes = (*classes, *(name for name in label_counts(labels, roles) if name not in classes))
    truth = encode_labels(labels, roles, classes)
    return _MAKE[roles.task](np.asarray(probs, dtype=np.float64), truth, classes, decoder, clusters)


def with_answers(
    whole: AnyPredictions, probs: Floats, decoder: Decoder, *, rows: NDArray[np.int64] | None = None
) -> AnyPredictions:
    """The same rows, or some of them, with other answers.

    Args:
        whole: Has the truth.
        probs: `(n, k)`.
        decoder: Says what is decided.
        rows: `(n,)` positions of the rows that are answered; None for all.
    """
    truth: NDArray[Any] = whole.truth
    clusters = whole.clusters
    if rows is not None:
        truth, clusters = truth[rows], None if clusters is None else clusters[rows]
    return _MAKE[TASK_OF_LINK[decoder.link]](probs, truth, whole.classes, decoder, clusters)


def without_answers(
    labels: NDArray[Any], task: Task, classes: tuple[str, ...], clusters: NDArray[np.int64] | None
) -> AnyPredictions:
    """Truth alone, for answers to be set beside it.

    Args:
        labels: As a workshop has them for the task.
        task: What they are.
        classes: The `k` outputs.
        clusters: `(n,)` equal for rows of one key.
    """
    nothing = np.empty((0, len(classes)))
    if task == "multilabel":
        return TagPredictions(classes, labels > 0, nothing, nothing > 0, clusters)
    if task == "regression":
        return ValuePredictions(classes, labels, nothing[:, 0], clusters=clusters)
    return Predictions(classes, labels, nothing, clusters)


def keep_rows(predictions: AnyPredictions, kept: NDArray[np.bool_]) -> AnyPredictions:
    """The answers on some of the rows."""
    return _KEEP[type(predictions)](predictions, kept)


def _make_classes(
    probs: Floats,
    truth: NDArray[Any],
    classes: tuple[str, ...],
    decoder: Decoder,  # noqa: ARG001 - the most probable class is measured, whatever is decided by it
    clusters: NDArray[np.int64] | None,
) -> Predictions:
    return Predictions(classes, truth, probs, clusters)


def _make_tags(
    probs: Floats,
    truth: NDArray[Any],
    classes: tuple[str, ...],
    decoder: Decoder,
    clusters: NDArray[np.int64] | None,
) -> TagPredictions:
    decider = decoder.decides
    assert isinstance(decider, Thresholds), "several labels a row are decided by thresholds"
    given, unknown = decider.choose(probs), ((0, 0), (0, len(classes) - probs.shape[1]))
    return TagPredictions(classes, truth > 0, np.pad(probs, unknown), np.pad(given, unknown), clusters)


def _make_values(
    probs: Floats,
    truth: NDArray[Any],
    classes: tuple[str, ...],
    decoder: Decoder,
    clusters: NDArray[np.int64] | None,
) -> ValuePredictions:
    decider = decoder.decides
    assert isinstance(decider, Value), "numbers are answered as they are"
    told = decider.decide(probs, classes)
    return ValuePredictions(
        classes, truth, probs[:, 0], told.low, told.high, coverage=decider.coverage, clusters=clusters
    )


def _class_rows(predictions: Predictions, kept: NDArray[np.bool_]) -> Predictions:
    clusters = predictions.clusters
    return Predictions(
        predictions.classes,
        predictions.truth[kept],
        predictions.probs[kept],
        None if clusters is None else clusters[kept],
    )


_MAKE: Mapping[Task, Callable[..., AnyPredictions]] = {
    "multiclass": _make_classes,
    "multilabel": _make_tags,
    "regression": _make_values,
}
_KEEP: Mapping[type, Callable[..., AnyPredictions]] = {
    Predictions: _class_rows,
    TagPredictions: tag_rows,
    ValuePredictions: value_rows,
}

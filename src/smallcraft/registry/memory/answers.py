"""The evaluation log: what the chosen candidate said of every dev row, and what two logs say together.

Two releases whose dev rows overlap are compared on the rows that both saw: a paired difference, sharper than
two intervals side by side.
Leaves to others: row ids (`memory.rows`), intervals (`stats.comparisons`), the file (`memory.arrays`).
Always: the same answers give the same bytes in whatever order the rows came; the sealed split has no log.
Covered: rows that occur twice, rows whose label changed (judged by the one they have now), classes that came
or went, rows that share a key.
Not covered: metrics that need every class's probability; only that of the predicted class is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import Interval, Predictions
from smallcraft.registry.memory.arrays import Columns, read_columns, write_columns
from smallcraft.registry.memory.rows import Ids
from smallcraft.stats.cells import Cells, class_counts, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS
from smallcraft.stats.comparisons import paired_accuracy_difference, paired_metric_difference

ANSWERS_FILE = "evaluation/dev.npz"
_FORMAT = 1
_TYPES = {"rows": "<u8", "truth": "<i4", "predicted": "<i4", "confidence": "<f4", "clusters": "<i8"}
# Equal logs must give equal intervals, today and when someone checks them.
_SEED = 0
COUNTED_METRICS = tuple(COUNT_METRICS)


@dataclass(frozen=True)
class AnswerLog:
    """Answers to the rows of one split, in an order that says nothing.

    Attributes:
        classes: The `k` class names; codes below index it.
        rows: `(n,)` uint64 ids over what the model read.
        truth: `(n,)` int64 codes, -1 where the label is none of the classes.
        predicted: `(n,)` int64 codes.
        confidence: `(n,)` float32 probability of the predicted class.
        clusters: `(n,)` int64, equal for rows of one key; None when every row stands alone.
    """

    classes: tuple[str, ...]
    rows: Ids
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float32]
    clusters: NDArray[np.int64] | None


@dataclass(frozen=True)
class PairedDifference:
    """How much better the later candidate is on the rows that both saw.

    Attributes:
        metric: Its name.
        before: Value of the earlier candidate on these rows.
        after: Value of the later one.
        difference: After minus before.
        interval: Bounds of the true difference.
        level: Two-sided coverage of the bounds.
        n: Rows that both saw.
        relabelled: How many of them have another label than they had; judged by the one they have now.
        is_drawn: Whether the bounds come from random draws, and may move a little under other versions.
        method: How the bounds were found.
    """

    metric: str
    before: float
    after: float
    difference: float
    interval: Interval
    level: float
    n: int
    relabelled: int
    is_drawn: bool
    method: str


def answer_log(predictions: Predictions, rows: Ids) -> AnswerLog:
    """The log of a candidate's answers.

    Args:
        predictions: On n rows.
        rows: `(n,)` their ids.

    Raises:
        InvalidInputError: Another number of ids.
    """
    n = len(predictions.truth)
    if len(rows) != n:
        raise InvalidInputError(f"each answer needs one row id, got {len(rows)} for {n} answers")
    predicted = predictions.predicted
    confidence = predictions.probs[np.arange(n), predicted].astype(np.float32)
    clusters = predictions.clusters
    log = AnswerLog(predictions.classes, rows, predictions.truth, predicted, confidence, clusters)
    return _in_order(log)


def encode_answers(log: AnswerLog) -> bytes:
    """The bytes of `evaluation/dev.npz`."""
    clusters = np.empty(0, dtype=np.int64) if log.clusters is None else log.clusters
    columns: dict[str, NDArray[Any]] = {
        "rows": log.rows,
        "truth": log.truth,
        "predicted": log.predicted,
        "confidence": log.confidence,
        "clusters": clusters,
    }
    about = {"format": _FORMAT, "classes": log.classes, "is_clustered": log.clusters is not None}
    return write_columns(Columns(about, {name: columns[name].astype(_TYPES[name]) for name in _TYPES}))


def decode_answers(data: bytes, *, what: str = ANSWERS_FILE) -> AnswerLog:
    """The log from its bytes.

    Raises:
        IntegrityError: The bytes are not what `encode_answers` writes.
    """
    found = read_columns(data, what=what, wanted=_TYPES)
    classes, is_clustered = found.about.get("classes"), found.about.get("is_clustered")
    if found.about.get("format") != _FORMAT or not isinstance(classes, list):
        raise IntegrityError(
            f"{what} must be of format {_FORMAT} and name its classes, got {found.about.get('format')!r}; "
            "read it with the smallcraft version that wrote it"
        )
    columns = found.arrays
    lengths = {len(columns[name]) for name in _TYPES if name != "clusters" or is_clustered}
    codes = np.concatenate([columns["truth"], columns["predicted"]])
    is_coded = bool(np.all((codes >= -1) & (codes < len(classes))) and np.all(columns["predicted"] >= 0))
    if len(lengths) != 1 or not is_coded:
        raise IntegrityError(f"{what}: every row needs one code of each kind in range; do not use this file")
    return AnswerLog(
        tuple(map(str, classes)),
        columns["rows"].astype(np.uint64),
        columns["truth"].astype(np.int64),
        columns["predicted"].astype(np.int64),
        columns["confidence"].astype(np.float32),
        columns["clusters"].astype(np.int64) if is_clustered else None,
    )


def logged_value(log: AnswerLog, metric: str) -> float:
    """A counted metric over the whole log.

    Raises:
        InvalidInputError: The metric is none of `COUNTED_METRICS`.
    """
    _require_counted(metric)
    return _value(count_cells(log.truth, log.predicted, len(log.classes)), metric)


def pair_answers(
    before: AnswerLog, after: AnswerLog, *, metric: str, level: float
) -> PairedDifference | None:
    """The difference on the rows that both saw; None when there are none.

    Args:
        before: The earlier candidate's answers.
        after: The later one's; its labels judge both.
        metric: One of `COUNTED_METRICS`.
        level: Two-sided coverage, a fraction in (0, 1).

    Raises:
        InvalidInputError: Another metric.
    """
    _require_counted(metric)
    shared = _shared_rows(before, after)
    if shared is None:
        return None
    mine, theirs = shared
    classes = tuple(dict.fromkeys((*mine.classes, *theirs.classes)))
    codes = np.array([classes.index(name) for name in theirs.classes], dtype=np.int64)
    other = codes[theirs.predicted]
    was = np.where(theirs.truth >= 0, codes[theirs.truth], -1)
    cells = count_cells(mine.truth, mine.predicted, len(classes), other, clusters=mine.clusters)
    rng = np.random.default_rng(_SEED)
    if metric == "accuracy":
        found = paired_accuracy_difference(cells, level=level, rng=rng)
        is_drawn = mine.clusters is not None
        method = "Tango with a continuity correction"
    else:
        found = paired_metric_difference(cells, COUNT_METRICS[metric], level=level, rng=rng)
        is_drawn, method = True, "paired bootstrap, 2000 draws"
    now, then = _value(cells, metric), _value(cells.swapped(), metric)
    return PairedDifference(
        metric=metric,
        before=then,
        after=now,
        difference=found.value,
        interval=found.interval,
        level=level,
        n=cells.n,
        relabelled=int(np.count_nonzero(was != mine.truth)),
        is_drawn=is_drawn,
        method=f"{method}, clustered by key" if mine.clusters is not None else method,
    )


def _shared_rows(before: AnswerLog, after: AnswerLog) -> tuple[AnswerLog, AnswerLog] | None:
    """The later log's rows that the earlier one has too, and the earlier answers to them."""
    if not len(before.rows):
        return None
    ids, first = np.unique(before.rows, return_index=True)
    places = np.minimum(np.searchsorted(ids, after.rows), len(ids) - 1)
    is_shared = ids[places] == after.rows
    if not is_shared.any():
        return None
    # Where a row stands several times, a model answered each alike: the first answer is all of them.
    return _taken(after, np.flatnonzero(is_shared)), _taken(before, first[places[is_shared]])


def _taken(log: AnswerLog, places: NDArray[np.intp]) -> AnswerLog:
    return replace(
        log,
        rows=log.rows[places],
        truth=log.truth[places],
        predicted=log.predicted[places],
        confidence=log.confidence[places],
        clusters=None if log.clusters is None else log.clusters[places],
    )


def _in_order(log: AnswerLog) -> AnswerLog:
    """Rows by id, clusters numbered as they come."""
    last = np.zeros(len(log.rows), dtype=np.int64) if log.clusters is None else log.clusters
    sorted_log = _taken(log, np.lexsort((last, log.confidence, log.predicted, log.truth, log.rows)))
    if sorted_log.clusters is None:
        return sorted_log
    _, first, inverse = np.unique(sorted_log.clusters, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return replace(sorted_log, clusters=rank[inverse])


def _value(cells: Cells, metric: str) -> float:
    return float(COUNT_METRICS[metric](class_counts(cells)))


def _require_counted(metric: str) -> None:
    if metric not in COUNT_METRICS:
        raise InvalidInputError(
            f"an evaluation log gives {', '.join(COUNTED_METRICS)}, got '{metric}'; "
            "what needs every probability stands in the evidence"
        )

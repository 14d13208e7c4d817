"""Confident learning: which given labels the model's out-of-sample probabilities speak against, and how many.

The threshold of a class is the mean probability that rows of that label give it. A row counts for the class
whose threshold it reaches, so what counts as confident is learned for each class.
1. one pass over the table looks for rows that are no probabilities and gathers what rows give their own label
2. thresholds follow; a second pass counts the confident joint, flags, predicts and scores
3. the joint is scaled to the labels as they were given, and rounded to whole rows
Always: flags, predictions, counts and joint are those of cleanlab 2.9 (`filter_by="confident_learning"`) to
the last row, given the same probabilities; the results take 17 bytes a row, and nothing else grows with the
rows. Scores are float32: rows tie where their odds differ by a millionth or so, which no model can tell.
Left to others: what a flag is worth (`data.quality`), scores alone (`stats.label_scores`).
Source: Northcutt, Jiang, Chuang (2021), Confident Learning, JAIR 70:1373-1411, sections 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.stats.label_scores import LEAST_PROBABILITY, require_labels

# A row whose sum is further from 1 than the first is divided by it; further than the second, it is refused.
EVEN_SUM = 1e-6
FAR_SUM = 1e-3
# No probability reaches this threshold: that of a class that no row was given.
ABSENT_THRESHOLD = 2.0
_CLOSE = 1e-6
_LEAST_THRESHOLD = 2e-6
_BLOCK_NUMBERS = 1 << 18

_Table = NDArray[np.floating]
_Codes = NDArray[np.int64]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True)
class ConfidentCount:
    """What confident learning finds among `n` rows of `k` classes.

    Attributes:
        thresholds: `(k,)` float64, mean probability of a class over the rows given it; 2 for a class that
            no row was given.
        counts: `(k, k)` int64 confident joint: rows by given label and confident class; the diagonal is at
            least 1.
        joint: `(k, k)` float64, the counts scaled to how often each label was given; sums to 1.
        flagged: `(n,)` bool: confidently of another class than the given one.
        predicted: `(n,)` int64 codes of the most probable class; the first one on a tie.
        self_confidence: `(n,)` float32, probability of the given label.
        margin: `(n,)` float32, `log p_given - log max p_other`; lower is worse.
        expected_errors: `n * (1 - trace(joint))`: a rank-and-count estimate, not an audit.
        note: Says so where rows did not quite sum to 1 and were divided by their sum; else empty.
    """

    thresholds: NDArray[np.float64]
    counts: NDArray[np.int64]
    joint: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    predicted: NDArray[np.int64]
    self_confidence: NDArray[np.float32]
    margin: NDArray[np.float32]
    expected_errors: float
    note: str


def count_confidently(labels: NDArray[np.int64], probs: NDArray[np.floating]) -> ConfidentCount:
    """Everything in two passes over the table.

    Args:
        labels: `(n,)` integer codes in `[0, k)`, at least two different ones among them.
        probs: `(n, k)` float32 or float64, n at least 1, k at least 2: out-of-sample probabilities, rows
            summing to 1. Rows off by up to 0.001 are divided by their sum. C order is read where it lies,
            anything else in blocks.

    Raises:
        InvalidInputError: A bound above does not hold; the message names the row.

    >>> probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]])
    >>> found = count_confidently(np.array([0, 0, 0, 1, 1]), probs)
    >>> found.flagged.tolist(), found.thresholds.round(2).tolist()
    ([False, False, True, False, False], [0.6, 0.9])
    """
    codes, table = _read_only(require_labels(labels, probs)), np.asarray(probs)
    per_class = _count_labels(codes, table.shape[1])
    n, k = table.shape
    flagged, predicted = np.empty(n, dtype=np.bool_), np.empty(n, dtype=np.int64)
    own, margin = np.empty(n, dtype=np.float32), np.empty(n, dtype=np.float32)
    # A column of the table's own type, sorted by class, is needed before the second pass writes results: it
    # borrows the room of one of them.
    by_class = margin if table.dtype == np.float32 else predicted.view(np.float64)
    uneven, furthest = _gather(codes, table, per_class, own=own, by_class=by_class)
    thresholds, cutoffs = _find_thresholds(by_class, per_class, table.dtype)
    counts = np.zeros((k, k), dtype=np.int64)
    _scan(codes, table, cutoffs, counts=counts, out=(flagged, predicted, margin), repair=uneven > 0)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    calibrated = _calibrate(counts, per_class)
    return ConfidentCount(
        thresholds,
        counts,
        calibrated / calibrated.sum(),
        flagged,
        predicted,
        own,
        margin,
        float(n - calibrated.trace()),
        _tell(uneven, n, furthest),
    )


def _count_labels(codes: _Codes, k: int) -> _Codes:
    if len(codes) == 0:
        raise InvalidInputError(
            "confident learning needs at least one row, got none; check how rows were chosen"
        )
    per_class = np.bincount(codes, minlength=k)
    if np.count_nonzero(per_class) < 2:
        raise InvalidInputError(
            f"confident learning needs rows of at least two labels, got {len(codes):,} rows that all have "
            f"label {codes[0]}; there is nothing that a label could be confused with"
        )
    return per_class.astype(np.int64, copy=False)


def _gather(
    codes: _Codes, table: _Table, per_class: _Codes, *, own: NDArray[np.float32], by_class: _Table
) -> tuple[int, float]:
    """(1) Fill `own` and `by_class`; how many rows had to be divided by their sum, and the furthest gap."""
    uneven, furthest = _gather_as_is(codes, table, per_class, own=own, by_class=by_class, repair=False)
    if uneven:
        _gather_as_is(codes, table, per_class, own=own, by_class=by_class, repair=True)
    return uneven, furthest


def _gather_as_is(
    codes: _Codes,
    table: _Table,
    per_class: _Codes,
    *,
    own: NDArray[np.float32],
    by_class: _Table,
    repair: bool,
) -> tuple[int, float]:
    from smallcraft.stats.kernels.confident import FURTHEST, REFUSED, UNEVEN, gather_own

    places = np.cumsum(per_class) - per_class
    total, furthest = 0, 0.0
    for start, block in _blocks(table, repair=repair):
        rows = slice(start, start + len(block))
        report = np.array([0.0, EVEN_SUM, FAR_SUM])
        gather_own(codes[rows], block, places, (own[rows], by_class), report)
        if report[REFUSED] >= 0:
            raise InvalidInputError(_why_refused(block, start, int(report[REFUSED])))
        total += int(report[UNEVEN])
        furthest = max(furthest, float(report[FURTHEST]))
    return total, furthest


def _find_thresholds(
    by_class: _Table, per_class: _Codes, dtype: np.dtype[np.floating]
) -> tuple[NDArray[np.float64], _Table]:
    """(2) Thresholds, and what a probability of that type has to reach."""
    given = per_class > 0
    ends = np.cumsum(per_class)
    sums = [
        np.add.reduce(by_class[end - count : end])
        for end, count in zip(ends[given], per_class[given], strict=True)
    ]
    # In the type of the table where every class has rows: the last bits are then those of a plain mean.
    thresholds = np.full(len(per_class), ABSENT_THRESHOLD, dtype=dtype if given.all() else np.float64)
    thresholds[given] = (np.array(sums, dtype=np.float64) / per_class[given]).astype(dtype)
    thresholds = np.maximum(thresholds, thresholds.dtype.type(_LEAST_THRESHOLD))
    reached = thresholds - _CLOSE
    cutoffs = reached.astype(dtype)
    below = cutoffs < reached
    cutoffs[below] = np.nextafter(cutoffs[below], dtype.type(np.inf))
    return thresholds.astype(np.float64), cutoffs


def _scan(
    codes: _Codes,
    table: _Table,
    cutoffs: _Table,
    *,
    counts: _Codes,
    out: tuple[NDArray[np.bool_], _Codes, NDArray[np.float32]],
    repair: bool,
) -> None:
    from smallcraft.stats.kernels.confident import scan_rows

    flagged, predicted, margin = out
    words = np.int32 if table.dtype == np.float32 else np.int64
    limits = (cutoffs, table.dtype.type(_CLOSE), LEAST_PROBABILITY)
    for start, block in _blocks(table, repair=repair):
        rows = slice(start, start + len(block))
        parts = (flagged[rows], predicted[rows], margin[rows])
        scan_rows(codes[rows], (block, block.view(words)), limits, counts, parts)


def _blocks(table: _Table, *, repair: bool) -> Iterator[tuple[int, _Table]]:
    """The table as compiled code takes it: whole where it lies so already, else copied block by block."""
    if table.flags.c_contiguous and table.flags.aligned and not repair:
        yield 0, _read_only(table)
        return
    step = max(1, _BLOCK_NUMBERS // table.shape[1])
    for start in range(0, len(table), step):
        block = np.array(table[start : start + step], order="C")
        if repair:
            sums = block.sum(axis=1, dtype=np.float64, keepdims=True)
            np.divide(block, sums, out=block, where=np.abs(sums - 1) > EVEN_SUM, casting="same_kind")
        yield start, _read_only(block)


def _read_only(array: NDArray[_Number]) -> NDArray[_Number]:
    """A view that is not to be written, so that arrays of either kind run the same compiled code."""
    view = array.view()
    view.flags.writeable = False
    return view


def _calibrate(counts: _Codes, per_class: _Codes) -> _Codes:
    """(3) Counts with the row sums of the given labels, in whole rows.

    A row is rounded entry by entry; what its sum then lacks goes to the entries that rounding took most from.
    """
    # Which of two equal remainders comes first hangs on last bits, so this sums as cleanlab does: by column.
    scaled = np.ascontiguousarray(counts.T) / counts.sum(axis=1) * per_class
    scaled = (scaled / scaled.sum() * per_class.sum()).T
    whole = np.round(scaled)
    lacking = np.round(scaled.sum(axis=1)) - whole.sum(axis=1)
    order = np.argsort(scaled - whole, axis=1)
    place = np.arange(len(whole))
    changed = (place >= len(whole) - lacking[:, None]) | (place < -lacking[:, None])
    change = np.zeros_like(whole)
    np.put_along_axis(change, order, changed * np.sign(lacking)[:, None], axis=1)
    whole += change
    return np.asarray(whole, dtype=np.int64)


def _why_refused(block: _Table, start: int, row: int) -> str:
    values = block[row]
    wanted = "probs must have rows of numbers from 0 that sum to 1"
    if not np.isfinite(values).all():
        column = int(np.flatnonzero(~np.isfinite(values))[0])
        got, remedy = f"{values[column]} in column {column}", "a model or a division went wrong there"
    elif (values < 0).any():
        column = int(np.flatnonzero(values < 0)[0])
        got, remedy = (
            f"{values[column]:.6g} in column {column}",
            "turn scores into probabilities by a softmax",
        )
    else:
        total = values.sum(dtype=np.float64)
        got, remedy = f"a sum of {total:.6g}", "sums may be off by 0.001; divide each row by its sum"
    return f"{wanted}, got {got} of row {start + row:,}; {remedy}"


def _tell(uneven: int, n: int, furthest: float) -> str:
    if not uneven:
        return ""
    return (
        f"{uneven:,} of {n:,} rows of probabilities did not sum to 1 (off by up to {furthest:.1e}) and were "
        "divided by their sum."
    )

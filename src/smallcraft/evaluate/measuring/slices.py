"""Parts of a split with a name, and what is measured of each: accuracy, macro-F1 and, of two classes, AUROC.

Slices are every value of a group column, every pair of values of two columns, and masks with a name. They may
overlap: rows are counted once into the parts that slices are made of.
Always: every declared slice appears; one without rows, or a pair of values with fewer than 30, is a
measurement without a value, with the reason. A slice's numbers equal those of its rows alone.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from smallcraft.evaluate.measuring.counted import bootstrap_method, count_predictions, counted_measurement
from smallcraft.evaluate.measuring.curves import area_of, curve_measurement, known_rows
from smallcraft.evaluate.measuring.estimates import measure_hits, share_method
from smallcraft.records import Measurement, Predictions
from smallcraft.stats.auroc import roc_area_interval
from smallcraft.stats.cell_bootstrap import metric_intervals
from smallcraft.stats.cells import class_counts
from smallcraft.stats.class_metrics import ClassCounts, macro_f1
from smallcraft.stats.score_bins import bin_scores, binned_roc_areas, count_score_bins
from smallcraft.stats.share_bounds import exact_bounds
from smallcraft.stats.sliced_cells import (
    count_sliced_cells,
    sliced_class_counts,
    sliced_intervals,
    unite_slices,
)

LEAST_ROWS = 30
REPLICATES = 500
# From this many rows on the area of a slice is read off score bins, which are counted in one pass.
_BINNED_ROWS = 200_000


@dataclass(frozen=True)
class Slicing:
    """Slices of some rows, as unions of parts that do not overlap.

    Attributes:
        names: `(s,)` what each slice is called.
        members: `(s, p)` bool: which parts belong to it.
        parts: `(n,)` int64 part of each row.
        is_pair: `(s,)` bool: a pair of values of two columns, which nobody asked for by name.
    """

    names: tuple[str, ...]
    members: NDArray[np.bool_]
    parts: NDArray[np.int64]
    is_pair: NDArray[np.bool_]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """`(s,)` rows of each slice."""
        counts = np.bincount(self.parts, minlength=self.members.shape[1])
        return np.asarray(self.members @ counts, dtype=np.int64)

    def rows(self, number: int) -> NDArray[np.bool_]:
        """`(n,)` whether each row is in a slice."""
        return np.asarray(self.members[number][self.parts])

    def keep(self, chosen: NDArray[np.bool_]) -> Slicing:
        """Some of the slices."""
        names = tuple(itertools.compress(self.names, chosen))
        return Slicing(names, self.members[chosen], self.parts, self.is_pair[chosen])


def slice_rows(
    groups: Mapping[str, Sequence[str | None]],
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    rows: int,
    missing: str,
) -> Slicing:
    """Name the slices: values of columns in order, pairs of values that meet, masks.

    Args:
        groups: Column to the value of each row.
        masks: Slice to whether each row is in it.
        rows: How many rows there are.
        missing: What the slice of rows without a value is called.
    """
    columns = [_encode(column, values, missing) for column, values in groups.items()]
    coded = [codes for _, codes in columns] + [mask.astype(np.int64) for mask in masks.values()]
    parts, first = _cross(coded, rows)
    names: list[str] = []
    members: list[NDArray[np.bool_]] = []
    for labels, codes in columns:
        names += labels
        members += list(codes[first] == np.arange(len(labels))[:, None])
    single = len(names)
    for (labels, codes), (others, other_codes) in itertools.combinations(columns, 2):
        pairs = codes[first] * len(others) + other_codes[first]
        for pair in np.unique(pairs):
            names.append(f"{labels[pair // len(others)]} & {others[pair % len(others)]}")
            members.append(pairs == pair)
    is_pair = np.arange(len(names)) >= single
    names += list(masks)
    members += [mask[first] for mask in masks.values()]
    table = np.array(members, dtype=np.bool_).reshape(len(members), len(first))
    return Slicing(tuple(names), table, parts, np.append(is_pair, np.zeros(len(masks), dtype=np.bool_)))


def measure_slices(
    predictions: Predictions, slicing: Slicing, *, confidence: float, seed: int
) -> list[Measurement]:
    """Accuracy, macro-F1 and, of two classes, AUROC of each slice."""
    sizes = slicing.sizes
    is_small = (sizes == 0) | (slicing.is_pair & (sizes < LEAST_ROWS))
    found: dict[str, tuple[Measurement, ...]] = dict.fromkeys(slicing.names, ())
    found |= _explain_small(slicing, sizes, is_small, confidence)
    kept = slicing.keep(~is_small)
    if kept.names:
        measure = _measure_counted if predictions.clusters is None else _measure_clustered
        counted = measure(predictions, kept, confidence=confidence, seed=seed)
        areas = _measure_areas(predictions, kept, confidence)
        for name, scores, area in zip(kept.names, counted, areas, strict=True):
            found[name] = tuple(dataclasses.replace(score, slice=name) for score in (*scores, *area))
    return [measurement for measurements in found.values() for measurement in measurements]


def _explain_small(
    slicing: Slicing, sizes: NDArray[np.int64], is_small: NDArray[np.bool_], confidence: float
) -> dict[str, tuple[Measurement, ...]]:
    method = share_method(confidence, is_clustered=False)
    found: dict[str, tuple[Measurement, ...]] = {}
    for number in np.flatnonzero(is_small):
        size, name = int(sizes[number]), slicing.names[number]
        why = f"{size} rows; {LEAST_ROWS} make a slice" if size else "no rows in this slice"
        found[name] = (Measurement("accuracy", None, "fraction", size, method, slice=name, detail=why),)
    return found


def _measure_counted(
    predictions: Predictions, slicing: Slicing, *, confidence: float, seed: int
) -> list[list[Measurement]]:
    """Accuracy and macro-F1 of every slice, counted in one pass."""
    parts = count_sliced_cells(
        predictions.truth,
        predictions.predicted,
        len(predictions.classes),
        slicing.parts,
        slicing.members.shape[1],
    )
    sliced = unite_slices(parts, sparse.csr_array(slicing.members))
    found = sliced_class_counts(sliced)
    intervals = sliced_intervals(
        sliced, (macro_f1,), level=confidence, rng=np.random.default_rng(seed), replicates=REPLICATES
    )
    right, rows = found.right.sum(axis=1), found.n
    lows, highs = exact_bounds(right, rows, level=confidence)
    method = bootstrap_method(confidence, REPLICATES, is_clustered=False)
    measured = []
    for number, bounds in enumerate(intervals):
        assert bounds is not None
        accuracy = Measurement(
            name="accuracy",
            value=float(right[number] / rows[number]),
            unit="fraction",
            n=int(rows[number]),
            method=share_method(confidence, is_clustered=False),
            low=float(lows[number]),
            high=float(highs[number]),
            level=confidence,
            hits=float(right[number]),
            trials=float(rows[number]),
        )
        alone = ClassCounts(found.right[number], found.true[number], found.called[number])
        f1 = counted_measurement("macro_f1", alone, bounds[0], confidence=confidence, method=method)
        measured.append([accuracy, f1])
    return measured


def _measure_clustered(
    predictions: Predictions, slicing: Slicing, *, confidence: float, seed: int
) -> list[list[Measurement]]:
    """The same where rows share clusters: slice by slice, since clusters lie across slices."""
    method, measured = bootstrap_method(confidence, REPLICATES, is_clustered=True), []
    for number in range(len(slicing.names)):
        inside = _restrict(predictions, slicing.rows(number))
        right = inside.truth == inside.predicted
        cells, rng = count_predictions(inside), np.random.default_rng(seed)
        bounds = metric_intervals(cells, (macro_f1,), level=confidence, rng=rng, replicates=REPLICATES)[0]
        measured.append(
            [
                measure_hits("accuracy", right, inside.clusters, confidence=confidence),
                counted_measurement(
                    "macro_f1", class_counts(cells), bounds, confidence=confidence, method=method
                ),
            ]
        )
    return measured


def _measure_areas(
    predictions: Predictions, slicing: Slicing, confidence: float
) -> list[tuple[Measurement, ...]]:
    """AUROC of each slice; nothing where there are more classes than two."""
    if len(predictions.classes) != 2:
        return [()] * len(slicing.names)
    if len(predictions.truth) >= _BINNED_ROWS and predictions.clusters is None:
        return _measure_binned_areas(predictions, slicing, confidence)
    measured: list[tuple[Measurement, ...]] = []
    for number in range(len(slicing.names)):
        rows = known_rows(_restrict(predictions, slicing.rows(number)))
        if rows.lacks:
            absent = Measurement("auroc", None, "fraction", len(rows.truth), "DeLong", detail=rows.lacks)
            measured.append((absent,))
            continue
        area = area_of(rows)
        bounds = roc_area_interval(area, level=confidence, clusters=rows.clusters)
        method = "DeLong on the logit scale"
        measured.append(
            (curve_measurement("auroc", rows, area.value, bounds, confidence=confidence, method=method),)
        )
    return measured


def _measure_binned_areas(
    predictions: Predictions, slicing: Slicing, confidence: float
) -> list[tuple[Measurement, ...]]:
    known = predictions.truth >= 0
    scores = predictions.probs[known, 1]
    table = count_score_bins(
        predictions.truth[known] == 1, bin_scores(scores), slicing.parts[known], slicing.members.shape[1]
    )
    united = (slicing.members.astype(np.float64) @ table.reshape(len(table), -1)).reshape(
        -1, *table.shape[1:]
    )
    areas = binned_roc_areas(united, level=confidence)
    method = f"DeLong on the logit scale of {table.shape[2]} score bins {confidence:.0%}"
    about = f"positive class: {predictions.classes[1]}"
    measured: list[tuple[Measurement, ...]] = []
    for number, value in enumerate(areas.value.tolist()):
        whole = Measurement("auroc", None, "fraction", int(areas.rows[number]), method)
        if np.isnan(value):
            why = "a score over thresholds needs rows of two classes, there are rows of one only"
            measured.append((dataclasses.replace(whole, detail=why),))
            continue
        low, high, bound = (float(part[number]) for part in (areas.low, areas.high, areas.bound))
        detail = f"{about}; within {bound:.5f} of the area without bins"
        found = dataclasses.replace(whole, value=value, low=low, high=high, detail=detail, level=confidence)
        measured.append((found,))
    return measured


def _restrict(predictions: Predictions, inside: NDArray[np.bool_]) -> Predictions:
    clusters = None if predictions.clusters is None else predictions.clusters[inside]
    return Predictions(predictions.classes, predictions.truth[inside], predictions.probs[inside], clusters)


def _encode(column: str, values: Sequence[str | None], missing: str) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the slices of a column in order, and the code of each row."""
    seen: dict[str, int] = {}
    named = (missing if value is None else str(value) for value in values)
    codes = np.fromiter((seen.setdefault(name, len(seen)) for name in named), dtype=np.int64)
    order = sorted(seen)
    place = np.empty(len(seen), dtype=np.int64)
    place[[seen[name] for name in order]] = np.arange(len(seen))
    return [f"{column}={name}" for name in order], place[codes]


def _cross(coded: Sequence[NDArray[np.int64]], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part of each row, rows with equal codes throughout being one part; and a row of each part."""
    parts, first = np.zeros(rows, dtype=np.int64), np.zeros(min(rows, 1), dtype=np.int64)
    for codes in coded:
        keys = parts * (int(codes.max(initial=0)) + 1) + codes
        _, first, parts = np.unique(keys, return_index=True, return_inverse=True)
    return parts, first

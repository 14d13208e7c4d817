"""How hard the rows are: easy, ambiguous, hard, likely mislabelled, by a model that did not see them.

Hard data is not bad data: the outcome is PASS once difficulty was measured, UNDECIDED where it could not be,
never FAIL, and nothing of it enters the index.
Always: shares are about one model on one split; another model finds other rows hard. A row whose given label
is none of the classes is left out and counted.
Left to others: the rule and its bounds (`stats.difficulty`), training logs (`stats.cartography`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.wording import split_place
from smallcraft.errors import InvalidInputError
from smallcraft.records import CheckResult, FlaggedRows, Measurement, Outcome, Predictions
from smallcraft.stats.cartography import TrainingMap, map_training
from smallcraft.stats.confident import count_confidently
from smallcraft.stats.difficulty import (
    SORTS,
    Standing,
    gap_of_null_model,
    gap_of_permuted_labels,
    rank_labels,
    sort_rows,
)
from smallcraft.stats.intervals import quantile_interval, share_interval
from smallcraft.stats.neighbours import nearest

_NAME = "difficulty"
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 20
# Margins of saturated probabilities are nearly infinite; the histogram ends at one row in 1,000 on each side.
_SHOWN = (0.001, 0.999)
_SORTS_TO_SHOW = ("likely mislabelled", "hard")
# Nearest rows are sought for a sample of this many: a share needs no more, and the search grows with rows.
_MOST_ASKED = 2000
_NO_ROW = -1


@dataclass(frozen=True)
class _Rows:
    """The rows whose label is known, and the sort of each."""

    split: str
    kept: NDArray[np.int64]
    labels: NDArray[np.int64]
    probs: NDArray[np.float64]
    clusters: NDArray[np.int64] | None
    standing: Standing
    sorts: NDArray[np.int64]
    gap: float
    source: str


def inspect_difficulty(
    given: Predictions,
    *,
    split: str,
    seed: int,
    null: Predictions | None = None,
    history: NDArray[np.float32] | None = None,
    margins: NDArray[np.float32] | None = None,
    vectors: NDArray[np.float32] | None = None,
) -> CheckResult:
    """Measure difficulty.

    Args:
        given: Out-of-sample probabilities beside the given labels, `n` rows.
        split: Their split.
        seed: Of the permutation, and of the sample whose nearest rows are looked at.
        null: Out-of-sample probabilities of a model trained on permuted labels, with the settings and the
            temperature of the real one. Without it labels are permuted against `given` (see
            `stats.difficulty` for what each supports).
        history: `(epochs, n)` probability of the given label after each epoch; NaN for rows not watched.
        margins: `(epochs, n)` logit margins after the same epochs; needs `history`.
        vectors: `(n, width)`, rows alike in meaning lie close.

    Raises:
        InvalidInputError: Arrays that do not fit together.
    """
    _check_inputs(given, history, margins, vectors)
    kept = np.flatnonzero(given.truth >= 0)
    labels = len(np.unique(given.truth[kept]))
    if labels < 2:
        has = f"{split_place(split)} has {len(kept):,} labelled rows and {labels} different labels"
        summary = f"difficulty needs two labels at least; {has}"
        return CheckResult(_NAME, Outcome.UNDECIDED, summary, {f"rows_{split}": len(kept)})
    rows = _sort(given, kept, split=split, seed=seed, null=null)
    numbers = _numbers(rows, left_out=len(given.truth) - len(kept))
    measurements = [*_shares(rows), *_quantiles("given_label_probability", _own(rows), rows)]
    if vectors is not None and len(kept) > 1:
        measurements += _ask_nearest(rows, vectors[kept], rng=np.random.default_rng([seed, 1]))
    if history is not None:
        measurements += _map_measurements(map_training(history, margins=margins), rows)
    return CheckResult(
        _NAME,
        Outcome.PASS,
        _summary(rows),
        {f"{name}_{split}": value for name, value in numbers.items()},
        measurements=tuple(measurements),
        flagged=tuple(_flagged(rows)),
    )


def _check_inputs(
    given: Predictions,
    history: NDArray[np.float32] | None,
    margins: NDArray[np.float32] | None,
    vectors: NDArray[np.float32] | None,
) -> None:
    n = len(given.truth)
    if margins is not None and history is None:
        raise InvalidInputError("margins were passed without a history; pass the probabilities beside them")
    told = {"vectors": None if vectors is None else len(vectors)}
    told["history"] = None if history is None or history.ndim != 2 else history.shape[1]
    for name, count in told.items():
        if count not in (None, n):
            raise InvalidInputError(
                f"{name} must tell of each of the {n:,} predicted rows, got {count:,}; "
                "take them from the same split in the same order"
            )


def _sort(
    given: Predictions, kept: NDArray[np.int64], *, split: str, seed: int, null: Predictions | None
) -> _Rows:
    whole = len(kept) == len(given.truth)
    labels, probs = (given.truth, given.probs) if whole else (given.truth[kept], given.probs[kept])
    standing = rank_labels(labels, probs)
    if null is not None:
        gap, source = gap_of_null_model(null.probs), "a model trained on permuted labels"
    else:
        gap = gap_of_permuted_labels(labels, probs, standing, rng=np.random.default_rng([seed, 0]))
        source = "labels permuted against the same probabilities"
    thresholds = count_confidently(labels, probs).thresholds
    return _Rows(
        split=split,
        kept=kept,
        labels=labels,
        probs=probs,
        clusters=None if given.clusters is None else given.clusters[kept],
        standing=standing,
        sorts=sort_rows(labels, standing, gap=gap, thresholds=thresholds),
        gap=gap,
        source=source,
    )


def _own(rows: _Rows) -> NDArray[np.float64]:
    return np.asarray(rows.probs[np.arange(len(rows.labels)), rows.labels], dtype=np.float64)


def _numbers(rows: _Rows, *, left_out: int) -> dict[str, float | int | None]:
    counts = np.bincount(rows.sorts, minlength=len(SORTS))
    numbers: dict[str, float | int | None] = {"rows": len(rows.labels), "left_out": left_out}
    numbers |= {name.replace(" ", "_"): int(count) for name, count in zip(SORTS, counts, strict=True)}
    numbers["gap_by_chance"] = rows.gap
    shown = margin_histogram(rows.standing.margin)
    numbers |= {f"margin_edge_{place}": float(edge) for place, edge in enumerate(shown.edges)}
    numbers |= {f"margin_count_{place}": int(count) for place, count in enumerate(shown.counts)}
    return numbers


@dataclass(frozen=True)
class Histogram:
    """Counts over bins that follow each other: `(b,)` int64 and `(b + 1,)` float64 edges."""

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def margin_histogram(margins: NDArray[np.float64], *, bins: int = _BINS) -> Histogram:
    """Counts of all margins; what lies beyond the outer edges is counted in the outer bins.

    >>> margin_histogram(np.array([-1.0, 0.0, 1.0]), bins=2).counts.tolist()
    [1, 2]
    """
    low, high = (float(edge) for edge in np.quantile(margins, _SHOWN))
    if not low < high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(np.clip(margins, low, high), bins=bins, range=(low, high))
    return Histogram(counts.astype(np.int64), edges.astype(np.float64))


def _shares(rows: _Rows) -> list[Measurement]:
    method = f"against {rows.source}, Clopper-Pearson interval, 95%"
    return [
        _share(f"{name.replace(' ', '_')}_share", rows.sorts == code, rows, method=method)
        for code, name in enumerate(SORTS)
    ]


def _share(
    name: str,
    hits: NDArray[np.bool_],
    rows: _Rows,
    *,
    method: str,
    places: NDArray[np.int64] | None = None,
    slice_of: str = "all",
) -> Measurement:
    """Over all rows, or over those at `places`."""
    if not len(hits):
        why = "there is no such row"
        return Measurement(name, None, "share", 0, method, split=rows.split, slice=slice_of, detail=why)
    clusters = rows.clusters
    if clusters is not None and places is not None:
        clusters = clusters[places]
    bounds = share_interval(hits, clusters=clusters)
    value = float(hits.mean())
    return Measurement(
        name, value, "share", len(hits), method, bounds.low, bounds.high, split=rows.split, slice=slice_of
    )


def _quantiles(name: str, values: NDArray[np.float64], rows: _Rows) -> list[Measurement]:
    ordered, found = np.sort(values), []
    for q in _QUANTILES:
        bounds = quantile_interval(ordered, q)
        low, high = (None, None) if bounds is None else (bounds.low, bounds.high)
        value = float(np.quantile(ordered, q, method="inverted_cdf"))
        found.append(
            Measurement(
                name,
                value,
                "probability" if name.endswith("probability") else "logit",
                len(ordered),
                "order statistics, 95%",
                low,
                high,
                split=rows.split,
                slice=f"quantile={q:g}",
            )
        )
    return found


def _ask_nearest(rows: _Rows, vectors: NDArray[np.float32], *, rng: np.random.Generator) -> list[Measurement]:
    """How often the nearest row carries another label: of any row, of the likely mislabelled ones."""
    suspects = np.flatnonzero(rows.sorts == SORTS.index("likely mislabelled"))
    sample, asked = (_draw(places, rng) for places in (np.arange(len(rows.labels)), suspects))
    both = np.union1d(sample, asked)
    nearest_one = np.full(len(rows.labels), _NO_ROW)
    nearest_one[both] = _nearest_other(vectors, both)
    sample, asked = sample[nearest_one[sample] != _NO_ROW], asked[nearest_one[asked] != _NO_ROW]
    carried = rows.labels[nearest_one]
    differs, names_first = carried != rows.labels, carried == rows.standing.first
    method = "nearest other row by cosine, rows drawn by seed; Clopper-Pearson interval, 95%"
    suspicious = "sort=likely mislabelled"
    return [
        _share("nearest_row_differs", differs[sample], rows, method=method, places=sample),
        _share("nearest_row_differs", differs[asked], rows, method=method, places=asked, slice_of=suspicious),
        _share(
            "nearest_row_carries_the_models_label",
            names_first[asked],
            rows,
            method=method,
            places=asked,
            slice_of=suspicious,
        ),
    ]


def _draw(places: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    if len(places) <= _MOST_ASKED:
        return places
    return np.sort(rng.choice(places, _MOST_ASKED, replace=False))


def _nearest_other(vectors: NDArray[np.float32], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row nearest to each one asked about, itself left out; -1 for a row of zeros."""
    found = nearest(vectors[asked], vectors, k=2).rows
    return np.where(found[:, 0] == asked, found[:, 1], found[:, 0])


def _map_measurements(found: TrainingMap, rows: _Rows) -> list[Measurement]:
    """Coordinates over the rows that were watched; the sorts of this check beside them."""
    watched = np.flatnonzero(~np.isnan(found.confidence[rows.kept]))
    if not len(watched):
        return []
    at = rows.kept[watched]
    measured = _quantiles("training_confidence_probability", found.confidence[at], rows)
    measured += _quantiles("training_variability_probability", found.variability[at], rows)
    if found.area is None or found.correctness is None:
        return measured
    method = "training logs, Clopper-Pearson interval, 95%"
    never, below = found.correctness[at] == 0, found.area[at] < 0
    suspects = np.flatnonzero(rows.sorts[watched] == SORTS.index("likely mislabelled"))
    return [
        *measured,
        *_quantiles("area_under_the_margin", found.area[at], rows),
        _share("never_learned_share", never, rows, method=method, places=watched),
        _share("area_below_zero_share", below, rows, method=method, places=watched),
        _share(
            "area_below_zero_share",
            below[suspects],
            rows,
            method=method,
            places=watched[suspects],
            slice_of="sort=likely mislabelled",
        ),
    ]


def _summary(rows: _Rows) -> str:
    counts = np.bincount(rows.sorts, minlength=len(SORTS))
    told = ", ".join(
        f"{count / len(rows.labels):.1%} {name}" for name, count in zip(SORTS, counts, strict=True)
    )
    note = "" if rows.gap > 0 else "; the null cannot tell which rows are ambiguous"
    return f"{split_place(rows.split)}, {len(rows.labels):,} rows: {told}, against {rows.source}{note}"


def _flagged(rows: _Rows) -> list[FlaggedRows]:
    """Least margin first; which label they may need belongs to `data.quality.label_issues`."""
    found = []
    for name in _SORTS_TO_SHOW:
        at = np.flatnonzero(rows.sorts == SORTS.index(name))
        at = at[np.argsort(rows.standing.margin[at], kind="stable")]
        if len(at):
            found.append(FlaggedRows(rows.split, name, rows.kept[at], rows.standing.margin[at]))
    return found

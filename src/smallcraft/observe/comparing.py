"""Drift between two files: every score of every column, and a verdict that allows for chance and a tolerance.

A column drifted when its rows moved by more than `tolerance_sd`, so that a difference that is real and small
is none; Benjamini and Yekutieli's adjustment keeps the share of false claims over columns. A plain rule
(`kl > 0.05`) may stand in for the verdict, beside how often it would fire on no drift.
Leaves to others: files (`pipeline`), profiles of tables (`observe.frames`), live traffic
(`observe.guardrail`).
Always: the order of rows does not matter; columns that are on one side alone are told.
Not covered: rows that hang together in time or by key; then the test claims too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import ColumnProfile, Profile
from smallcraft.errors import InvalidInputError, nearest_name
from smallcraft.observe.alarms import Slice
from smallcraft.observe.attribution import find_slices
from smallcraft.observe.statistics import PreparedReference, prepare_reference
from smallcraft.records import Outcome
from smallcraft.stats.distances import (
    Distances,
    all_distances,
    chance_of_exceeding,
    ordered_distances,
    shift_in_sd,
)
from smallcraft.stats.multiplicity import benjamini_yekutieli
from smallcraft.stats.reference_bins import stack_counts
from smallcraft.stats.sequences.score_tilts import (
    change_p_values,
    score_shift,
    shift_p_value,
    spread_p_value,
)

Floats = NDArray[np.float64]
METRICS = (
    *("kl", "kl_sd", "psi", "jensen_shannon", "hellinger", "total_variation", "g"),
    *("kolmogorov_smirnov", "wasserstein_sd"),
)
FALSE_SHARE, TOLERANCE_SD = 0.05, 0.05
# A comparison that would miss half a standard deviation beyond the tolerance says nothing.
_MISSED_SD = 0.5
# Quantiles of a normal law: 2.5 % and 20 % tails.
_TEST_QUANTILE, _POWER_QUANTILE = 1.96, 0.84


@dataclass(frozen=True)
class ColumnDrift:
    """Scores of a column.

    Attributes:
        kind: `numbers` or `categories`.
        reference_n: Rows of the reference.
        n: Rows beside it.
        kl: Debiased divergence in nats; None where one side has no rows.
        kl_sd: As a shift in standard deviations.
        kolmogorov_smirnov: None for categories.
        wasserstein_sd: In standard deviations of the reference; None for categories.
        shift_sd: Mean normal score; None for categories.
        p_value: Of "moved by at most the tolerance".
        adjusted: Over all columns.
        has_drifted: What the verdict, or the plain rule, says of it.
        chance: How often the plain rule would fire here on no drift; None without one, or where it is not
            known.
    """

    column: str
    kind: str
    reference_n: int
    n: int
    kl: float | None
    kl_sd: float | None
    psi: float | None
    jensen_shannon: float | None
    hellinger: float | None
    total_variation: float | None
    g: float | None
    g_p_value: float | None
    kolmogorov_smirnov: float | None
    wasserstein_sd: float | None
    shift_sd: float | None
    p_value: float | None
    adjusted: float | None
    has_drifted: bool
    chance: float | None = None

    def score(self, metric: str) -> float | None:
        """One of the scores by its name."""
        value: float | None = getattr(self, metric)
        return value


@dataclass(frozen=True)
class PlainRule:
    """`metric > threshold`, and what it means.

    Attributes:
        threshold_sd: As a shift in standard deviations; None for metrics that are no divergence.
        false_fires: Columns expected to fire on no drift at these numbers of rows; None where not known.
    """

    metric: str
    threshold: float
    threshold_sd: float | None
    false_fires: float | None


@dataclass(frozen=True)
class Drift:
    """A comparison of two files.

    Attributes:
        outcome: PASS for no drift, FAIL for drift, UNDECIDED where too few rows would hide one.
        sentence: In plain words.
        columns: By name, drifted ones first.
        missing: Columns that only the reference has.
        added: Columns that only the other file has.
        tolerance_sd: Shifts up to it are none.
        detectable_sd: Shift of a column of numbers that would be found four times in five; None without rows.
        slices: What carries the divergence of drifted columns.
        rule: The plain rule in place of the verdict; None for none.
    """

    outcome: Outcome
    sentence: str
    reference_n: int
    n: int
    columns: tuple[ColumnDrift, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    tolerance_sd: float
    false_share: float
    detectable_sd: float | None
    slices: tuple[Slice, ...] = ()
    rule: PlainRule | None = None

    @property
    def drifted(self) -> tuple[str, ...]:
        """Columns that drifted."""
        return tuple(column.column for column in self.columns if column.has_drifted)


def compare(
    reference: Profile,
    current: Profile,
    *,
    prepared: PreparedReference | None = None,
    tolerance_sd: float = TOLERANCE_SD,
    false_share: float = FALSE_SHARE,
    metric: str | None = None,
    threshold: float | None = None,
) -> Drift:
    """Compare two profiles.

    Args:
        reference: What was.
        current: What is.
        prepared: Of the reference, where it is at hand.
        tolerance_sd: Shifts up to it do not matter, in standard deviations, at least 0.
        false_share: Expected share of false claims among columns that are claimed, in (0, 1).
        metric: Of a plain rule; None for the verdict.
        threshold: Of the plain rule.

    Raises:
        InvalidInputError: Only one of metric and threshold is given, or the metric is unknown.
    """
    _check_rule(metric, threshold)
    prepared = prepare_reference(reference) if prepared is None else prepared
    names = [name for name in prepared.columns if _is_alike(name, prepared, current)]
    old = stack_counts([prepared.columns[name].counts for name in names])
    new = stack_counts([_counted(prepared, name, current) for name in names])
    scores = all_distances(old, new)
    p_values = _p_values(
        names, reference, current, change_p_values(old, new, tolerance_sd=tolerance_sd), tolerance_sd
    )
    known = ~np.isnan(p_values)
    adjusted = np.full(len(names), np.nan)
    adjusted[known] = benjamini_yekutieli(p_values[known].tolist())
    plain = None if metric is None or threshold is None else _Plain(metric, threshold)
    columns = [
        _judge(
            _column(name, place, scores, reference, current),
            p_value=_finite(p_values[place]),
            adjusted=_finite(adjusted[place]),
            false_share=false_share,
            plain=plain,
            cells=int(scores.cells[place]),
        )
        for place, name in enumerate(names)
    ]
    columns.sort(key=lambda column: (not column.has_drifted, -(column.kl or 0.0), column.column))
    drifted = [column.column for column in columns if column.has_drifted]
    detectable = _detectable_sd(reference.n, current.n, tolerance_sd)
    missing = tuple(name for name in prepared.columns if name not in names)
    outcome = _outcome(drifted, missing, None if detectable is None else detectable - tolerance_sd)
    return Drift(
        outcome=outcome,
        sentence=_say(outcome, drifted, len(columns), missing, detectable),
        reference_n=reference.n,
        n=current.n,
        columns=tuple(columns),
        missing=missing,
        added=tuple(sorted(set(current.columns) - set(reference.columns))),
        tolerance_sd=tolerance_sd,
        false_share=false_share,
        detectable_sd=detectable,
        slices=find_slices(current, prepared, columns=drifted),
        rule=None if plain is None else _rule(plain, columns),
    )


@dataclass(frozen=True)
class _Plain:
    metric: str
    threshold: float


def _judge(
    column: ColumnDrift,
    *,
    p_value: float | None,
    adjusted: float | None,
    false_share: float,
    plain: _Plain | None,
    cells: int,
) -> ColumnDrift:
    column = replace(column, p_value=p_value, adjusted=adjusted)
    if plain is None:
        return replace(column, has_drifted=adjusted is not None and adjusted <= false_share)
    score, chance = column.score(plain.metric), None
    if plain.metric in _DIVERGENCES and column.n and column.reference_n:
        kl = plain.threshold if plain.metric == "kl" else plain.threshold**2 / 2
        chance = chance_of_exceeding(
            kl, window_rows=column.n, reference_rows=column.reference_n, cells=max(cells, 1)
        )
    return replace(column, has_drifted=score is not None and score > plain.threshold, chance=chance)


def _column(name: str, place: int, scores: Distances, reference: Profile, current: Profile) -> ColumnDrift:
    old, new = reference.columns[name], current.columns[name]
    ordered = shift = None
    if isinstance(old, NumericProfile) and isinstance(new, NumericProfile):
        if old.histogram.finite and new.histogram.finite:
            ordered = ordered_distances(old.histogram, new.histogram)
        shift = score_shift(old.histogram, new.histogram)
    return ColumnDrift(
        column=name,
        kind="numbers" if isinstance(old, NumericProfile) else "categories",
        reference_n=old.n,
        n=new.n,
        **{each: _finite(getattr(scores, each)[place]) for each in _COUNTED},
        kolmogorov_smirnov=None if ordered is None else ordered.kolmogorov_smirnov,
        wasserstein_sd=None if ordered is None else _finite(ordered.wasserstein_sd),
        shift_sd=None if shift is None else _finite(shift.shift_sd),
        p_value=None,
        adjusted=None,
        has_drifted=False,
    )


def _p_values(
    names: Sequence[str], reference: Profile, current: Profile, by_bins: Floats, tolerance_sd: float
) -> Floats:
    """Of each column the smallest of its tests, times how many there are; NaN where none could be made."""
    found = []
    for name, by_bin in zip(names, by_bins.tolist(), strict=True):
        tests = [by_bin]
        old, new = reference.columns[name], current.columns[name]
        if isinstance(old, NumericProfile) and isinstance(new, NumericProfile):
            shift = score_shift(old.histogram, new.histogram)
            if shift is not None:
                tests.append(shift_p_value(shift, tolerance_sd=tolerance_sd))
                tests.append(spread_p_value(shift, tolerance_sd=tolerance_sd))
        made = [each for each in tests if not math.isnan(each)]
        found.append(min(1.0, min(made) * len(made)) if made else math.nan)
    return np.array(found, dtype=np.float64)


def _is_alike(name: str, prepared: PreparedReference, current: Profile) -> bool:
    """Whether the other side has the column, of the same kind."""
    column: ColumnProfile | None = current.columns.get(name)
    return column is not None and prepared.columns[name].count(column) is not None


def _counted(prepared: PreparedReference, name: str, current: Profile) -> Floats:
    rows = prepared.columns[name].count(current.columns[name])
    assert rows is not None
    return rows


def _detectable_sd(reference_n: int, n: int, tolerance_sd: float) -> float | None:
    if not reference_n or not n:
        return None
    return tolerance_sd + (_TEST_QUANTILE + _POWER_QUANTILE) * math.sqrt(1 / reference_n + 1 / n)


def _outcome(drifted: Sequence[str], missing: Sequence[str], missed_sd: float | None) -> Outcome:
    if drifted or missing:
        return Outcome.FAIL
    if missed_sd is None or missed_sd > _MISSED_SD:
        return Outcome.UNDECIDED
    return Outcome.PASS


def _say(
    outcome: Outcome,
    drifted: Sequence[str],
    columns: int,
    missing: Sequence[str],
    detectable_sd: float | None,
) -> str:
    if outcome is Outcome.UNDECIDED:
        smallest = "any shift" if detectable_sd is None else f"a shift of {detectable_sd:.2f} sd"
        return f"too few rows to tell: {smallest} could be missed; give it more rows"
    gone = f"{len(missing)} of the reference's columns are not there: {', '.join(missing)}" if missing else ""
    if drifted:
        shown = ", ".join(drifted[:5]) + (f" and {len(drifted) - 5} more" if len(drifted) > 5 else "")
        moved = f"{len(drifted)} of {columns} columns drifted: {shown}"
        return f"{moved}; {gone}" if gone else moved
    return gone or f"none of {columns} columns drifted"


def _rule(plain: _Plain, columns: Sequence[ColumnDrift]) -> PlainRule:
    chances = [column.chance for column in columns if column.chance is not None]
    sd = None
    if plain.metric in _DIVERGENCES:
        sd = float(shift_in_sd(np.array(plain.threshold))) if plain.metric == "kl" else plain.threshold
    return PlainRule(plain.metric, plain.threshold, sd, sum(chances) if chances else None)


def _check_rule(metric: str | None, threshold: float | None) -> None:
    if (metric is None) != (threshold is None):
        raise InvalidInputError("a plain rule is a metric and a threshold; give both, or neither")
    if metric is not None and metric not in METRICS:
        raise InvalidInputError(
            f"metric is one of {', '.join(METRICS)}, got {metric!r}{nearest_name(metric, METRICS)}"
        )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


_DIVERGENCES = frozenset({"kl", "kl_sd"})
_COUNTED = (*("kl", "kl_sd", "psi", "jensen_shannon", "hellinger", "total_variation", "g", "g_p_value"),)

"""The numbers of a window: what is watched of each column, held against the reference's profile.

Of a column of numbers: `shift` (mean normal score), `spread` (the scores' variance about that mean), `skew`
(what neither of them moves), `missing`, `kl` (the divergence less chance), `tilt` (the rows' own evidence);
of what the model says, `low` and `high` too (rows beyond nearly all of the reference), of how far rows are
from the reference `high`: a few strange rows are seen there. Of categories: `share_1` to `share_5` (of the
most frequent values), `unseen`, `missing`, `kl`.
Where a level wanders `shift` wanders as it does and can be forecast, and the others stay; a distance, which
is a square, can not be forecast, and false alarms come of it. All are taken from ranks in the reference, so
one outlier moves a number by a row's worth and hides nothing.
Leaves to others: distances (`stats.distances`), whether a number is unusual (`observe/detectors`).
Always: pure functions of two profiles; what cannot be measured is not there, never 0.
Not covered: columns where a row has several values (the words of a text); they explain, and are not watched.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from smallcraft.data.profiles.categories import CategoryProfile
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import ColumnProfile, Profile
from smallcraft.data.profiles.rows import ANSWER, DISTANCE
from smallcraft.observe.quantities import Quantity
from smallcraft.stats.distances import kl_divergence
from smallcraft.stats.histograms import Histogram, counts_within, keys_of, quantiles
from smallcraft.stats.reference_bins import (
    CategoryBins,
    NumericBins,
    category_bins,
    count_categorical,
    count_numeric,
    numeric_bins,
    stack_counts,
)
from smallcraft.stats.sequences.mixtures import log_mean
from smallcraft.stats.sequences.score_tilts import log_tilt_evidence, score_shift

Floats = NDArray[np.float64]
TOLERANCE_SD = 0.05
_TOKENS = "/tokens"
_TILT_SIZES = (0.1, 0.3)
NUMERIC = ("shift", "spread", "skew", "kl", "missing", "tilt")
TAILS = ("low", "high")
# What of the reference lies in each tail.
_TAIL = 0.025
_OF_ANSWERS = f"{ANSWER}/"
CATEGORY = ("share_1", "share_2", "share_3", "share_4", "share_5", "kl", "unseen", "missing")
_SHARES = CATEGORY[:5]
ALL = frozenset({*NUMERIC, *TAILS, *CATEGORY})


@dataclass(frozen=True)
class ColumnReference:
    """A column of the reference, ready to hold windows against.

    Attributes:
        bins: Taken from it.
        counts: `(b,)` its rows in them.
        scores: `(b,)` normal score of each bin of numbers, 0 for missing ones; None for categories.
        cubes: `(b,)` their third polynomial: over the reference it hangs neither on them nor on their square.
        histogram: Of numbers; None for categories.
        tails: `(2,)` int64 keys: below the first and from the second on lie its tails; None without rows.
        watched_tails: Which of them are watched, of `low` and `high`.
    """

    bins: NumericBins | CategoryBins
    counts: Floats
    scores: Floats | None = None
    cubes: Floats | None = None
    histogram: Histogram | None = None
    tails: NDArray[np.int64] | None = None
    watched_tails: tuple[str, ...] = ()

    @property
    def statistics(self) -> tuple[str, ...]:
        """What windows are watched by in this column."""
        if isinstance(self.bins, NumericBins):
            return NUMERIC + self.watched_tails
        named = len(self.bins.named)
        return tuple(name for name in CATEGORY if name not in _SHARES[named:])

    def count(self, column: ColumnProfile) -> Floats | None:
        """`(b,)` rows of a window in the bins; None where the column is of the other kind."""
        if isinstance(column, NumericProfile) and isinstance(self.bins, NumericBins):
            return count_numeric(column.histogram, self.bins)
        if isinstance(column, CategoryProfile) and isinstance(self.bins, CategoryBins):
            return count_categorical(column.tally, self.bins)
        return None


@dataclass(frozen=True)
class PreparedReference:
    """A reference profile, ready to hold windows against."""

    columns: Mapping[str, ColumnReference]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All numbers that windows are watched by."""
        return tuple(
            Quantity(name, statistic)
            for name, column in self.columns.items()
            for statistic in column.statistics
        )


def prepare_reference(profile: Profile, *, left_out: Collection[str] = ()) -> PreparedReference:
    """Take bins from a reference.

    Args:
        profile: Of the rows that the release was certified on.
        left_out: Columns that are not watched.
    """
    columns = {}
    for name, column in sorted(profile.columns.items()):
        if name in left_out:
            continue
        if isinstance(column, NumericProfile):
            columns[name] = _numeric(column, tails=_tails_watched(name))
        elif not name.endswith(_TOKENS) and column.total <= column.n - column.nulls:
            bins = category_bins(column.tally)
            columns[name] = ColumnReference(bins, count_categorical(column.tally, bins))
    return PreparedReference(columns)


def measure_window(
    profile: Profile,
    reference: PreparedReference,
    *,
    tolerance_sd: float = TOLERANCE_SD,
    wanted: Collection[str] = ALL,
) -> dict[Quantity, float]:
    """The numbers of a window.

    Args:
        profile: Of the window.
        reference: Of the release, for the window's place in the season.
        tolerance_sd: Shifts up to it are none to the rows' own evidence, `tilt`.
        wanted: Statistics that somebody looks at; `tilt` and `kl` take longest, and wait for it.
    """
    counted: dict[str, Floats] = {}
    for name, column in reference.columns.items():
        rows = None if name not in profile.columns else column.count(profile.columns[name])
        if rows is not None and rows.sum() > 0:
            counted[name] = rows
    found: dict[Quantity, float] = {}
    for name, rows in counted.items():
        found.update(_shares_of(name, rows, reference.columns[name]))
        found.update(_tails_of(name, profile.columns[name], reference.columns[name]))
        if "tilt" in wanted:
            found.update(_tilt(name, profile.columns[name], reference.columns[name], tolerance_sd))
    if "kl" in wanted:
        found.update(_divergences(counted, reference))
    return found


def _tails_watched(name: str) -> tuple[str, ...]:
    if name == DISTANCE:
        return ("high",)
    return TAILS if name.startswith(_OF_ANSWERS) else ()


def _numeric(column: NumericProfile, *, tails: tuple[str, ...]) -> ColumnReference:
    bins = numeric_bins(column.histogram)
    counts = count_numeric(column.histogram, bins)
    scores = _normal_scores(counts)
    cubes, histogram = _cubes_of(scores, counts), column.histogram
    if not tails or not histogram.finite:
        return ColumnReference(bins, counts, scores, cubes, histogram)
    return ColumnReference(bins, counts, scores, cubes, histogram, _tail_keys(histogram), tails)


def _tail_keys(histogram: Histogram) -> NDArray[np.int64]:
    """Of the cells that the tails' quantiles lie in, which belong to neither."""
    low, high = keys_of(quantiles(histogram, np.array([_TAIL, 1 - _TAIL])).low)
    return np.array([low, high + 1], dtype=np.int64)


def _cubes_of(scores: Floats, counts: Floats) -> Floats:
    """The scores' cubes less what a line and a square tell of them, over the reference."""
    shares = np.sqrt(counts[:-2] / max(counts[:-2].sum(), 1))
    powers = np.stack([np.ones(len(shares)), scores[:-2], scores[:-2] ** 2], axis=1)
    fitted = np.linalg.lstsq(powers * shares[:, None], scores[:-2] ** 3 * shares, rcond=None)[0]
    return np.append(scores[:-2] ** 3 - powers @ fitted, [0.0, 0.0])


def _normal_scores(counts: Floats) -> Floats:
    """Normal score of the middle rank of each bin, scaled to mean 0 and variance 1 over the reference."""
    valued = counts[:-2]
    total = valued.sum()
    scores = np.zeros(len(counts))
    if total == 0:
        return scores
    middle = (np.cumsum(valued) - valued / 2 + 0.25) / (total + 0.5)
    raw = special.ndtri(middle)
    shares = valued / total
    raw = raw - shares @ raw
    deviation = math.sqrt(float(shares @ raw**2))
    scores[:-2] = raw / deviation if deviation > 0 else 0.0
    return scores


def _shares_of(name: str, rows: Floats, reference: ColumnReference) -> dict[Quantity, float]:
    n = rows.sum()
    if reference.scores is None:
        shares = {
            Quantity(name, statistic): float(rows[place] / n)
            for place, statistic in enumerate(reference.statistics)
            if statistic in _SHARES
        }
        return {
            **shares,
            Quantity(name, "unseen"): float(rows[-2] / n),
            Quantity(name, "missing"): float(rows[-1] / n),
        }
    found = {Quantity(name, "missing"): float(rows[-2:].sum() / n)}
    valued = rows[:-2].sum()
    if valued > 0:
        assert reference.cubes is not None
        shares = rows / valued
        shift = float(shares @ reference.scores)
        found[Quantity(name, "shift")] = shift
        # About the window's own mean: else a level that wanders swells it now and then.
        found[Quantity(name, "spread")] = float(shares @ reference.scores**2) - shift**2 - 1
        found[Quantity(name, "skew")] = float(shares @ reference.cubes)
    return found


def _tails_of(name: str, column: ColumnProfile, reference: ColumnReference) -> dict[Quantity, float]:
    if reference.tails is None or not isinstance(column, NumericProfile):
        return {}
    histogram = column.histogram
    below, _, above = counts_within(histogram, reference.tails).tolist()
    below, above = below + histogram.below, above + histogram.above
    valued = histogram.finite + histogram.below + histogram.above
    shares = {"low": below, "high": above} if valued else {}
    return {Quantity(name, tail): shares[tail] / valued for tail in reference.watched_tails if tail in shares}


def _tilt(
    name: str, column: ColumnProfile, reference: ColumnReference, tolerance_sd: float
) -> dict[Quantity, float]:
    """Logarithm of an e-value of the rows against a shift within the tolerance."""
    if reference.histogram is None or not isinstance(column, NumericProfile):
        return {}
    shift = score_shift(reference.histogram, column.histogram)
    if shift is None:
        return {}
    # A reference is itself off by chance, which the tolerance has to take in.
    least = max(tolerance_sd, 3 / math.sqrt(shift.reference_n))
    sizes = tuple(least + size for size in _TILT_SIZES)
    logs = log_tilt_evidence(shift, tolerance_sd=least, sizes=sizes)
    return {Quantity(name, "tilt"): float(log_mean(logs, np.full(len(logs), 1 / len(logs))))}


def _divergences(counted: Mapping[str, Floats], reference: PreparedReference) -> dict[Quantity, float]:
    if not counted:
        return {}
    old = stack_counts([reference.columns[name].counts for name in counted])
    new = stack_counts(list(counted.values()))
    values = kl_divergence(old, new).tolist()
    return {
        Quantity(name, "kl"): value
        for name, value in zip(counted, values, strict=True)
        if math.isfinite(value)
    }

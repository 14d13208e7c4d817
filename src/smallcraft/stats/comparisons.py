"""Two models on the same rows: exact McNemar and differences with intervals.

The difference of accuracy uses Tango's score interval with a continuity correction of half a row: by exact
enumeration its one-sided error stays within the nominal one, where plain Tango reaches 5.6 % for 5 % and a
bootstrap that saw no discordant row is certain of a tie. Other count metrics use the paired bootstrap over
cells.
Always: differences are first minus other; an interval contains the observed difference.
Left to others: which difference matters and what follows from it (`smallcraft.evaluate`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import optimize

from smallcraft.errors import InvalidInputError
from smallcraft.records import Interval
from smallcraft.stats.cell_bootstrap import bootstrap_interval, draw_samples, share_upper_bound
from smallcraft.stats.cells import Cells
from smallcraft.stats.class_metrics import CountMetric, accuracy, balanced_accuracy, counts_after, macro_f1
from smallcraft.stats.intervals import normal_quantile, two_sided_tail
from smallcraft.stats.share_bounds import stratified_level

_HALF_ROW = 0.5


@dataclass(frozen=True)
class Difference:
    """A paired difference, first minus other, and the bounds of the true one."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Discordance:
    """Rows that exactly one of two predictions got right, out of `n`."""

    won: int
    lost: int
    n: int


def discordance(cells: Cells) -> Discordance:
    """Count the rows that only the first (`won`) or only the other prediction (`lost`) got right.

    Raises:
        InvalidInputError: The cells hold one prediction only.
    """
    first, other = cells.truth == cells.predicted, cells.truth == cells.swapped().predicted
    return Discordance(
        won=int(cells.counts[first & ~other].sum()), lost=int(cells.counts[other & ~first].sum()), n=cells.n
    )


def mcnemar_exact(won: int, lost: int) -> float:
    """Two-sided exact p-value that two predictions are right equally often.

    Args:
        won: Rows only the first got right, at least 0.
        lost: Rows only the other got right, at least 0.

    Raises:
        InvalidInputError: A count is negative.

    Source:
        McNemar (1947), Psychometrika 12:153-157; exact binomial form.

    >>> mcnemar_exact(1, 9)
    0.021484375
    """
    if won < 0 or lost < 0:
        raise InvalidInputError(f"discordant rows are counts of at least 0, got {won} and {lost}")
    if won + lost == 0:
        return 1.0
    return min(1.0, 2 * float(scipy.stats.binom.cdf(min(won, lost), won + lost, 0.5)))


def paired_share_interval(won: float, lost: float, n: float, *, level: float = 0.95) -> Interval:
    """Interval for the difference of two shares measured on the same `n` rows.

    Args:
        won: Rows only the first got right; may be fractional (effective rows).
        lost: Rows only the other got right.
        n: All rows, above 0.
        level: Coverage as a fraction in (0, 1).

    Raises:
        InvalidInputError: Counts are negative or more than `n`.

    Source:
        Tango (1998), Statistics in Medicine 17:891-908; with a continuity correction of 1/2.

    >>> interval = paired_share_interval(0, 0, 300, level=0.9)
    >>> round(interval.low, 4), round(interval.high, 4)
    (-0.012, 0.012)
    """
    if won < 0 or lost < 0 or n <= 0 or won + lost > n:
        raise InvalidInputError(f"discordant rows must fit in n rows, got {won} + {lost} of {n}")
    reach = normal_quantile(two_sided_tail(level))
    return _tango_interval(won, lost, n, reach, correction=_HALF_ROW)


def paired_accuracy_difference(
    cells: Cells, *, level: float = 0.95, rng: np.random.Generator, replicates: int = 2000
) -> Difference:
    """Difference of accuracy of the two predictions in the cells, with its interval.

    Rows that stand alone: Tango's interval, and `rng` is not touched. Clustered rows: the wider of that
    interval at the effective number of rows and a bootstrap over clusters.

    Raises:
        InvalidInputError: The cells hold one prediction only.
    """
    counted = discordance(cells)
    value = (counted.won - counted.lost) / counted.n
    if cells.clusters is None:
        return Difference(value, paired_share_interval(counted.won, counted.lost, counted.n, level=level))
    shrink = cells.clusters.effective_n / counted.n
    exact = paired_share_interval(
        counted.won * shrink, counted.lost * shrink, cells.clusters.effective_n, level=level
    )
    samples = draw_samples(cells, replicates, rng=rng)
    drawn = bootstrap_interval(samples, lambda sides: accuracy(sides[0]) - accuracy(sides[1]), level=level)
    return Difference(value, Interval(min(exact.low, drawn.low), max(exact.high, drawn.high)))


def paired_metric_difference(
    cells: Cells,
    metric: CountMetric,
    *,
    level: float = 0.95,
    rng: np.random.Generator,
    replicates: int = 2000,
) -> Difference:
    """Difference of a count metric of the two predictions in the cells, with a paired bootstrap interval.

    Where hardly any row tells the two apart, a bootstrap draws hardly any that would. So the lower end is
    never above the difference with as many losses as their exact upper bound allows, spread over the classes
    as the rows are; the upper end likewise with wins.

    Args:
        cells: Counted with `other=`.
        metric: One of `stats.class_metrics`; for accuracy `paired_accuracy_difference` is sharper.
        level: Coverage as a fraction in (0, 1).
        rng: Source of the draws.
        replicates: How many samples are drawn.

    Raises:
        InvalidInputError: The cells hold one prediction only.
    """
    counted = discordance(cells)
    samples = draw_samples(cells, replicates, rng=rng)
    first, other = samples.found
    value = float(metric(first) - metric(other))
    drawn = bootstrap_interval(samples, lambda sides: metric(sides[0]) - metric(sides[1]), level=level)
    confidence = two_sided_tail(level)
    lost, won = counted.lost / counted.n, counted.won / counted.n
    more_lost = share_upper_bound(lost, cells, confidence=confidence) - lost
    more_won = share_upper_bound(won, cells, confidence=confidence) - won
    least = float(metric(counts_after(first, more_lost)) - metric(other))
    most = float(metric(first) - metric(counts_after(other, more_won)))
    of_classes = _recall_difference_interval(cells, level=level) if metric is balanced_accuracy else drawn
    return Difference(
        value,
        Interval(min(drawn.low, of_classes.low, least, value), max(drawn.high, of_classes.high, most, value)),
    )


def paired_macro_f1_difference(
    cells: Cells, *, level: float = 0.95, rng: np.random.Generator, replicates: int = 2000
) -> Difference:
    """Difference of macro-F1 of the two predictions in the cells; as `paired_metric_difference`."""
    return paired_metric_difference(cells, macro_f1, level=level, rng=rng, replicates=replicates)


def _recall_difference_interval(cells: Cells, *, level: float) -> Interval:
    """Interval of the difference of two mean recalls, from Tango's of each class at a smaller coverage."""
    worth = 1.0 if cells.clusters is None else cells.clusters.effective_n / cells.n
    first, other = cells.truth == cells.predicted, cells.truth == cells.swapped().predicted
    known = cells.truth >= 0

    def of_class(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        weights = (cells.counts * rows)[known]
        sums = np.bincount(cells.truth[known], weights=weights, minlength=cells.n_classes)
        return np.asarray(worth * sums, dtype=np.float64)

    won, lost, rows = of_class(first & ~other), of_class(other & ~first), of_class(known)
    some = rows > 0
    reach = normal_quantile(two_sided_tail(stratified_level(rows[some], level=level)))
    # No half row here: one in each class would add up to many.
    bounds = [
        _tango_interval(*counts, reach, correction=0.0)
        for counts in zip(won[some], lost[some], rows[some], strict=True)
    ]
    classes = max(1, len(bounds))
    low, high = sum(found.low for found in bounds), sum(found.high for found in bounds)
    return Interval(low / classes, high / classes)


def _tango_interval(won: float, lost: float, n: float, reach: float, *, correction: float) -> Interval:
    low = _tango_lower(won, lost, n, reach, correction=correction)
    return Interval(low, -_tango_lower(lost, won, n, reach, correction=correction))


def _tango_lower(won: float, lost: float, n: float, reach: float, *, correction: float) -> float:
    """The smallest difference that the score test, with its correction, does not reject."""
    observed = (won - lost) / n

    def excess(difference: float) -> float:
        return _tango_score(won, lost, n, difference, correction=correction) - reach

    if excess(-1 + 1e-12) <= 0:
        return -1.0
    return float(optimize.brentq(excess, -1 + 1e-12, observed, xtol=1e-12))


def _tango_score(won: float, lost: float, n: float, difference: float, *, correction: float) -> float:
    """How many standard errors the observed difference lies above a supposed one."""
    # The share of losses that fits best under the supposed difference solves a quadratic.
    half = (2 * n - won + lost) * difference - won - lost
    root = math.sqrt(max(half * half + 8 * n * lost * difference * (1 - difference), 0.0))
    losses = (root - half) / (4 * n)
    variance = n * (2 * losses + difference * (1 - difference))
    above = won - lost - n * difference
    above -= math.copysign(min(correction, abs(above)), above)
    return above / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, above) if above else 0.0

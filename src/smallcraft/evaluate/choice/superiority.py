"""Which candidates the chosen one is shown to be better than: corrected for all that were tried.

A claim "better" rests on a two-sided test of equality on the same rows: exact McNemar for accuracy where
every row stands alone, else the paired interval, read as that of a normal estimate. Holm's correction runs
over all pairs of candidates, not only over those with the chosen one: which one that is was picked on the
same rows, and its own pairs alone let false claims through one and a half times as often as stated (six
equal candidates, the best one chosen).
Always: each other candidate gets a claim, shown or not; with the stated confidence none shown is false.
Left to others: the choice (`evaluate.choice.decide`), which rests on non-inferiority and needs no such claim.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.decide import Contender
from smallcraft.evaluate.choice.paired import gap_words, quality_difference
from smallcraft.records import AnyPredictions, Predictions
from smallcraft.stats.cells import count_cells
from smallcraft.stats.comparisons import Difference, discordance, mcnemar_exact
from smallcraft.stats.intervals import normal_quantile, require_fraction, two_sided_tail
from smallcraft.stats.multiplicity import holm


@dataclass(frozen=True)
class SuperiorityClaim:
    """Is the chosen candidate better than another one?

    Attributes:
        over: The other one's rung.
        difference: Chosen minus other, positive is better; its interval stands alone, uncorrected.
        p_value: Two-sided, of the two being equal.
        adjusted: The same after Holm's correction over all pairs.
        pairs: How many pairs that were.
        is_shown: True when the chosen one is better and the adjusted p-value is small enough.
        method: The test.
        sentence: All of it in words.
    """

    over: str
    difference: Difference
    p_value: float
    adjusted: float
    pairs: int
    is_shown: bool
    method: str
    sentence: str


@dataclass(frozen=True)
class PairedTest:
    """A difference on the same rows and how likely it would be between equals.

    Attributes:
        difference: First minus other, positive is better, with its interval.
        p_value: Two-sided, of no difference.
        method: The test.
    """

    difference: Difference
    p_value: float
    method: str


def superiority_claims(
    contenders: Sequence[Contender], chosen: str, *, metric: str, confidence: float, seed: int
) -> tuple[SuperiorityClaim, ...]:
    """A claim for each candidate beside the chosen one, in the order of the ladder.

    Args:
        contenders: All that were measured, the chosen one among them.
        chosen: Its rung.
        metric: One of `paired.DECIDING_METRICS`.
        confidence: That none of the claims shown is false.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: The chosen rung is not among the contenders, or rows differ.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    require_fraction(confidence, "confidence")
    ranked = sorted(contenders, key=lambda contender: contender.order)
    if chosen not in {contender.rung for contender in ranked}:
        raise InvalidInputError(f"the chosen rung must be among the contenders, got '{chosen}'")
    # The chosen one stands first in its pairs, so that positive is always its gain.
    ranked.sort(key=lambda contender: contender.rung != chosen)
    tested = {
        (first.rung, other.rung): paired_test(
            first.predictions, other.predictions, metric=metric, level=confidence, seed=seed
        )
        for first, other in itertools.combinations(ranked, 2)
    }
    adjusted = dict(zip(tested, holm([found.p_value for found in tested.values()]), strict=True))
    return tuple(
        _claim(
            other.rung,
            tested[chosen, other.rung],
            float(adjusted[chosen, other.rung]),
            pairs=len(tested),
            chosen=chosen,
            metric=metric,
            confidence=confidence,
        )
        for other in ranked[1:]
    )


def paired_test(
    first: AnyPredictions, other: AnyPredictions, *, metric: str, level: float, seed: int
) -> PairedTest:
    """Test whether two candidates are equal: exact McNemar for accuracy, else by the paired interval.

    Args:
        first: At least one row.
        other: The same rows.
        metric: One of `paired.DECIDING_METRICS`.
        level: Two-sided coverage of the interval.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: Another metric, or rows that differ.
    """
    difference = quality_difference(first, other, metric=metric, level=level, seed=seed)
    if metric == "accuracy" and first.clusters is None:
        assert isinstance(first, Predictions), "accuracy is of classes"
        assert isinstance(other, Predictions), "both are of one task"
        cells = count_cells(first.truth, first.predicted, len(first.classes), other.predicted)
        counted = discordance(cells)
        return PairedTest(difference, mcnemar_exact(counted.won, counted.lost), "exact McNemar")
    return PairedTest(
        difference, p_of_interval(difference, level=level), f"paired {level:.0%} interval, read as normal"
    )


def p_of_interval(difference: Difference, *, level: float) -> float:
    """Two-sided p-value of no difference, from an interval whose bounds lie so many standard errors away.

    At the interval's own level it agrees with it: the p-value is at most `1 - level` exactly when 0 is not
    inside the interval.

    Args:
        difference: With its interval.
        level: Coverage of the interval.

    >>> from smallcraft.records import Interval
    >>> round(p_of_interval(Difference(0.02, Interval(0.0, 0.04)), level=0.95), 4)
    0.05
    """
    value, bounds = difference.value, difference.interval
    reach = value - bounds.low if value > 0 else bounds.high - value
    if value == 0 or not reach < float("inf"):
        return 1.0
    if reach == 0:
        return 0.0
    errors = abs(value) / reach * normal_quantile(two_sided_tail(level))
    return float(2 * special.ndtr(-errors))


def p_words(p_value: float) -> str:
    """A p-value as it is printed; the tail of a normal says nothing below one in ten thousand.

    >>> p_words(0.0312), p_words(1e-30)
    ('p = 0.031', 'p < 0.0001')
    """
    return f"p = {p_value:.2g}" if p_value >= 1e-4 else "p < 0.0001"


def _claim(
    over: str,
    tested: PairedTest,
    adjusted: float,
    *,
    pairs: int,
    chosen: str,
    metric: str,
    confidence: float,
) -> SuperiorityClaim:
    difference = tested.difference
    is_small = adjusted <= 1 - confidence
    is_shown = is_small and difference.value > 0
    low, high = difference.interval.low, difference.interval.high
    numbers = (
        f"{difference.value:+.3f} in {gap_words(metric)} [{low:+.3f}, {high:+.3f}], {p_words(adjusted)} "
        f"after Holm over {pairs} pair{'' if pairs == 1 else 's'}"
    )
    if is_shown:
        sentence = f"{chosen} is shown to be better than {over}: {numbers}"
    elif is_small:
        sentence = f"{chosen} is shown to be worse than {over}: {numbers}"
    else:
        sentence = f"{chosen} is not shown to be better or worse than {over}: {numbers}"
    return SuperiorityClaim(
        over=over,
        difference=difference,
        p_value=tested.p_value,
        adjusted=adjusted,
        pairs=pairs,
        is_shown=is_shown,
        method=tested.method,
        sentence=sentence,
    )

"""Models against one that was named beforehand: paired differences on the same rows, Holm over the claims.

The one they stand against was not picked on these rows, so the claims are those with it alone, one a model
(`evaluate.choice.superiority` is for the best of many). The test is exact McNemar for accuracy where every
row stands alone, else the paired interval, read as that of a normal estimate.
Always: each other model gets a claim; one that cannot be made says why; with the stated confidence none of
those shown is false.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import task_of
from smallcraft.evaluate.choice.paired import DECIDING_BY_TASK, gap_words, quality_difference
from smallcraft.evaluate.choice.superiority import p_of_interval, p_words
from smallcraft.evaluate.harness.own_metric import OwnMetric
from smallcraft.evaluate.harness.withheld import NEEDS_PROBABILITIES, WHY
from smallcraft.records import AnyPredictions, Predictions
from smallcraft.stats.cells import count_cells
from smallcraft.stats.comparisons import Difference, discordance, mcnemar_exact
from smallcraft.stats.multiplicity import holm


@dataclass(frozen=True)
class Entrant:
    """A model's answers, in the running."""

    predictions: AnyPredictions
    labels_only: bool


@dataclass(frozen=True)
class Versus:
    """Is a model better or worse than the one it stands against?

    Attributes:
        model: Its name.
        against: The other's.
        metric: What they are compared by.
        value: Model minus other, positive is better; None where it was not measured.
        low: Lower end of the interval of this difference alone; None where there is none.
        high: Upper end.
        p_value: Two-sided, of the two being equal.
        adjusted: The same after Holm's correction over the models.
        is_shown: Whether a difference, either way, is shown.
        method: The test.
        sentence: All of it in words.
    """

    model: str
    against: str
    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    adjusted: float | None = None
    is_shown: bool = False
    method: str = ""
    sentence: str = ""


def compare_with(
    entrants: Mapping[str, Entrant],
    against: str,
    *,
    metric: str | OwnMetric,
    confidence: float,
    seed: int,
) -> tuple[Versus, ...]:
    """A claim for each other model, in the order given.

    Args:
        entrants: Model to its answers, all on the same rows over the same classes.
        against: One of them.
        metric: Name of a score, or a metric of the user's own.
        confidence: Coverage of each interval, and that none of the claims shown is false.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: `against` is none of them, or rows differ.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    if against not in entrants:
        raise InvalidInputError(
            f"models are compared with one of them, got '{against}'; name it with --model too"
        )
    other = entrants[against]
    claims = [
        _claim(name, entrant, against, other, metric=metric, level=confidence, seed=seed)
        for name, entrant in entrants.items()
        if name != against
    ]
    tested = {claim.model: claim.p_value for claim in claims if claim.p_value is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return tuple(
        _told(claim, adjusted=float(adjusted[claim.model]), tests=len(tested), confidence=confidence)
        if claim.model in adjusted
        else claim
        for claim in claims
    )


def _claim(
    name: str,
    entrant: Entrant,
    against: str,
    other: Entrant,
    *,
    metric: str | OwnMetric,
    level: float,
    seed: int,
) -> Versus:
    called = metric if isinstance(metric, str) else metric.name
    blank = Versus(name, against, called)
    why = _why_not(entrant, other, metric)
    if why:
        return replace(blank, sentence=f"{name} against {against}: {why}")
    try:
        difference, p_value, method = _test(entrant, other, metric, level=level, seed=seed)
    except InvalidInputError as error:
        if not isinstance(metric, str):
            raise
        return replace(blank, sentence=f"{name} against {against}: not measured: {error}")
    bounds = difference.interval
    is_bounded = math.isfinite(bounds.low) and math.isfinite(bounds.high)
    return replace(
        blank,
        value=difference.value,
        low=bounds.low if is_bounded else None,
        high=bounds.high if is_bounded else None,
        p_value=p_value,
        method=method,
    )


def _why_not(entrant: Entrant, other: Entrant, metric: str | OwnMetric) -> str:
    """Why there is no difference to measure; empty when there is."""
    if not isinstance(metric, str):
        return ""
    known = DECIDING_BY_TASK[task_of(entrant.predictions)]
    if metric not in known:
        return f"not measured: there is no paired interval for '{metric}'; name one of {', '.join(known)}"
    if metric in NEEDS_PROBABILITIES and (entrant.labels_only or other.labels_only):
        return WHY.replace("the model answers", "one of them answers")
    return ""


def _test(
    entrant: Entrant, other: Entrant, metric: str | OwnMetric, *, level: float, seed: int
) -> tuple[Difference, float, str]:
    first, second = entrant.predictions, other.predictions
    if not isinstance(metric, str):
        assert isinstance(first, Predictions), "a metric of the user's own is of one class a row"
        assert isinstance(second, Predictions), "both are of one task"
        only = (entrant.labels_only, other.labels_only)
        found = metric.difference(first, second, level=level, seed=seed, labels_only=only)
        return (
            found,
            p_of_interval(found, level=level),
            f"paired bootstrap {level:.0%} interval, read as normal",
        )
    difference = quality_difference(first, second, metric=metric, level=level, seed=seed)
    if metric == "accuracy" and first.clusters is None:
        assert isinstance(first, Predictions), "accuracy is of classes"
        assert isinstance(second, Predictions), "both are of one task"
        cells = count_cells(first.truth, first.predicted, len(first.classes), second.predicted)
        counted = discordance(cells)
        return difference, mcnemar_exact(counted.won, counted.lost), "exact McNemar"
    return difference, p_of_interval(difference, level=level), f"paired {level:.0%} interval, read as normal"


def _told(claim: Versus, *, adjusted: float, tests: int, confidence: float) -> Versus:
    assert claim.value is not None
    is_shown = adjusted <= 1 - confidence and claim.value != 0
    bounds = "no interval" if claim.low is None else f"[{claim.low:+.3f}, {claim.high:+.3f}]"
    many = "" if tests == 1 else f" after Holm over {tests} models"
    verb = "is not shown to be better or worse than"
    if is_shown:
        verb = f"is shown to be {'better' if claim.value > 0 else 'worse'} than"
    sentence = (
        f"{claim.model} {verb} {claim.against}: {claim.value:+.3f} in {gap_words(claim.metric)} {bounds}, "
        f"{p_words(adjusted)}{many}"
    )
    return replace(claim, adjusted=adjusted, is_shown=is_shown, sentence=sentence)

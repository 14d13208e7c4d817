"""The choice: the cheapest candidate that is not inferior to the best one on dev.

A candidate is non-inferior when the one-sided lower bound of (candidate - best) lies above minus the margin.
Costs within a factor of 1.5 of the cheapest count as equal, since timings move by that much between runs;
among those the ladder's order decides, so that the choice does not flip on noise. The best is picked on the
same rows, which favours it: the error of calling a worse candidate non-inferior stays below 1 - confidence.
Always: every contender ends up chosen, or in `lost` with the reason; a candidate without a measured cost
never beats one that has it.
Left to others: whether the winner may be released (`smallcraft.gates`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import is_better_higher, measure_score, task_of
from smallcraft.evaluate.choice.paired import gap_words, quality_difference, require_deciding
from smallcraft.records import AnyPredictions, Decision, Outcome
from smallcraft.stats.comparisons import Difference
from smallcraft.stats.intervals import require_fraction

COST_NOISE_FACTOR = 1.5


@dataclass(frozen=True)
class Contender:
    """A measured candidate in the running.

    Attributes:
        rung: Its rung; contenders have different ones.
        predictions: What it answered on dev.
        cost: CPU-seconds per 1,000 predictions; None when it was not measured.
        order: Place on the ladder, cheapest kind first.
    """

    rung: str
    predictions: AnyPredictions
    cost: float | None
    order: int


@dataclass(frozen=True)
class Comparison:
    """Is a candidate not inferior to another one?

    Attributes:
        outcome: PASS when the lower bound is above -margin, FAIL when the upper one is below it.
        difference: Candidate minus other, positive is better; bounds are one-sided at `confidence` each.
        sentence: The same in words.
    """

    outcome: Outcome
    difference: Difference
    metric: str
    margin: float
    confidence: float
    sentence: str


def choose_cheapest(
    contenders: Sequence[Contender],
    *,
    metric: str,
    margin: float,
    confidence: float,
    seed: int,
) -> Decision:
    """Choose the cheapest contender not inferior to the best.

    Args:
        contenders: Those with predictions on dev, at least one.
        metric: One of `paired.DECIDING_BY_TASK`.
        margin: How much worse than the best is still good enough, in the metric's unit, above 0; of errors of
            numbers as a share of the error of always answering the mean.
        confidence: One-sided, of each claim of non-inferiority.
        seed: For the intervals that are drawn.

    Raises:
        InvalidInputError: No contenders, two of one rung, a margin that is not positive, rows that differ.
    """
    _require_sound(contenders, metric=metric, margin=margin, confidence=confidence)
    ranked = sorted(contenders, key=lambda contender: (-_quality(contender, metric), contender.order))
    best = ranked[0]
    against_best = {
        contender.rung: not_inferior(
            contender.predictions,
            best.predictions,
            metric=metric,
            margin=margin,
            confidence=confidence,
            seed=seed,
            against="the best",
        )
        for contender in ranked[1:]
    }
    tied = [best, *(c for c in ranked[1:] if against_best[c.rung].outcome is Outcome.PASS)]
    tied.sort(key=lambda contender: (*_cost_key(contender), contender.order))
    level_cost = [contender for contender in tied if _costs_the_same(contender, tied[0])]
    chosen = min(level_cost, key=lambda contender: contender.order)
    lost = {
        rung: comparison.sentence
        for rung, comparison in against_best.items()
        if comparison.outcome is not Outcome.PASS
    }
    lost |= {c.rung: _dearer(c, chosen, level_cost) for c in tied if c is not chosen}
    # Named in the order of the ladder: that of costs within noise of each other changes from run to run.
    tied.sort(key=lambda contender: contender.order)
    return Decision(
        chosen=chosen.rung,
        best=best.rung,
        tied=tuple(contender.rung for contender in tied),
        lost={contender.rung: lost[contender.rung] for contender in ranked if contender is not chosen},
        metric=metric,
        margin=margin,
        confidence=confidence,
        sentence=_decision_sentence(chosen, best, tied, metric=metric, margin=margin),
    )


def not_inferior(
    candidate: AnyPredictions,
    other: AnyPredictions,
    *,
    metric: str,
    margin: float,
    confidence: float,
    seed: int,
    against: str = "the other",
) -> Comparison:
    """Whether a candidate is no more than `margin` worse than another one on the same rows.

    Args:
        candidate: At least one row.
        other: The same rows, for example the incumbent's answers.
        metric: One of `paired.DECIDING_METRICS`.
        margin: In the metric's unit, at least 0.
        confidence: One-sided, above one half.
        seed: For the intervals that are drawn.
        against: What the sentence calls the other one.

    Returns:
        PASS, FAIL, or UNDECIDED when the bounds lie on both sides of -margin.

    Raises:
        InvalidInputError: A value above is out of range, or the rows differ.
    """
    _require_confidence(confidence)
    if margin < 0:
        raise InvalidInputError(f"margin must be at least 0, got {margin:g}; it is how much worse is allowed")
    difference = quality_difference(candidate, other, metric=metric, level=2 * confidence - 1, seed=seed)
    low, high = difference.interval.low, difference.interval.high
    if low > -margin:
        outcome, verdict = Outcome.PASS, f"within {margin:g}"
    elif high < -margin:
        outcome, verdict = Outcome.FAIL, f"shown to be more than {margin:g} worse"
    else:
        outcome, verdict = Outcome.UNDECIDED, f"not shown to be within {margin:g}"
    sentence = (
        f"{_gap_words(difference.value, against)} in {gap_words(metric)} [{low:+.3f}, {high:+.3f}]; {verdict}"
    )
    return Comparison(outcome, difference, metric, margin, confidence, sentence)


def _quality(contender: Contender, metric: str) -> float:
    value = measure_score(contender.predictions, metric, confidence=0.95, seed=0).value
    if value is None:
        raise InvalidInputError(
            f"metric '{metric}' does not apply to these predictions; declare another [quality] metric"
        )
    return value if is_better_higher(task_of(contender.predictions), metric) else -value


def _cost_key(contender: Contender) -> tuple[bool, float]:
    return contender.cost is None, contender.cost or 0.0


def _costs_the_same(contender: Contender, cheapest: Contender) -> bool:
    if contender.cost is None or cheapest.cost is None:
        return contender.cost is cheapest.cost
    return contender.cost <= COST_NOISE_FACTOR * cheapest.cost


def _dearer(contender: Contender, chosen: Contender, level_cost: Sequence[Contender]) -> str:
    """Why a contender that is good enough was not chosen."""
    if any(contender is level for level in level_cost):
        return f"as good at an equal cost within noise; {chosen.rung} is simpler (earlier on the ladder)"
    if contender.cost is None:
        return f"as good, but its cost was not measured and that of {chosen.rung} was"
    assert chosen.cost is not None
    return f"as good, but costs {_ratio_words(contender.cost, chosen.cost)} as much as {chosen.rung}"


def _decision_sentence(
    chosen: Contender, best: Contender, tied: Sequence[Contender], *, metric: str, margin: float
) -> str:
    score = measure_score(chosen.predictions, metric, confidence=0.95, seed=0)
    head = f"{chosen.rung}: {metric} {score.value:.3f} on dev"
    others = [contender.rung for contender in tied if contender is not chosen]
    if not others:
        return f"{head}; no other candidate is shown to be within {margin:g} of it"
    text = f"{head}; statistically tied within {margin:g} with {', '.join(others)}"
    if chosen is best:
        return f"{text}; it has the highest score of them and none is cheaper beyond noise or simpler"
    if chosen.cost is None or best.cost is None:
        return f"{text}; the costs cannot be compared"
    return f"{text}; it costs {_ratio_words(chosen.cost, best.cost)} as much as the best, {best.rung}"


def _ratio_words(cost: float, other: float) -> str:
    if other == 0:
        return "measurably more than nothing:" if cost > 0 else "exactly"
    return f"{cost / other:.2g} times"


def _gap_words(value: float, against: str) -> str:
    if value == 0:
        return f"level with {against}"
    return f"{abs(value):.3f} {'below' if value < 0 else 'above'} {against}"


def _require_sound(contenders: Sequence[Contender], *, metric: str, margin: float, confidence: float) -> None:
    if not contenders:
        raise InvalidInputError(
            "a choice needs at least one measured candidate, got none; see why each failed"
        )
    require_deciding(metric, task_of(contenders[0].predictions))
    _require_confidence(confidence)
    if margin <= 0:
        raise InvalidInputError(
            f"margin must be above 0, got {margin:g}; it is how much worse than the best is good enough"
        )
    rungs = [contender.rung for contender in contenders]
    if len(set(rungs)) != len(rungs):
        raise InvalidInputError(f"each rung may stand once, got {', '.join(sorted(rungs))}")
    for contender in contenders:
        if contender.cost is not None and not contender.cost >= 0:
            raise InvalidInputError(
                f"the cost of '{contender.rung}' must be at least 0, got {contender.cost}; "
                "write None when it was not measured"
            )


def _require_confidence(confidence: float) -> None:
    require_fraction(confidence, "confidence")
    if confidence <= 0.5:
        raise InvalidInputError(
            f"a one-sided confidence must be above 0.5, got {confidence:g}; 0.95 is usual"
        )

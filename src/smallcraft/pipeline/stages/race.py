"""The race: says after a dear rung's first fold that it cannot win, so that the rest need not be trained.

Compared are answers to rows that neither candidate had seen, row by row. A rung cannot win when it is shown
to be worse than another by more than the margin, or when it is shown to be no more than the margin better
than one that answers at no more cost: the choice takes the cheapest that is not inferior to the best.
Always: no evidence stops nothing; dev and cert are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.decoder import Decoder
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.models.ladder import HeldOut
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.predictions import with_answers
from smallcraft.pipeline.stages.weigh import cost_of
from smallcraft.records import AnyPredictions
from smallcraft.stats.comparisons import Difference


@dataclass(frozen=True)
class Rules:
    """What was declared before anything was trained.

    Attributes:
        metric: Decides.
        margin: How much worse than the best is still good enough.
        confidence: One-sided, of saying that a rung cannot win.
        seed: For the intervals that are drawn.
    """

    metric: str
    margin: float
    confidence: float
    seed: int


def why_it_cannot_win(
    runner: HeldOut, measured: Sequence[Measured], train: AnyPredictions, rules: Rules
) -> str | None:
    """The reason in a sentence; None while it may win.

    Args:
        runner: A raced rung's answers.
        measured: The candidates so far.
        train: Truth and clusters of all training rows; its probabilities are not read.
        rules: Metric, margin and confidence.
    """
    floor = next((cost_of(c) for c in measured if c.attempt.rung == runner.no_cheaper_than), None)
    for rival in measured:
        if rival.attempt.held_out is None or rival.predictions is None:
            continue
        found = _difference(runner, rival.attempt.held_out, train, rules)
        if found is None:
            continue
        difference, n = found
        best, name = difference.interval.high, rival.attempt.rung
        where = f"after one fold, on {n:,} rows that neither had seen, its {rules.metric} is"
        if best < -rules.margin:
            return f"{where} at least {-best:.4f} below that of '{name}'; the margin is {rules.margin:g}"
        cost = cost_of(rival)
        if best < rules.margin and floor is not None and cost is not None and cost <= floor:
            within = f"within the margin of {rules.margin:g}, and it cannot be cheaper"
            return f"{where} at most {max(best, 0.0):.4f} above that of '{name}', {within}"
    return None


def _difference(
    runner: HeldOut, rival: HeldOut, train: AnyPredictions, rules: Rules
) -> tuple[Difference, int] | None:
    rows = np.intersect1d(runner.rows, rival.rows, assume_unique=True)
    if not len(rows):
        return None
    difference = quality_difference(
        _answers(runner, rows, train),
        _answers(rival, rows, train),
        metric=rules.metric,
        level=2 * rules.confidence - 1,
        seed=rules.seed,
    )
    return difference, len(rows)


def _answers(held_out: HeldOut, rows: NDArray[np.int64], train: AnyPredictions) -> AnyPredictions:
    probs = held_out.probs[np.searchsorted(held_out.rows, rows)]
    return with_answers(train, probs, held_out.decoder or Decoder(1.0), rows=rows)

"""Which class is answered in place of which, how often, on which rows of dev; of numbers, the widest misses.

Always: every pair has example rows, the most confident mistake first; nothing of a sealed row is shown.
Left to others: what a row shows (`dev_rows`), how pairs are counted (`evaluate.failures.confusion`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smallcraft.evaluate.failures.confusion import ConfusedPair, confused_pairs
from smallcraft.pipeline.report_parts.dev_rows import DevRows, ShownDevRow, show_row
from smallcraft.pipeline.report_parts.wording import three_figures
from smallcraft.records import CheckResult, Predictions, TagPredictions, ValuePredictions

MOST_PAIRS = 10
MOST_EXAMPLES = 3
_MOST_MISSES = 10


@dataclass(frozen=True)
class Mistake:
    """One row that was answered wrongly.

    Attributes:
        shown: The row.
        truth: The label it has.
        answered: What was answered.
        confidence: How sure the answer was, as it is printed; empty for numbers.
    """

    shown: ShownDevRow
    truth: str
    answered: str
    confidence: str = ""


@dataclass(frozen=True)
class MixUp:
    """One class answered in place of another.

    Attributes:
        rows: How often.
        share_of_class: Of the rows of the right class, a fraction.
        share_of_errors: Of all errors, a fraction.
        examples: The most confident ones.
    """

    truth: str
    answered: str
    rows: int
    share_of_class: float
    share_of_errors: float
    examples: tuple[Mistake, ...]


@dataclass(frozen=True)
class MixUps:
    """What goes wrong on dev.

    Attributes:
        rows: How many rows were answered.
        errors: How many of them wrongly; None where an answer is not simply right or wrong.
        pairs: The most frequent pairs of classes.
        misses: Single rows, the worst first, where there are no pairs.
    """

    rows: int
    errors: int | None
    pairs: tuple[MixUp, ...] = ()
    misses: tuple[Mistake, ...] = ()


def describe_mix_ups(seen: DevRows, checks: tuple[CheckResult, ...]) -> MixUps:
    """The most frequent mistakes with example rows.

    Args:
        seen: Rows of dev and the winner's answers.
        checks: What the checks of the data found; says which rows must not be shown.
    """
    predictions = seen.predictions
    if isinstance(predictions, TagPredictions):
        return _of_tags(seen, predictions, checks)
    if isinstance(predictions, ValuePredictions):
        return _of_values(seen, predictions, checks)
    wrong = int(np.count_nonzero(predictions.truth != predictions.predicted))
    pairs = confused_pairs(predictions, most=MOST_PAIRS, least=1)
    told = tuple(_mix_up(pair, seen, predictions, checks, errors=wrong) for pair in pairs)
    return MixUps(len(predictions.truth), wrong, told)


def _mix_up(
    pair: ConfusedPair,
    seen: DevRows,
    predictions: Predictions,
    checks: tuple[CheckResult, ...],
    *,
    errors: int,
) -> MixUp:
    code = predictions.classes.index(pair.answered)
    examples = tuple(
        Mistake(show_row(seen, row, checks), pair.truth, pair.answered, f"{predictions.probs[row, code]:.2f}")
        for row in pair.rows[:MOST_EXAMPLES].tolist()
    )
    rows = len(pair.rows)
    return MixUp(pair.truth, pair.answered, rows, pair.share_of_class, rows / errors, examples)


def _of_tags(seen: DevRows, predictions: TagPredictions, checks: tuple[CheckResult, ...]) -> MixUps:
    """Rows with most labels left out or put on beside the truth."""
    differing = np.sum(predictions.truth != predictions.predicted, axis=1)
    worst = np.argsort(-differing, kind="stable")[:_MOST_MISSES]
    names = np.array(predictions.classes, dtype=object)
    misses = tuple(
        Mistake(
            show_row(seen, row, checks),
            ", ".join(names[predictions.truth[row]]) or "none",
            ", ".join(names[predictions.predicted[row]]) or "none",
        )
        for row in worst.tolist()
        if differing[row]
    )
    return MixUps(len(differing), int(np.count_nonzero(differing)), misses=misses)


def _of_values(seen: DevRows, predictions: ValuePredictions, checks: tuple[CheckResult, ...]) -> MixUps:
    """Rows whose number is furthest from the truth."""
    distance = np.abs(predictions.truth - predictions.predicted)
    worst = np.argsort(-distance, kind="stable")[:_MOST_MISSES]
    misses = tuple(
        Mistake(
            show_row(seen, row, checks),
            three_figures(float(predictions.truth[row])),
            three_figures(float(predictions.predicted[row])),
        )
        for row in worst.tolist()
    )
    return MixUps(len(distance), None, misses=misses)

"""What a release promised of its losses: how often it was wrong on rows that are new to it, and for whom.

A loss is 1 for a wrong answer and 0 for a right one; of a number it is the distance from the truth as a share
of the range that the truth had. An answer that was withheld has none.
Leaves to others: what is made of it (`observe.harm`).
Always: what is read equals what was written; bounds are upper ends of 95 % intervals, since a watcher must
not call harm what was known before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import canonical_json
from smallcraft.data.profiles.reference_bytes import FILE_NAME
from smallcraft.errors import IntegrityError
from smallcraft.observe.harm import HarmBaseline
from smallcraft.records import Label, Task
from smallcraft.stats.intervals import exact_upper_bound
from smallcraft.stats.sequences.betting import anytime_upper_bounds, count_losses

# Where a release keeps them; named here, since watchers read them without what builds a release.
BASELINE_FILE = "evaluation/baseline.json"
REFERENCE_FILE = f"evaluation/{FILE_NAME}"
FORMAT = 1
_CONFIDENCE = 0.95
# A group of fewer rows is held against the bound of all.
_FEWEST_ROWS = 50
_BINS = 10


@dataclass(frozen=True)
class Baseline:
    """What a release promised.

    Attributes:
        task: What is answered.
        n: Rows with an answer.
        loss_bound: Upper bound of the mean loss.
        group_bounds: The same of groups such as `sex=female`.
        scale: Of a number, the distance that is a loss of 1; else 1.
        classes: Names of the rows and columns of `confusion`.
        confusion: Rows by true class and answer; empty where there are no classes.
        calibration_error: By how much confidences were off on average.
    """

    task: Task
    n: int
    loss_bound: float
    group_bounds: Mapping[str, float] = field(default_factory=dict)
    scale: float = 1.0
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration_error: float = 0.0

    def for_harm(self, *, tolerance: float) -> HarmBaseline:
        """The same as a watcher takes it.

        Args:
            tolerance: How much worse is no harm, in units of the loss.
        """
        confusion = np.array(self.confusion, dtype=np.int64) if self.confusion else None
        return HarmBaseline(
            self.loss_bound, dict(self.group_bounds), confusion, self.calibration_error, tolerance
        )

    def loss(self, answer: Label, truth: Label) -> float | None:
        """The loss of one answer, in [0, 1]; None where it was withheld."""
        if answer is None or truth is None:
            return None
        if self.task == "regression":
            assert isinstance(answer, float | int)
            assert isinstance(truth, float | int)
            return min(1.0, abs(float(answer) - float(truth)) / self.scale)
        if isinstance(answer, tuple) and isinstance(truth, tuple):
            return float(set(answer) != set(truth))
        return float(answer != truth)


def make_baseline(
    task: Task,
    answers: Sequence[Label],
    truth: Sequence[Label],
    *,
    confidence: NDArray[np.float64] | None,
    groups: Mapping[str, Sequence[str | None]],
    classes: Sequence[str],
) -> Baseline | None:
    """A baseline from rows that the release had not learned.

    Args:
        task: What is answered.
        answers: `n` answers; None where they were withheld.
        truth: `n` true labels, in the form of answers.
        confidence: `(n,)` float64; None where there is none.
        groups: Group column to `n` values.
        classes: Known ones.

    Returns:
        None without an answer.
    """
    numbers = [value for value in truth if isinstance(value, float | int)] if task == "regression" else []
    scale = (max(numbers) - min(numbers)) or 1.0 if numbers else 1.0
    measure = Baseline(task, 0, 1.0, scale=scale)
    found = [measure.loss(answer, true) for answer, true in zip(answers, truth, strict=True)]
    known = np.array([place for place, loss in enumerate(found) if loss is not None], dtype=np.intp)
    if not len(known):
        return None
    losses = np.array([0.0 if loss is None else loss for loss in found])
    named = {
        f"{column}={value}": [row for row in known.tolist() if values[row] == value]
        for column, values in groups.items()
        for value in sorted({value for value in values if value is not None})
    }
    is_classes = task == "multiclass"
    return Baseline(
        task=task,
        n=len(known),
        loss_bound=_bound(losses[known], task),
        group_bounds={
            name: _bound(losses[rows], task) for name, rows in named.items() if len(rows) >= _FEWEST_ROWS
        },
        scale=scale,
        classes=tuple(classes) if is_classes else (),
        confusion=_confusion(answers, truth, classes) if is_classes else (),
        calibration_error=0.0
        if confidence is None or task == "regression"
        else _calibration_error(confidence[known], losses[known]),
    )


def write_baseline(baseline: Baseline) -> bytes:
    """Its document: canonical JSON."""
    told = {name: getattr(baseline, name) for name in Baseline.__dataclass_fields__}
    return canonical_json({"format": FORMAT, **told})


def read_baseline(data: bytes, *, source: str) -> Baseline:
    """A baseline from its document.

    Args:
        data: From `write_baseline`.
        source: Where it is from, for messages.

    Raises:
        IntegrityError: It is not what `write_baseline` writes.
    """
    try:
        told: dict[str, Any] = json.loads(data)
        if told.pop("format") != FORMAT:
            raise ValueError("another format")  # noqa: TRY301 - told below with the rest
        told["classes"] = tuple(told["classes"])
        told["confusion"] = tuple(tuple(row) for row in told["confusion"])
        return Baseline(**told)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(
            f"{source} is no baseline of a release ({error}); take the release from the registry again"
        ) from error


def _bound(losses: NDArray[np.float64], task: Task) -> float:
    if task != "regression":
        return exact_upper_bound(float(losses.sum()), len(losses), confidence=_CONFIDENCE)
    return float(anytime_upper_bounds(count_losses(losses), confidence=_CONFIDENCE))


def _confusion(
    answers: Sequence[Label], truth: Sequence[Label], classes: Sequence[str]
) -> tuple[tuple[int, ...], ...]:
    place = {name: at for at, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for answer, true in zip(answers, truth, strict=True):
        if answer in place and true in place:
            counts[place[str(true)], place[str(answer)]] += 1
    return tuple(tuple(row) for row in counts.tolist())


def _calibration_error(confidence: NDArray[np.float64], losses: NDArray[np.float64]) -> float:
    """Mean distance of confidence and share of right answers, over tenths of the rows by confidence."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if len(part)]
    off = [abs(float(confidence[part].mean()) - (1 - float(losses[part].mean()))) for part in parts]
    return float(np.average(off, weights=[len(part) for part in parts]))

"""Trains a cheap rung on growing subsets of the rows and judges each on rows held out.

Leaves to others: the law through the losses (`stats.learning_curve`).
Always: within a repeat a smaller subset is part of a larger one; every subset has each class's share, as far
as it goes; all rows are trained on once, whatever the number of repeats.
Not covered: rungs of several stages, whose router would have to be fitted at each size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.inputs import Inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.candidates import find_rung
from smallcraft.models.memory import CpuMeter
from smallcraft.models.sample import strata_of, take_rows
from smallcraft.models.workshop import Workshop
from smallcraft.records import Task

SHARES = (0.10, 0.25, 0.50, 1.0)


@dataclass(frozen=True)
class Judges:
    """Rows held out, that no training sees.

    Attributes:
        inputs: The rows.
        labels: Of the task, as the workshop has them.
    """

    inputs: Inputs
    labels: NDArray[Any]


@dataclass(frozen=True)
class Trained:
    """What a rung made of one size.

    Attributes:
        rows: Training rows.
        losses: `(repeats, judging rows)` float64.
        train_cpu_s: CPU-seconds of all its trainings.
    """

    rows: int
    losses: NDArray[np.float64]
    train_cpu_s: float


def train_on_subsets(
    rung: str,
    workshop: Workshop,
    judges: Judges,
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = 3,
) -> tuple[Trained, ...]:
    """Losses of a rung by the number of rows it was trained on.

    Args:
        rung: Of one stage.
        workshop: All training rows.
        judges: The rows that judge.
        shares: Of the rows, rising, in (0, 1].
        repeats: Draws of each share below 1.

    Raises:
        InvalidInputError: The rung has more stages than one, or a share leaves fewer than 2 rows.
    """
    strata = strata_of(workshop)
    orders = [
        nested_order(strata, np.random.default_rng([workshop.seed, 7, each])) for each in range(repeats)
    ]
    sizes = [round(share * len(strata)) for share in shares]
    if min(sizes) < 2:
        raise InvalidInputError(
            f"a learning curve needs 2 rows at its smallest share, got {min(sizes)} of {len(strata)}; "
            "add rows, or start at a larger share"
        )
    return tuple(_train(rung, workshop, judges, size, orders) for size in dict.fromkeys(sizes))


def nested_order(strata: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An order of the rows whose every beginning has each stratum's share, as far as whole rows can.

    Args:
        strata: `(n,)` codes.
        rng: Shuffles the rows within a stratum and breaks ties between strata.
    """
    shuffled = rng.permutation(len(strata))
    place = np.empty(len(strata))
    for code in np.unique(strata):
        rows = shuffled[strata[shuffled] == code]
        # The j-th of m rows belongs at the share (j + a random part) / m of the whole.
        place[rows] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
    return np.argsort(place, kind="stable").astype(np.int64)


def _train(
    rung: str, workshop: Workshop, judges: Judges, size: int, orders: Sequence[NDArray[np.int64]]
) -> Trained:
    is_all = size == len(workshop.labels)
    losses, meter = [], CpuMeter(workshop.memory)
    for number, order in enumerate(orders[:1] if is_all else orders):
        workshop.progress(f"training {rung} on {size} rows", number / len(orders))
        some = take_rows(workshop, np.sort(order[:size]), name=f"curve{number}-{size}")
        losses.append(_judge(rung, workshop if is_all else some, judges))
    return Trained(size, np.stack(losses), meter.seconds())


def _judge(rung: str, workshop: Workshop, judges: Judges) -> NDArray[np.float64]:
    with threadpool_limits(1):
        stages = find_rung(rung).stages(workshop)
    if len(stages) != 1:
        raise InvalidInputError(
            f"a learning curve is drawn for a rung of one stage, '{rung}' has {len(stages)}; "
            "take one of the rungs that it is made of"
        )
    return LOSSES[workshop.task](stages[0].logits(judges.inputs), judges.labels)


def _wrong_class(logits: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.argmax(logits, axis=1) != labels, dtype=np.float64)


def _wrong_labels(logits: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(((logits > 0) != (labels > 0)).mean(axis=1), dtype=np.float64)


def _distance(logits: NDArray[np.float64], labels: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.abs(logits[:, 0] - labels), dtype=np.float64)


LOSSES: Mapping[Task, Callable[[NDArray[np.float64], NDArray[Any]], NDArray[np.float64]]] = {
    "multiclass": _wrong_class,
    "multilabel": _wrong_labels,
    "regression": _distance,
}

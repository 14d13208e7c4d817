"""Asks a model every row, a batch at a time, and measures what that took.

The cost is CPU time of this process, or time on the clock where the work is done elsewhere; of a file of
predictions there is none. The first batch pays for loading, so it is left out where there are others.
Always: one pass, no row is asked twice; a cost that could not be measured has no value and says why.
Left to others: latency and memory by the written rules (`evaluate.audits.cost`), which take a bundle.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import Answers, Questions, join_answers
from smallcraft.evaluate.harness.openers.opener import CostKind, OpenedModel
from smallcraft.records import Measurement

BATCH = 256
COST_NAMES = {"cpu": "cpu_s_per_1000", "wall": "wall_s_per_1000", "none": "cpu_s_per_1000"}
_METHODS = {"cpu": "CPU time of this process, one pass", "wall": "time on the clock, one pass", "none": ""}


@dataclass(frozen=True)
class Asked:
    """A model's answers to all rows, and their price."""

    answers: Answers
    cost: Measurement


def ask_model(
    model: OpenedModel,
    questions: Questions,
    *,
    batch: int = BATCH,
    progress: Callable[[float], None] | None = None,
) -> Asked:
    """Ask every row.

    Args:
        model: What answers.
        questions: At least one row.
        batch: Rows at once, at least 1.
        progress: Told which share is done.

    Raises:
        InvalidInputError: No rows, a batch that is none, or an answer that cannot be used.
    """
    if batch < 1:
        raise InvalidInputError(f"a batch holds at least 1 row, got {batch}; 256 is usual")
    if questions.rows == 0:
        raise InvalidInputError("an evaluation needs at least one row, got none; check the data")
    size = questions.rows if model.whole else batch
    clock = time.process_time if model.cost == "cpu" else time.perf_counter
    parts, seconds, sizes = [], [], []
    for start in range(0, questions.rows, size):
        asked = questions.take(start, min(start + size, questions.rows))
        begun = clock()
        found = model.answer(asked)
        seconds.append(clock() - begun)
        sizes.append(asked.rows)
        if len(found.probs) != asked.rows:
            raise InvalidInputError(
                f"{model.target} must answer each of {asked.rows:,} rows, got {len(found.probs):,} answers"
            )
        parts.append(found)
        if progress is not None:
            progress((start + asked.rows) / questions.rows)
    return Asked(join_answers(parts), _cost(model.cost, seconds, sizes))


def _cost(kind: CostKind, seconds: list[float], sizes: list[int]) -> Measurement:
    name = COST_NAMES[kind]
    if kind == "none":
        why = "not measured: the answers were made elsewhere; name the model itself to measure it"
        return Measurement(name, None, "s", 0, "", detail=why)
    kept = slice(1, None) if len(sizes) > 1 else slice(None)
    rows, spent = sum(sizes[kept]), sum(seconds[kept])
    first = f"without the first {sizes[0]:,} rows" if len(sizes) > 1 else "the first call is part of it"
    detail = f"{first}; batches of {sizes[0]:,}; no interval, it is one pass on this machine"
    if kind == "cpu":
        detail += "; work of other processes is not in it"
    return Measurement(name, 1000 * spent / rows, "s", rows, _METHODS[kind], detail=detail)

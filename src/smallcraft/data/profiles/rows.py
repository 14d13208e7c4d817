"""Rows as they are profiled: what a model read, what it answered, how long that took.

Plain arrays and lists, so that a server, a file and a table can each give them.
Leaves to others: what is measured of them (`data.profiles.measuring`).
Always: a name of a column of one's own is none of those made here (`message/length`, `answer/class`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.records import Label, Task

TEXT_ASPECTS = ("length", "unknown", "language", "damage", "tokens")
EMBEDDING, ANSWER = "embedding", "answer"
# What the domain classifier says of a row, and how far the row is from the reference.
DOMAIN, DISTANCE = "rows/domain", "rows/distance"
_RESERVED = (f"{EMBEDDING}/", f"{ANSWER}/", DOMAIN, DISTANCE)


@dataclass(frozen=True)
class AnswerRows:
    """What a release answered to `n` rows.

    Attributes:
        labels: A label, a tuple of labels or a number each; None where it abstained.
        confidence: `(n,)` float64; None where answers have none.
        probs: `(n, k)` float64 that sum to 1, for the margin; None where there is none.
        escalated: `(n,)` bool, where further stages were asked; None with one stage.
        task: What is answered: one label, several, or a number.
    """

    labels: Sequence[Label]
    confidence: NDArray[np.float64] | None = None
    probs: NDArray[np.float64] | None = None
    escalated: NDArray[np.bool_] | None = None
    task: Task = "multiclass"


@dataclass(frozen=True)
class Rows:
    """`n` rows, column by column.

    Attributes:
        numbers: `(n,)` float64 a column, NaN where missing.
        categories: `n` a column, None where missing.
        texts: `n` a column, None where missing.
        embedding: `(n, d)` float32, NaN in rows that have none; None without an encoder.
        answers: What was said to them; None where nobody asked.
        latency_ms: `(m,)` float64 of the `m` requests they came in; None where it is not known.
        failed: Requests that got no answer; they have no rows here.
    """

    n: int
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    categories: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    embedding: NDArray[np.float32] | None = None
    answers: AnswerRows | None = None
    latency_ms: NDArray[np.float64] | None = None
    failed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that came, texts first."""
        return (*self.texts, *self.numbers, *self.categories)

    def take(self, places: NDArray[np.intp]) -> Rows:
        """Some of the rows, without what belongs to requests."""
        chosen = places.tolist()
        answers = self.answers
        if answers is not None:
            answers = AnswerRows(
                [answers.labels[place] for place in chosen],
                None if answers.confidence is None else answers.confidence[places],
                None if answers.probs is None else answers.probs[places],
                None if answers.escalated is None else answers.escalated[places],
                answers.task,
            )
        return replace(
            self,
            n=len(chosen),
            numbers={name: column[places] for name, column in self.numbers.items()},
            categories={name: [column[at] for at in chosen] for name, column in self.categories.items()},
            texts={name: [column[at] for at in chosen] for name, column in self.texts.items()},
            embedding=None if self.embedding is None else self.embedding[places],
            answers=answers,
            latency_ms=None,
            failed=0,
        )


def check_names(names: Iterable[str], texts: Iterable[str]) -> None:
    """Refuse columns whose names are those of something that is measured beside them.

    Args:
        names: Of all columns.
        texts: Of those that are texts.

    Raises:
        InvalidInputError: Names the column.
    """
    made = {f"{text}/{aspect}" for text in texts for aspect in TEXT_ASPECTS}
    for name in names:
        if name in made or name.startswith(_RESERVED):
            raise InvalidInputError(
                f"a watched column must not be named as what is measured beside it, got '{name}';"
                " rename it, or leave it out of [watch]"
            )

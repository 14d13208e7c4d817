"""Questions that wait for a worker, and which of them it answers next.

Natural batching: what has queued up while the last batch was answered is the next batch; no timer, so a lone
question waits for nobody.
Leaves to others: answering (`serve.answering` decides what of a batch is computed together).
Always: oldest first; a batch has one head, and at most the limit's rows unless its first question alone has
more; a question that is suspected of killing a worker is in no batch with others; what nobody waits for any
more is in none.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from smallcraft.serve.worker.asking import Asked

MOST_ROWS = 16
Source = TypeVar("Source")


class Waiting(NamedTuple, Generic[Source]):
    """A question and where its answer goes."""

    asked: Asked
    source: Source


class Batch(NamedTuple, Generic[Source]):
    """What a worker does next.

    Attributes:
        taken: To be answered together; none when nothing waits.
        rows: That they have together.
        expired: Whose time was over before their turn.
    """

    taken: list[Waiting[Source]]
    rows: int
    expired: list[Waiting[Source]]


class Queue(Generic[Source]):
    """Waiting questions, oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], Waiting[Source]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, asked: Asked, source: Source) -> None:
        """One more."""
        self._waiting[id(source), asked.number] = Waiting(asked, source)

    def cancel(self, number: int, source: Source) -> bool:
        """Nobody waits for a question any more; False when its turn has come already."""
        return self._waiting.pop((id(source), number), None) is not None

    def drop(self, source: Source) -> None:
        """Nobody waits for any question of a source."""
        gone = [name for name in self._waiting if name[0] == id(source)]
        for name in gone:
            del self._waiting[name]

    def next_batch(self, now: float) -> Batch[Source]:
        """Take the next batch off the queue.

        Args:
            now: Monotonic seconds.
        """
        taken: list[Waiting[Source]] = []
        expired: list[Waiting[Source]] = []
        names, rows, head = [], 0, None
        for name, waiting in self._waiting.items():
            asked = waiting.asked
            if asked.deadline < now:
                expired.append(waiting)
                names.append(name)
                continue
            if taken and (asked.is_alone or asked.head != head or rows + asked.rows > MOST_ROWS):
                # Further ones may fit; in order, so that none is overtaken for ever.
                continue
            taken.append(waiting)
            names.append(name)
            rows, head = rows + asked.rows, asked.head
            if asked.is_alone or rows >= MOST_ROWS:
                break
        for name in names:
            del self._waiting[name]
        return Batch(taken, rows, expired)

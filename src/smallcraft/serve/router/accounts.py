"""One request in the counters: counted once, about the arm that chance chose, however often others are asked.

Leaves to others: the numbers (`serve.metrics.tally`).
Always: the first thing that is told of a request is its evidence; later ones are replies and nothing else.
"""

from __future__ import annotations

from smallcraft.serve.metrics.tally import Tally
from smallcraft.serve.questions import Arm
from smallcraft.serve.worker.replying import Answered


class Account:
    """Where one request is counted.

    Args:
        tally: Of the arm.
        key: The bucket of its key; None for a request without one.
        is_drawn: Whether chance chose the arm.
        is_settled: Whether the request was counted already: another arm stands in for the one it met.
    """

    __slots__ = ("_is_drawn", "_is_settled", "_key", "tally")

    def __init__(
        self, tally: Tally, key: int | None = None, *, is_drawn: bool = False, is_settled: bool = False
    ) -> None:
        self.tally = tally
        self._key = key
        self._is_drawn = is_drawn
        self._is_settled = is_settled

    @property
    def arm(self) -> Arm:
        """Whose numbers these are."""
        return self.tally.arm

    @property
    def key(self) -> int | None:
        """The bucket of its key."""
        return self._key

    @property
    def is_evidence(self) -> bool:
        """Whether its answer counts as the arm's."""
        return self._is_drawn and not self._is_settled

    def moved_to(self, tally: Tally) -> Account:
        """The same request where a later split counts; what it says there is no evidence."""
        return Account(tally, is_settled=self._is_settled)

    def answered(self, answered: Answered, *, seconds: float) -> None:
        """The client is given an answer, after so many seconds."""
        if self._is_settled:
            self.tally.sent(200)
        else:
            self._is_settled = True
            self.tally.answered(
                answered.reply,
                seconds=seconds,
                worked_s=answered.seconds,
                key=self._key,
                is_drawn=self._is_drawn,
            )

    def failed(self, status: int | None, *, timed_out: bool = False, is_repeat: bool = False) -> None:
        """The arm failed.

        Args:
            status: What the client is told; None while somebody else may still answer.
            timed_out: Whether it took too long.
            is_repeat: Whether another request has told of the same failure.
        """
        if not self._is_settled:
            self._is_settled = True
            self.tally.failed(
                status=status,
                key=self._key,
                timed_out=timed_out,
                is_repeat=is_repeat,
                is_drawn=self._is_drawn,
            )
        elif status is not None:
            self.tally.sent(status)

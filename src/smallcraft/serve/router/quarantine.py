"""Requests that seem to kill workers: suspected after one death, refused after two.

A worker that dies leaves the fingerprints of its batch in its black box. Each of them is answered alone from
then on, so that a second death names the one that caused it; neighbours are cleared by their own answers.
Always: what was answered is no suspect; a death counts once for a request, however often it is told.
Not covered: a request that kills only in company; it is one of at most 16 each time, and never refused
unless it was alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from smallcraft.serve.questions import Refusal

_MOST = 4096


class Quarantine:
    """What a router knows of deaths."""

    def __init__(self) -> None:
        # Deaths by fingerprint, the newest last.
        self._suspects: dict[int, set[str]] = {}
        self._refused: dict[int, None] = {}

    @property
    def has_suspects(self) -> bool:
        """Whether any request needs a second look."""
        return bool(self._suspects or self._refused)

    def is_suspect(self, fingerprint: int) -> bool:
        """Whether it must be answered alone."""
        return fingerprint in self._suspects

    def is_refused(self, fingerprint: int) -> bool:
        """Whether it must not be answered."""
        return fingerprint in self._refused

    def blame(self, fingerprints: Sequence[int], death: str) -> list[int]:
        """A process died at a batch.

        Args:
            fingerprints: Of the batch; of one alone it was that one.
            death: Names the process.

        Returns:
            Those that are refused from now on.
        """
        newly = []
        for fingerprint in fingerprints:
            deaths = self._suspects.pop(fingerprint, set()) | {death}
            self._suspects[fingerprint] = deaths
            if len(deaths) > 1 and len(fingerprints) == 1:
                del self._suspects[fingerprint]
                self._refused[fingerprint] = None
                newly.append(fingerprint)
        for table in (self._suspects, self._refused):
            while len(table) > _MOST:
                del table[next(iter(table))]
        return newly

    def clear(self, fingerprint: int) -> None:
        """It was answered."""
        self._suspects.pop(fingerprint, None)


def refusal() -> Refusal:
    """What the client of a refused request is told."""
    return Refusal(
        422,
        "this very request ended two processes that tried to answer it, so it is not tried again; "
        "send it otherwise, and tell who runs the server",
        {},
    )

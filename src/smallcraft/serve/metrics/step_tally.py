"""Both arms under one step of a rollout, and how often they agreed in SHADOW.

Always: of a key one request is told of, and what the new release says to it when that is known in time.
Not covered: a comparison that comes after the next but one take of a shipment; its request is told of
without.
"""

from __future__ import annotations

from smallcraft.records import Decisions
from smallcraft.serve.metrics.step import Step, StepName
from smallcraft.serve.metrics.tally import NONE, First, Served, Tally


class StepTally:
    """Both arms under one step of a rollout, and how often they agreed in SHADOW."""

    __slots__ = ("arms", "compared", "disagreed", "name", "shared", "waiting")

    def __init__(self, name: StepName, shared: Step, served: tuple[Served, Served]) -> None:
        self.name = name
        self.shared = shared
        self.arms = (Tally(0, served[0], shared), Tally(1, served[1], shared))
        self.compared = self.disagreed = 0
        self.waiting: dict[int, First] = {}

    def compare(self, stable: Decisions, canary: Decisions, *, key: int | None = None) -> None:
        """Count a request, already counted as answered, that both releases answered; its first row.

        Of a key its first request alone counts, and only while that is not told of.
        """
        if key is None:
            self.compared += 1
            self.disagreed += disagrees(stable, canary)
            return
        first = self.arms[0].evidence.firsts.get(key) or self.waiting.get(key)
        if first is not None and first[-1] == NONE:
            first[-1] = int(disagrees(stable, canary))

    def firsts(self) -> tuple[dict[int, First], dict[int, First]]:
        """First requests of keys to tell of, of each arm.

        In SHADOW one of the stable arm waits for the next time, since what the other says comes later.
        """
        stable, canary = (tally.evidence.firsts for tally in self.arms)
        if not self.shared.is_shadow:
            return stable, canary
        told, self.waiting = self.waiting, stable
        return told, canary

    def clear(self) -> None:
        """Begin again at zero."""
        self.compared = self.disagreed = 0
        for tally in self.arms:
            tally.clear()

    def has_evidence(self) -> bool:
        """Whether there is anything to tell that a test reads."""
        return bool(self.compared or self.waiting) or any(tally.has_evidence() for tally in self.arms)


def disagrees(stable: Decisions, canary: Decisions) -> bool:
    """Whether two releases answer the first row otherwise.

    Labels disagree when they differ, abstaining being an answer too. Numbers differ after every training:
    they disagree when the new one lies outside the stable release's interval.
    """
    one, other = stable.labels[0], canary.labels[0]
    if (
        isinstance(one, float)
        and isinstance(other, float)
        and stable.low is not None
        and stable.high is not None
    ):
        return not stable.low[0] <= other <= stable.high[0]
    return one != other

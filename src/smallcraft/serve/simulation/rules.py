"""What a rule of rolling out is to the simulation: it sees counts, sets weights, and ends rollouts.

Always: a rule sees only what was counted, never what the world is like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.serve.simulation.requests import Tally
from smallcraft.serve.simulation.world import Orders

End = Literal["promoted", "rolled_back", "frozen"]
ENDS: tuple[End, End, End] = ("promoted", "rolled_back", "frozen")
PROMOTED, ROLLED_BACK, FROZEN = 0, 1, 2
GOES_ON = -1


@dataclass(frozen=True)
class Moves:
    """What a rule makes of a look; `r` rollouts.

    Attributes:
        ended: `(r,)` int64, a place in `ENDS` or `GOES_ON`.
        causes: `(r,)` int64, a place in the rule's `causes`; -1 for none.
    """

    ended: NDArray[np.int64]
    causes: NDArray[np.int64]


@dataclass(frozen=True)
class Service:
    """What is known of the service before anything is sent.

    Attributes:
        has_keys: Whether requests say who sends them.
        classes: How many the stable release has.
        disagreement: Share of rows on which the releases may disagree, as the release declares.
        escalation: Share of rows that escalate, as both releases declare; None without stages.
    """

    has_keys: bool
    classes: int
    disagreement: float
    escalation: float | None


class Run(Protocol):
    """A rule at work on some rollouts."""

    def orders(self) -> Orders:
        """What routers are told until the next look."""
        ...

    def look(self, tally: Tally, *, now_s: float) -> Moves:
        """Decide.

        Args:
            tally: Of all time so far.
            now_s: Seconds since the rollouts began.
        """
        ...

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Forget all rollouts but some.

        Args:
            rows: Which, in order.
        """
        ...


class Rule(Protocol):
    """A way of deciding, with its settings."""

    @property
    def name(self) -> str:
        """How tables call it."""
        ...

    @property
    def tick_s(self) -> float:
        """Seconds between two looks."""
        ...

    @property
    def places(self) -> int:
        """How many parts the tally needs."""
        ...

    @property
    def causes(self) -> tuple[str, ...]:
        """What it may roll back for."""
        ...

    def begin(self, rollouts: int, *, seed: int, service: Service) -> Run:
        """Start some rollouts.

        Args:
            rollouts: How many.
            seed: Of whatever chance the rule itself needs.
            service: That is rolled out.
        """
        ...

"""Minutes of mixed load with hostile clients beside it: does memory grow, is any answer wrong?

Always: every reply to a good client is checked; memory is what all the server's processes hold of their own,
compared between two spans of the same load, the first after the server is warm.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.driver import Check
from benchmarks.serving.hostile import HostileReport, Hostility, Victim, run_hostile
from benchmarks.serving.load import BackgroundLoad
from benchmarks.serving.messages import Reply
from benchmarks.serving.plans import Open
from benchmarks.serving.tally import LoadReport

_SPAN = 0.15  # of the whole: what is compared at the end, and after as much has gone by at the beginning
_FEWEST_LOOKS = 10


@dataclass(frozen=True)
class Mix:
    """Requests of several kinds in one order, and their checks."""

    requests: Sequence[bytes]
    check: Check


@dataclass(frozen=True)
class SoakPlan:
    """How long, how much.

    Attributes:
        seconds: In all.
        rate: Good requests a second.
        hostility: What the others do; its seconds are those of the plan.
        sample_s: Between two looks at the memory.
        seed: Of both.
    """

    seconds: float = 600.0
    rate: float = 200.0
    hostility: Hostility = field(default_factory=Hostility)
    sample_s: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class SoakReport:
    """What was seen.

    Attributes:
        load: The good clients'.
        hostile: The others'.
        memory_mb: Program to `(n,)` float64, one a look; 0 while it does not run.
    """

    load: LoadReport
    hostile: HostileReport
    memory_mb: Mapping[str, NDArray[np.float64]]

    @property
    def whole_mb(self) -> NDArray[np.float64]:
        """`(n,)` float64 of all programs together."""
        return np.sum([*self.memory_mb.values()], axis=0)

    @property
    def growth(self) -> float | None:
        """Of the memory, as a share: the last span's median over that of the span after warming up.

        None for fewer than ten looks.

        >>> SoakReport(None, None, {"worker": np.array([5.0, *[100.0] * 10, *[105.0] * 9])}).growth
        0.05
        """
        looks = self.whole_mb
        if len(looks) < _FEWEST_LOOKS:
            return None
        span = round(len(looks) * _SPAN)
        early, late = looks[span : 2 * span], looks[-span:]
        return round(float(np.median(late) / np.median(early)) - 1, 6)


def mix(parts: Sequence[tuple[Sequence[bytes], Check]], *, seed: int) -> Mix:
    """Put requests of several kinds into one random order."""
    found = [(request, check, place) for requests, check in parts for place, request in enumerate(requests)]
    random.Random(seed).shuffle(found)

    def check(place: int, reply: Reply) -> str:
        _, own, own_place = found[place]
        return own(own_place, reply)

    return Mix([request for request, _, _ in found], check)


def soak(
    victim: Victim, good: Mix, plan: SoakPlan, *, memory_mb: Callable[[], Mapping[str, float]]
) -> SoakReport:
    """Load, hostility and looks at the memory, side by side.

    Args:
        victim: The server.
        good: What good clients ask.
        plan: How long, how much.
        memory_mb: Of each of the server's programs, now.
    """
    load = Open(plan.rate, plan.seconds, seed=plan.seed)
    hostility = replace(plan.hostility, seconds=plan.seconds, seed=plan.seed)
    looks: list[Mapping[str, float]] = []
    with (
        ThreadPoolExecutor(1) as pool,
        BackgroundLoad(victim.target, good.requests, load, check=good.check) as running,
    ):
        bad = pool.submit(run_hostile, victim, hostility)
        until = time.monotonic() + plan.seconds
        while time.monotonic() < until:
            looks.append(memory_mb())
            time.sleep(plan.sample_s)
        return SoakReport(running.wait(), bad.result(), by_program(looks))


def by_program(looks: Sequence[Mapping[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Program to `(n,)` float64 of `n` looks."""
    names = sorted({name for look in looks for name in look})
    return {name: np.array([look.get(name, 0.0) for look in looks]) for name in names}

"""The models that a router serves, and how each one's traffic is split now.

Leaves to others: one request (`router.desk`), the assignment itself (`serve.rollout.assignment`).
Always: a request sees one split from its first moment to its last; a new split takes over only when every
release that it names can be asked, or has shown that it cannot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.step_tally import StepTally
from smallcraft.serve.metrics.tally import Served
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.router.admission import Gate
from smallcraft.serve.router.arms import Arm, Local
from smallcraft.serve.router.links import Link, connect
from smallcraft.serve.router.splitting import Splitter

# An arm may hold half as much again as its share of all that is open, and a few more.
_SHARE = 1.5
_SPARE = 32


@dataclass(frozen=True, slots=True)
class Split:
    """How the traffic of a model is split.

    Attributes:
        assignment: As the controller told it.
        stable: Answers what no chance gives to the other.
        canary: The new release; None while none is tried, or none can be reached.
        splitter: Draws the arm.
        tallies: Where requests under this split are counted.
        reads_alike: Whether both read the same columns for every head.
    """

    assignment: Assignment
    stable: Arm
    canary: Arm | None
    splitter: Splitter
    tallies: StepTally
    reads_alike: bool

    @property
    def is_counted(self) -> bool:
        """Whether a request that comes now is evidence.

        Only while there is a rollout and both releases can be asked: where one of them cannot, what the
        other answers says nothing, and counted alone it would look like the absence of the one.
        """
        if not self.assignment.rollout or not self.stable.is_ready:
            return False
        return self.assignment.weight == 0.0 if self.canary is None else self.canary.is_ready


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a release can be asked.

    Attributes:
        socket: Of its worker; None for none.
        box: The worker's black box; None for none.
        application: On Ray Serve, the name of the application that answers for it; empty for none.
    """

    socket: Path | None = None
    box: Path | None = None
    application: str = ""


# Makes a link to where a release is, with what is to be told of its end; None where nobody is there.
Connect = Callable[[Reach, Callable[[Link], None]], Awaitable[Link | None]]


async def connect_worker(reach: Reach, on_end: Callable[[Link], None]) -> Link | None:
    """A link to a worker on this machine."""
    if reach.socket is None or reach.box is None:
        return None
    return await connect(reach.socket, reach.box, on_end)


def read_reach(told: Mapping[str, Any]) -> Reach:
    """Where a release can be asked, as routers are told it; what is not told is not there."""
    socket, box = (None if told.get(name) is None else Path(told[name]) for name in ("socket", "box"))
    return Reach(socket, box, told.get("application", ""))


class ServedModel:
    """One model by name.

    Args:
        name: Of the model.
        router: Name of this life of this router.
        counters: What it counts.
        limit: Requests that may be open at once.
        on_death: Told of a worker's black box when its link ends.
        connect: Makes links.
    """

    def __init__(
        self,
        name: str,
        *,
        router: str,
        counters: Counters,
        limit: int,
        on_death: Callable[[Path], None],
        connect: Connect = connect_worker,
    ) -> None:
        self.name = name
        self.gate = Gate(limit)
        self.split: Split | None = None
        self._router = router
        self._counters = counters
        self._on_death = on_death
        self._connect = connect
        self._arms: dict[str, Arm] = {}
        self._retired: list[Arm] = []
        self._reached: dict[str, Reach] = {}

    @property
    def is_ready(self) -> bool:
        """Whether a request would be answered now."""
        return self.split is not None and self.split.stable.is_ready

    @property
    def versions(self) -> tuple[str, ...]:
        """Releases that may be asked for by version."""
        if self.split is None:
            return ()
        return tuple(arm.version for arm in (self.split.stable, self.split.canary) if arm is not None)

    def interfaces(self, version: str = "") -> Mapping[str, ModelInterface]:
        """What the heads of a release read and answer; of the stable one where no version is named."""
        if self.split is None:
            return {}
        canary = self.split.canary
        is_canary = canary is not None and version == canary.version
        return canary.interfaces if canary is not None and is_canary else self.split.stable.interfaces

    async def reach(self, digest: str, reach: Reach) -> bool:
        """Ask a release where it is now, from now on; links that it had finish what they have.

        Returns:
            Whether it can be asked.
        """
        arm = self._arms.setdefault(digest, Arm(digest, Gate(self.gate.limit)))
        if reach == Reach() or arm.local is not None:
            return arm.is_ready
        if self._reached.get(digest) == reach and arm.is_ready:
            return True
        link = await self._connect(reach, lambda link: self._end(arm, link))
        if link is None:
            return arm.is_ready
        self._reached[digest] = reach
        arm.use_link(link)
        return True

    def use_local(self, digest: str, local: Local) -> None:
        """Answer a release's questions in the router itself."""
        self._arms.setdefault(digest, Arm(digest, Gate(self.gate.limit))).use_local(local)

    def has_local(self, digest: str) -> bool:
        """Whether a release is loaded in the router itself."""
        arm = self._arms.get(digest)
        return arm is not None and arm.local is not None

    def follow(self, assignment: Assignment) -> bool:
        """Split traffic so from the next request on.

        Returns:
            False, and nothing changes, while the stable release was never reached.
        """
        stable = self._arms.get(assignment.stable.digest)
        if stable is None or not stable.interfaces:
            return False
        told = assignment.canary
        canary = None if told is None else self._arms.get(told.digest)
        if canary is not None and not canary.interfaces:
            canary = None
        weight = assignment.weight if canary is not None else 0.0
        self._share(stable, canary, weight)
        self.split = Split(
            assignment=assignment,
            stable=stable,
            canary=canary,
            splitter=Splitter(assignment.salt, weight, f"{self._router}/{assignment.step}"),
            tallies=self._tallies(assignment, stable),
            reads_alike=canary is not None and reads(stable) == reads(canary),
        )
        self._retire({assignment.stable.digest, "" if told is None else told.digest})
        return True

    def note_open(self) -> None:
        """Write down for the counters how many requests are open now."""
        if self.split is not None:
            for arm, tally in zip(
                (self.split.stable, self.split.canary), self.split.tallies.arms, strict=True
            ):
                if arm is not None:
                    tally.in_flight, tally.queued = arm.gate.open, arm.queued

    def give_up_late(self, now: float) -> None:
        """End what is past its deadline."""
        for arm in (*self._arms.values(), *self._retired):
            arm.give_up_late(now)
        self._retired = [arm for arm in self._retired if arm.is_busy]

    def _tallies(self, assignment: Assignment, stable: Arm) -> StepTally:
        facts = next(iter(stable.interfaces.values())).facts
        canary = assignment.canary
        return self._counters.step(
            StepName(assignment.rollout, assignment.step, assignment.settled_below, assignment.is_shadow),
            classes=facts.classes,
            stable=Served(self.name, assignment.stable.label),
            canary=None if canary is None else Served(self.name, canary.label),
        )

    def _share(self, stable: Arm, canary: Arm | None, weight: float) -> None:
        most = self.gate.limit
        stable.gate.limit = min(most, int(_SHARE * (1.0 - weight) * most) + _SPARE)
        if canary is not None:
            canary.gate.limit = min(most, int(_SHARE * weight * most) + _SPARE)

    def _retire(self, kept: set[str]) -> None:
        for digest in [digest for digest in self._arms if digest not in kept]:
            arm = self._arms.pop(digest)
            arm.retire()
            self._retired.append(arm)
            self._reached.pop(digest, None)

    def _end(self, arm: Arm, link: Link) -> None:
        if not link.is_leaving and link.box is not None:
            self._on_death(link.box)
        arm.lose(link)


def reads(arm: Arm) -> Mapping[str, object]:
    """What an arm's heads read and answer, to be compared with another's."""
    return {head: (told.kinds, told.outputs) for head, told in arm.interfaces.items()}

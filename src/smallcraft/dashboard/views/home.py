"""Home: releases in a line, which of them answers what share, open alarms beside the budget, the last gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.observe.alarms import Alarm
from smallcraft.registry.memory.story import HistoryLine

_MOST_RELEASES = 8
_MOST_ALARMS = 5


@dataclass(frozen=True)
class Arm:
    """A release that answers now.

    Attributes:
        release: Its label.
        share: Of the requests.
        is_canary: Whether it is on trial.
    """

    release: str
    share: float
    is_canary: bool


@dataclass(frozen=True)
class Serving:
    """Who answers one model's requests.

    Attributes:
        model: Its name.
        arms: Stable first.
        rollout: Id of the rollout that is under way or was last; empty for none.
        phase: That it is in.
    """

    model: str
    arms: tuple[Arm, ...]
    rollout: str
    phase: str


@dataclass(frozen=True)
class Watching:
    """What is watched.

    Attributes:
        open_alarms: Newest first, a few.
        n_open: How many there are.
        budget: False alarms a month.
        windows: That were weighed.
    """

    open_alarms: tuple[Alarm, ...]
    n_open: int
    budget: float
    windows: int


@dataclass(frozen=True)
class Gates:
    """Verdicts of the last build.

    Attributes:
        release: What it released; empty for nothing.
        verdicts: Gate, outcome, reason, what would settle it.
    """

    release: str
    verdicts: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class HomeView:
    """What stands on the page.

    Attributes:
        releases: The newest, newest first.
        n_releases: How many there are.
        serving: A model each; empty where no server runs.
        watching: What is watched.
        gates: Of the last build.
        has_report: Whether a build wrote a report.
    """

    releases: Part[Sequence[HistoryLine]]
    n_releases: int
    serving: tuple[Serving, ...]
    watching: Part[Watching]
    gates: Part[Gates]
    has_report: bool


def read(sources: Sources, asked: Asked) -> HomeView:
    """The page."""
    del asked
    story = read_part(sources.story)
    lines = () if story.value is None else story.value.lines
    newest = Part(lines[: -_MOST_RELEASES - 1 : -1] if lines else None, story.problem, story.is_absent)
    return HomeView(
        releases=newest,
        n_releases=len(lines),
        serving=_serving(sources.server()),
        watching=read_part(lambda: _watching(sources)),
        gates=read_part(lambda: _gates(sources)),
        has_report=sources.workspace.report.is_file(),
    )


def _serving(server: Mapping[str, Any] | None) -> tuple[Serving, ...]:
    models = {} if server is None else server["models"]
    return tuple(_served(name, told) for name, told in sorted(models.items()))


def _served(model: str, told: Mapping[str, Any]) -> Serving:
    rollout, weight = told["rollout"], float(told["weight"])
    stable = str(told["stable"]["label"])
    if rollout is None:
        return Serving(model, (Arm(stable, 1.0, is_canary=False),), "", "")
    arms = [Arm(stable, 1.0 - weight, is_canary=False)]
    if weight > 0:
        arms.append(Arm(str(rollout["canary"]["release"]["label"]), weight, is_canary=True))
    return Serving(model, tuple(arms), str(rollout["id"]), str(rollout["phase"]))


def _watching(sources: Sources) -> Watching:
    status = sources.watch()
    found = [alarm for alarm in status.alarms if alarm.is_open]
    return Watching(
        tuple(found[: -_MOST_ALARMS - 1 : -1]),
        len(found),
        status.budget,
        sum(release.windows for release in status.releases),
    )


def _gates(sources: Sources) -> Gates:
    built = sources.last_build()
    return Gates(built.release, tuple(built.facts.get("verdicts") or ()))

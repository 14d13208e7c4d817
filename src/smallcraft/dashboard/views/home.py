"""Home: what to do next, who answers what share, releases in a line, alarms against the budget, gates, data.

Always: each part is read on its own, so that one that is damaged takes no other with it; only the newest few
releases are read, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smallcraft.dashboard.archive import Shown, count_releases, newest_first, open_log, show_releases
from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Part, Sources, read_part
from smallcraft.dashboard.views.next_step import NextStep, Standing, next_step
from smallcraft.errors import NotFoundError
from smallcraft.label.campaigns import Campaigns, Status
from smallcraft.observe.alarms import Alarm
from smallcraft.pipeline.recorded import measurement_of, verdicts_of
from smallcraft.pipeline.report_parts.figures import describe
from smallcraft.pipeline.report_parts.wording import Figure
from smallcraft.records import Verdict
from smallcraft.registry.memory.evidence import list_of, map_of

_MOST_RELEASES = 8
_BLOCKING = ("FAIL", "UNDECIDED")
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
        canary: The release that it moves to.
    """

    model: str
    arms: tuple[Arm, ...]
    rollout: str = ""
    phase: str = ""
    canary: str = ""


@dataclass(frozen=True)
class Watching:
    """What is watched.

    Attributes:
        open_alarms: Newest first, a few.
        n_open: How many there are.
        outlived: How many of them are of releases that a newer one followed.
        budget: False alarms a month.
        windows: That were weighed.
    """

    open_alarms: tuple[Alarm, ...]
    n_open: int
    outlived: int
    budget: float
    windows: int


@dataclass(frozen=True)
class Gates:
    """Verdicts of the last build.

    Attributes:
        release: What it released; empty for nothing.
        verdicts: Of every gate, what blocks first.
    """

    release: str
    verdicts: tuple[Verdict, ...]

    @property
    def blockers(self) -> tuple[str, ...]:
        """Outcomes that stand in the way of a release."""
        return tuple(verdict.outcome.value for verdict in self.verdicts if verdict.blocks)


@dataclass(frozen=True)
class Line:
    """The newest releases.

    Attributes:
        shown: Newest first.
        total: How many there are.
        newest: Label of the newest one in use; empty where none is.
    """

    shown: tuple[Shown, ...]
    total: int
    newest: str


@dataclass(frozen=True)
class Quality:
    """What is known of the data.

    Attributes:
        index: The data quality index as it is printed.
        detail: What it was made of, or what it lacks.
        concerns: Checks that did not pass: name, outcome, summary.
    """

    index: Figure
    detail: str
    concerns: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class HomeView:
    """What stands on the page.

    Attributes:
        step: What to do next.
        line: The newest releases.
        serving: A model each; empty where no server runs.
        shares: Label to the share of requests that it answers now.
        watching: What is watched.
        gates: Of the last build.
        quality: Of the data of the last build.
        campaign: The last round of labelling.
        has_report: Whether a build wrote a report.
    """

    step: NextStep
    line: Part[Line]
    serving: tuple[Serving, ...]
    shares: Mapping[str, float]
    watching: Part[Watching]
    gates: Part[Gates]
    quality: Part[Quality]
    campaign: Part[Status]
    has_report: bool


def read(sources: Sources, asked: Asked) -> HomeView:
    """The page."""
    del asked
    line = read_part(lambda: _line(sources))
    newest = "" if line.value is None else line.value.newest
    serving = tell_serving(sources.server())
    watching = read_part(lambda: _watching(sources, newest, serving))
    gates = read_part(lambda: _gates(sources))
    campaign = read_part(lambda: _campaign(sources))
    parts: tuple[Part[Any], ...] = (line, watching, gates, campaign)
    standing = Standing(
        has_project=read_part(sources.config).is_there,
        trouble=next((part.problem for part in parts if not part.is_there and not part.is_absent), ""),
        has_build=gates.is_there,
        blockers=() if gates.value is None else gates.value.blockers,
        newest=newest,
        serving=tuple(arm.release for served in serving for arm in served.arms),
        phase=next((served.phase for served in serving if served.rollout), ""),
        canary=next((served.canary for served in serving if served.rollout), ""),
        open_alarms=0 if watching.value is None else watching.value.n_open - watching.value.outlived,
        outlived_alarms=0 if watching.value is None else watching.value.outlived,
        is_watched=watching.value is not None and watching.value.windows > 0,
        campaign="" if campaign.value is None else campaign.value.campaign.state,
        has_new_labels=_has_new_labels(sources),
    )
    return HomeView(
        step=next_step(standing),
        line=line,
        serving=serving,
        shares={arm.release: arm.share for served in serving for arm in served.arms},
        watching=watching,
        gates=gates,
        quality=read_part(lambda: _quality(sources)),
        campaign=campaign,
        has_report=sources.workspace.report.is_file(),
    )


def _line(sources: Sources) -> Line:
    log = open_log(sources)
    puts = newest_first(log, most=_MOST_RELEASES)
    shown = show_releases(sources, puts)
    newest = next((one.label for one in shown if not one.is_retired), "")
    if not shown:
        raise NotFoundError("nothing was released yet; `smallcraft build` makes the first release")
    return Line(shown, count_releases(log), newest)


def tell_serving(server: Mapping[str, Any] | None) -> tuple[Serving, ...]:
    """Who answers each model's requests.

    Args:
        server: What the running server says of its models; None where none runs.
    """
    models = {} if server is None else server["models"]
    return tuple(_served(name, told) for name, told in sorted(models.items()))


def _served(model: str, told: Mapping[str, Any]) -> Serving:
    rollout, weight = told["rollout"], float(told["weight"])
    stable = str(told["stable"]["label"])
    if rollout is None:
        return Serving(model, (Arm(stable, 1.0, is_canary=False),))
    canary = str(rollout["canary"]["release"]["label"])
    arms = [Arm(stable, 1.0 - weight, is_canary=False)]
    if weight > 0 and canary != stable:
        arms.append(Arm(canary, weight, is_canary=True))
    return Serving(model, tuple(arms), str(rollout["id"]), str(rollout["phase"]), canary)


def _watching(sources: Sources, newest: str, serving: Sequence[Serving]) -> Watching:
    status = sources.watch()
    found = [alarm for alarm in status.alarms if alarm.is_open]
    # Where the newest release was rolled back, what answered before still does.
    current = {newest, *(one.arms[0].release for one in serving if one.phase == "rolled_back")}
    outlived = sum(alarm.release not in current for alarm in found) if newest else 0
    return Watching(
        tuple(found[: -_MOST_ALARMS - 1 : -1]),
        len(found),
        outlived,
        status.budget,
        sum(release.windows for release in status.releases),
    )


def _gates(sources: Sources) -> Gates:
    built = sources.last_build()
    return Gates(built.release, verdicts_of(built.facts))


def _quality(sources: Sources) -> Quality:
    facts = sources.last_build().facts
    index = map_of(map_of(facts, "quality"), "index")
    if "value" not in index:
        raise NotFoundError("the last build did not look at its data; `smallcraft check` does")
    measured = measurement_of(index)
    concerns = tuple(one for one in list_of(facts, "checks") if one.get("outcome") in _BLOCKING)
    return Quality(describe(measured), measured.detail, concerns)


def _campaign(sources: Sources) -> Status:
    def read_last() -> Status:
        campaigns = Campaigns(sources.workspace.root / "label")
        known = campaigns.all()
        if not known:
            raise NotFoundError("nobody was asked yet; `smallcraft label next` picks the rows that pay most")
        opened = [one for one in known if one.state == "open"]
        return campaigns.status((opened or known)[-1].id)

    return sources.remember("campaign", sources.label_stamp(), read_last)


def _has_new_labels(sources: Sources) -> bool:
    """Whether a vote came in after the last build began to be remembered."""
    try:
        votes = (sources.workspace.root / "label" / "votes.jsonl").stat().st_mtime
        return votes > sources.workspace.last_build.stat().st_mtime
    except OSError:
        return False

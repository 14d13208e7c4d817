"""What to do next: one command, from where the project stands; nothing is read here.

Always: there is a next step, whatever the state; what is broken comes first, then what is open, then what is
new. A word that a person has to fill in stands in capitals.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """Where a project stands, as far as it decides what comes next.

    Attributes:
        has_project: Whether there is a project file.
        trouble: What cannot be read, in words; empty where nothing is broken.
        has_build: Whether anything was built.
        blockers: Outcomes of the last build's gates that stand in the way of a release: FAIL or UNDECIDED.
        newest: Label of the newest release in use; empty before the first.
        serving: Labels that answer now, stable first; empty where no server runs.
        phase: Of the last rollout; empty before the first.
        canary: What it moves to.
        open_alarms: How many nobody closed, of releases that none followed.
        outlived_alarms: How many nobody closed, of releases that a newer one followed.
        is_watched: Whether any window was weighed.
        campaign: State of the last round of labelling; empty before the first.
        has_new_labels: Whether votes came in after the last build.
    """

    has_project: bool = True
    trouble: str = ""
    has_build: bool = False
    blockers: tuple[str, ...] = ()
    newest: str = ""
    serving: tuple[str, ...] = ()
    phase: str = ""
    canary: str = ""
    open_alarms: int = 0
    outlived_alarms: int = 0
    is_watched: bool = False
    campaign: str = ""
    has_new_labels: bool = False


@dataclass(frozen=True)
class NextStep:
    """One thing to do.

    Attributes:
        command: As it is typed in the project's folder.
        why: What it does, in words.
    """

    command: str
    why: str


def next_step(standing: Standing) -> NextStep:
    """The one thing to do now.

    >>> next_step(Standing()).command
    'smallcraft build'
    >>> next_step(Standing(has_build=True, newest="helpdesk@3")).command
    'smallcraft serve'
    """
    return next(found for look in _IN_TURN if (found := look(standing)) is not None)


def _mend(standing: Standing) -> NextStep | None:
    if standing.trouble:
        return NextStep("smallcraft verify", "names the first stored byte that is not as it was recorded")
    if not standing.has_project:
        return NextStep("smallcraft init DATA", "looks at a table and writes the project file")
    return None


def _build_first(standing: Standing) -> NextStep | None:
    if standing.has_build or standing.newest:
        return None
    return NextStep(
        "smallcraft build", "trains, measures and gates candidates, and releases the cheapest good one"
    )


def _decide_rollout(standing: Standing) -> NextStep | None:
    if standing.phase == "frozen" and standing.serving:
        why = f"the rollout of {standing.canary} stands still until a person decides; this says why"
        return NextStep("smallcraft rollout status", why)
    return None


def _finish_labelling(standing: Standing) -> NextStep | None:
    if standing.campaign == "open":
        return NextStep(
            "smallcraft label import ANSWERS", "brings back what people answered in the open round"
        )
    if standing.has_new_labels:
        return NextStep("smallcraft build", "learns from the labels that came in since the last build")
    return None


def _answer_alarm(standing: Standing) -> NextStep | None:
    if not standing.open_alarms:
        return None
    why = "asks people about the rows of the last alarm: their answers say whether it does harm, and mend it"
    return NextStep("smallcraft label next --alarm last", why)


def _settle_gates(standing: Standing) -> NextStep | None:
    if "FAIL" in standing.blockers:
        return NextStep("smallcraft gate", "says which gate failed by how much, without training anything")
    if standing.blockers:
        return NextStep("smallcraft label next", "asks about the rows that would settle an undecided gate")
    return None


def _put_to_use(standing: Standing) -> NextStep | None:
    newest = standing.newest
    if not standing.serving:
        return NextStep("smallcraft serve", "answers requests over HTTP, on this machine") if newest else None
    if standing.phase not in ("", "done", "rolled_back", "frozen"):
        why = f"follows {standing.canary} until the rollout is done or rolled back"
        return NextStep("smallcraft rollout status --wait", why)
    if standing.phase == "rolled_back" and standing.canary == newest and newest not in standing.serving:
        return NextStep("smallcraft rollout receipts", f"says on what evidence {newest} was rolled back")
    if newest and newest not in standing.serving:
        why = "moves the traffic to the newest release step by step, and back when it is worse"
        return NextStep(f"smallcraft rollout start {shlex.quote(newest)}", why)
    return None


def _close_alarm(standing: Standing) -> NextStep | None:
    if not standing.outlived_alarms:
        return None
    why = f"ends an alarm of a release that {standing.newest} followed, with the reason you give"
    return NextStep("smallcraft watch close last --because WHY", why)


def _watch(standing: Standing) -> NextStep | None:
    if standing.is_watched:
        return None
    return NextStep("smallcraft watch", "weighs what production brings against what was released")


def _rest(standing: Standing) -> NextStep:
    del standing
    return NextStep(
        "smallcraft verify", "nothing waits for you; this proves that every stored byte is as recorded"
    )


_IN_TURN: Sequence[Callable[[Standing], NextStep | None]] = (
    _mend,
    _build_first,
    _decide_rollout,
    _finish_labelling,
    _answer_alarm,
    _settle_gates,
    _put_to_use,
    _close_alarm,
    _watch,
    _rest,
)

"""What to type next, and why, after a build: live where it was released, mended where it was not.

Always: there is a next step, whatever the build came to; a command can be copied as it stands.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from smallcraft.pipeline.result import BuildResult

_MOST_BLOCKING = 5


@dataclass(frozen=True)
class NextStep:
    """One thing to do.

    Attributes:
        command: As it is typed.
        why: What it does, in words.
    """

    command: str
    why: str


@dataclass(frozen=True)
class NextSteps:
    """What stands between here and the next release.

    Attributes:
        first: What to do now.
        others: What may follow.
        blockers: Of a build that was not released: what would settle each gate that blocks it.
    """

    first: NextStep
    others: tuple[NextStep, ...] = ()
    blockers: tuple[str, ...] = ()


def describe_next(result: BuildResult, *, follows: str | None) -> NextSteps:
    """The commands after a build.

    Args:
        result: What the build came to.
        follows: The release before; None for a first one.
    """
    check = NextStep(
        "smallcraft check", "writes check/check.html: every doubted row, with what to do about it"
    )
    if result.release is None:
        return NextSteps(
            NextStep(
                "smallcraft build", "judges again once the blockers are settled; what is unchanged is kept"
            ),
            (check, NextStep("smallcraft gate", "says again which gate blocks, without training anything")),
            _blockers(result),
        )
    label = shlex.quote(result.release.label)
    serve = NextStep("smallcraft serve", "answers requests over HTTP, on this machine")
    verify = NextStep(
        "smallcraft verify", "checks every stored byte of the release, and the log it stands in"
    )
    if follows is None:
        return NextSteps(serve, (verify, check))
    rollout = NextStep(
        f"smallcraft rollout start {label}",
        "moves the traffic of a running server to it, step by step, and back when it is worse",
    )
    return NextSteps(rollout, (serve, verify, check))


def _blockers(result: BuildResult) -> tuple[str, ...]:
    blocking = [verdict for verdict in result.verdicts if verdict.blocks]
    told = [
        f"{verdict.gate}: {verdict.reason}" + (f"; would settle it: {verdict.needs}" if verdict.needs else "")
        for verdict in blocking[:_MOST_BLOCKING]
    ]
    more = len(blocking) - len(told)
    return (*told, *([f"and {more} more, in the table of gates"] if more else []))

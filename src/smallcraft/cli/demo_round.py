"""The tour from the first release to the next: it is served, a bad one taken back, watched, labelled for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smallcraft.cli.demo_words import Stages, tell

if TYPE_CHECKING:
    from smallcraft.demo.live_server import LiveServer
    from smallcraft.demo.production import Answered
    from smallcraft.demo.rollouts import LiveRollout
    from smallcraft.demo.weeks import Weeks
    from smallcraft.observe.alarms import Alarm
    from smallcraft.records import Release
    from smallcraft.serve.rollout.receipts import Receipt

_MOST_WORDS = 3
_SLACK_DAYS = 3.0


def go_round(folder: Path, weeks: Weeks, first: Release, *, say: Callable[[str], None]) -> list[str]:
    """Steps 5 to 9.

    Args:
        folder: Of the tour.
        weeks: What was planted in it.
        first: The first release; `stable` means it until another one is proved live.
        say: Tells the title of a step.

    Returns:
        What was planted and not found.
    """
    from smallcraft.pipeline.workspace import open_registry

    registry = open_registry(folder)
    registry.set_alias(first.name, "stable", first.version, now=datetime.now(UTC), reason="the first")
    say("5. Serve it; then roll out a release that was built on a broken export")
    with _serving(folder, first) as server:
        missed = _take_back(folder, first, server)
        missed += _watch_and_learn(folder, weeks, first, server, say=say)
    say("9. Log: what changed, by how much, and why")
    _show_log(folder)
    return missed


def _watch_and_learn(
    folder: Path, weeks: Weeks, first: Release, server: LiveServer | None, *, say: Callable[[str], None]
) -> list[str]:
    """Steps 6 to 8."""
    say("6. Watch production: from week nine on there is a new product")
    alarm = _watch(folder, weeks)
    if alarm is None:
        return ["the new product"]
    missed = _hold_against_truth(alarm, weeks)
    say("7. Label: people answer the rows that the alarm asks about")
    answered = _label(folder, weeks, alarm)
    say("8. The next release: built on the answers, rolled out until it is stable")
    return missed + _release_again(folder, first, answered, server)


@contextmanager
def _serving(folder: Path, first: Release) -> Iterator[LiveServer | None]:
    """A server that was asked a few questions; None where a part of it is not installed."""
    from smallcraft.cli.parts import require_extra
    from smallcraft.errors import MissingPartError

    try:
        require_extra("serve")
    except MissingPartError as error:
        tell(f"left out: {error}")
        yield None
        return
    # The server's modules import its parts as they load.
    from smallcraft.demo.clients import ask_once
    from smallcraft.demo.live_server import live_server
    from smallcraft.demo.tour import EXAMPLES

    Stages().stage(f"starting a server of {first.label}, a process on the loopback")
    with live_server(folder, f"{first.name}@stable") as server:
        tell(f"{first.label} answers at http://127.0.0.1:{server.port}")
        for text in EXAMPLES:
            reply = ask_once("127.0.0.1", server.port, text)
            tell(f"{text} -> {reply.label} ({reply.confidence:.0%})", indent=4)
        yield server


def _take_back(folder: Path, first: Release, server: LiveServer | None) -> list[str]:
    """A bad release goes live beside the stable one, and back."""
    from smallcraft.demo.bad_release import build_bad_release, write_bad_project
    from smallcraft.demo.helpdesk.faults import BAD_RELEASE_CHARACTERS, BAD_RELEASE_SWAP
    from smallcraft.pipeline.workspace import open_registry

    swapped = " and ".join(sorted(BAD_RELEASE_SWAP))
    tell(
        f"planted: an export with every message cut to {BAD_RELEASE_CHARACTERS} letters, and the labels "
        f"{swapped} exchanged"
    )
    bad = build_bad_release(write_bad_project(folder), listener=Stages()).release
    if bad is None:
        tell("its gates stopped it, so it was not released")
        return ["the bad release"]
    tell(f"released {bad.label}: its own sealed rows are broken alike, so every gate passed")
    if server is None:
        return []
    rollout = _roll_out(folder, bad, server)
    if rollout.phase != "rolled_back":
        return ["the bad release"]
    reason = f"rolled back: {rollout.receipts[-1].cause}"
    open_registry(folder).retire(bad.name, bad.version, now=datetime.now(UTC), reason=reason)
    tell(f"{bad.label} is retired; 'stable' means {first.label}, as before")
    return []


def _roll_out(folder: Path, release: Release, server: LiveServer) -> LiveRollout:
    """Under clients who ask what production asks."""
    import polars as pl

    from smallcraft.demo.rollouts import roll_out
    from smallcraft.demo.weeks import PRODUCTION

    texts = pl.read_csv(folder / PRODUCTION)["message"].to_list()
    found = roll_out(server, release.label, texts, tell=_tell_receipt)
    seen = found.answered
    tell(f"{seen.n:,} questions in {found.seconds:.0f} s, {seen.failed} of them without an answer", indent=4)
    agree = "the same decisions and numbers" if found.is_replayed else "NOT what they say"
    tell(f"{len(found.receipts)} receipts, each decided anew from its counts: {agree}")
    return found


def _tell_receipt(receipt: Receipt) -> None:
    to = receipt.form["to"]
    # One line each, however long: where it would be broken depends on how busy the machine is.
    typer.echo(f"    {to['phase']:<11} {100 * to['weight']:>3g} %  {receipt.cause}")


def _watch(folder: Path, weeks: Weeks) -> Alarm | None:
    """The first alarm, with what it names; None without one."""
    from smallcraft.demo.production import watch_production

    names = ", ".join(sorted(weeks.names))
    tell(
        f"planted: from {weeks.launched:%Y-%m-%d} on {weeks.about_new:,} of {weeks.since:,} messages "
        f"({weeks.about_new / weeks.since:.0%}) are about it; its words: {names}"
    )
    Stages().stage("weighing every day against the days before it")
    watched = watch_production(folder)
    tell(
        f"{weeks.production:,} messages, {watched.windows} windows of a day weighed; budget "
        f"{watched.budget:g} false alarms a month"
    )
    if not watched.alarms:
        tell("no alarm")
        return None
    alarm = watched.alarms[0]
    tell(f"ALARM {alarm.sentence}", indent=4)
    for word in alarm.explanation.words[:_MOST_WORDS]:
        tell(f"the word {word.token!r}: {word.before:.1%} -> {word.now:.1%} of messages", indent=4)
    return alarm


def _hold_against_truth(alarm: Alarm, weeks: Weeks) -> list[str]:
    """Whether it names the product, and since when."""
    from smallcraft.observe.windows import shown_time

    named = [word.token for word in alarm.explanation.words if word.token in weeks.names]
    off = abs(alarm.began_s - weeks.launched.timestamp()) / 86_400
    tell(f"planted word found: {', '.join(named) or 'none'}")
    tell(
        f"since about {shown_time(alarm.began_s)} by the alarm, {weeks.launched:%Y-%m-%d %H:%M} in truth; "
        f"raised {(alarm.opened_s - weeks.launched.timestamp()) / 86_400:.0f} days after"
    )
    return [
        *(["the words of the new product"] if not named else []),
        *(["since when there is a new product"] if off > _SLACK_DAYS else []),
    ]


def _label(folder: Path, weeks: Weeks, alarm: Alarm) -> Answered:
    from smallcraft.demo.production import answer_for_people

    answered = answer_for_people(folder, alarm, listener=Stages())
    tell(
        f"rows picked where the change is: {answered.picked_about_new:.0%} of them are about it; "
        f"of the whole batch {answered.about_new:.0%}, of production {weeks.about_new / weeks.since:.0%}"
    )
    tell(f"{answered.votes} answers taken in; the alarm is now {answered.harm}")
    version = answered.version
    tell(
        f"the data are now {version.path}: {version.added} new rows; those that were picked learn, those "
        "drawn blindly are sealed, and no other row changed sides"
    )
    return answered


def _release_again(folder: Path, first: Release, answered: Answered, server: LiveServer | None) -> list[str]:
    """Build on the answers, say by how much it is better, and roll it out."""
    from smallcraft.demo.production import MAY_DISAGREE, learned_about_new, take_over
    from smallcraft.pipeline.build import build
    from smallcraft.pipeline.config import load_config
    from smallcraft.pipeline.workspace import open_registry

    take_over(folder, answered.version)
    because = (
        f"{answered.votes} answers to rows of an alarm: a new product that the first release did not know"
    )
    result = build(load_config(folder), listener=Stages(), because=lambda _decision: because)
    if result.release is None:
        tell(f"not released: {result.outcome}")
        return ["the next release"]
    for line in _delta_lines(folder, result.release):
        tell(line)
    found = learned_about_new(folder, first, result.release)
    tell(
        f"of {found.n} messages about the new product that nobody labelled {first.label} gets "
        f"{found.right_before / found.n:.0%} right, {result.release.label} {found.right_now / found.n:.0%}: "
        f"{(found.repaired - found.broken) / found.n:+.2f} [{found.gain.low:+.2f}, {found.gain.high:+.2f}], "
        f"{found.repaired} repaired, {found.broken} broken"
    )
    if server is None:
        return []
    tell(
        f"knowing more, it may answer {MAY_DISAGREE:.0%} of what is asked otherwise ([rollout] disagreement)"
    )
    rollout = _roll_out(folder, result.release, server)
    stable = open_registry(folder).find(f"{first.name}@stable").entry.label
    tell(f"'stable' means {stable}")
    return [] if rollout.phase == "done" and stable == result.release.label else ["a good release"]


def _delta_lines(folder: Path, release: Release) -> list[str]:
    """Paired differences to the release before, and the reason."""
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import tell_registry

    story = tell_registry(open_registry(folder))
    line = next(one for one in story.lines if one.release == release.label)
    return [*(f"against {line.parent}, {change}" for change in line.changed[:2]), f"why: {line.why}"]


def _show_log(folder: Path) -> None:
    from smallcraft.cli.show_registry import show_story
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import tell_registry

    show_story(tell_registry(open_registry(folder)))
    typer.echo("")

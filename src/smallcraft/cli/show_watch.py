"""How windows, alarms and where watching stands look on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smallcraft.observe.windows import EVERYTHING, shown_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smallcraft.observe.alarms import Alarm, Example, Suspect
    from smallcraft.observe.journal import Weighed
    from smallcraft.pipeline.watching.telling import ReleaseStatus, WatchStatus
    from smallcraft.pipeline.watching.watch import Looked

_STYLES = {"benign": "green", "harmful": "red", "unknown": "yellow"}
_MOST, _LONGEST = 10, 120


def show_status(told: WatchStatus) -> None:
    """Each release's last window, then alarms that are open."""
    console = _console()
    if not told.releases and not told.unwatched:
        console.print("no windows yet; serve a release, or put files where \\[watch] looks for them")
    for release in told.releases:
        _show_release(console, release, told)
    for label, reason in told.unwatched.items():
        console.print(f"[yellow]not watched[/] {escape(label)}: {escape(reason)}")
    is_open = [alarm for alarm in told.alarms if alarm.is_open]
    for alarm in is_open:
        _headline(console, alarm)
    closed = len(told.alarms) - len(is_open)
    if closed:
        console.print(f"{closed} closed; `smallcraft watch digest` counts them against the budget")


def notes_of(looked: Looked, failed: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong, or should be known, a line each.

    Args:
        looked: What a look led to.
        failed: Triggers that did not go through, with the reason.
    """
    untold = [*failed.items(), *(pair for found in looked.releases.values() for pair in found.failed.items())]
    return (
        *(f"note: {note}" for note in looked.notes),
        *(f"error: {reason}" for reason in looked.refused),
        *(f"{trigger} did not go through: {reason}; tried again" for trigger, reason in untold),
    )


def show_notes(notes: Sequence[str]) -> None:
    """To standard error."""
    for note in notes:
        _console(stderr=True).print(f"[yellow]{escape(note)}[/]")


def show_news(looked: Looked) -> None:
    """What a look led to, a line each; nothing where nothing happened."""
    console = _console()
    for found in looked.releases.values():
        for weighed in found.weighed:
            if weighed.segment == EVERYTHING:
                console.print(_window_line(weighed))
        for alarm in found.raised:
            _headline(console, alarm)
        for alarm in found.closed:
            console.print(f"[green]over[/] {escape(alarm.id)}: windows are as before again")


def show_alarm(alarm: Alarm) -> None:
    """All that an alarm says."""
    console = _console()
    _headline(console, alarm)
    evidence = "by rule" if alarm.log_e is None else f"e-value {_e_value(alarm.log_e)}"
    console.print(
        f"  since about {shown_time(alarm.began_s)} UTC, raised {shown_time(alarm.opened_s)}; {evidence} of "
        f"{_e_value(alarm.log_level)}, budget {alarm.budget:g} false alarms a month"
    )
    if alarm.explanation.suspects:
        console.print(_suspects(alarm.explanation.suspects))
    for part in alarm.explanation.first_slices(_MOST):
        console.print(
            f"  {escape(part.column)}, {escape(part.cell)}: {part.before:.1%} -> {part.now:.1%}, "
            f"{part.share:.0%} of its change"
        )
    for word in alarm.explanation.words[:_MOST]:
        console.print(
            f"  word {escape(repr(word.token))} in {escape(word.column)}: "
            f"{word.before:.2%} -> {word.now:.2%} (z {word.z:+.1f})"
        )
    for sign in alarm.harm.signs:
        within = "" if sign.interval is None else f" [{sign.interval.low:.3f}, {sign.interval.high:.3f}]"
        value = "not measured" if sign.value is None else f"{sign.value:.3f}{within}"
        limit = "" if sign.bound is None else f", limit {sign.bound:.3f}"
        console.print(
            f"  {sign.verdict.value}: {escape(sign.name)} {value}{limit}; assumes {escape(sign.assumes)}"
        )
    for example in alarm.explanation.examples[:_MOST]:
        console.print(f"  {example.arm}: {escape(_example(example))}")
    if alarm.review is not None:
        console.print(
            f"  rows to label: {escape(alarm.review)}; `smallcraft label next --alarm last` asks them"
        )
    if alarm.closing is not None:
        console.print(
            f"  closed as {alarm.closing.ending.value} by {escape(alarm.closing.by)}: "
            f"{escape(alarm.closing.note or 'no reason given')}"
        )


def _show_release(console: Console, release: ReleaseStatus, told: WatchStatus) -> None:
    if release.last_start_s is None:
        console.print(f"[bold]{escape(release.release)}[/]: windows were stored, none was weighed yet")
        return
    evidence = ""
    if release.log_e is not None:
        evidence = f", evidence {_e_value(release.log_e)} of {_e_value(told.log_level)}"
    console.print(
        f"[bold]{escape(release.release)}[/]: {release.windows:,} windows, the last from "
        f"{shown_time(release.last_start_s)} UTC is {release.outcome}{evidence}"
    )
    if release.needs:
        console.print(f"  UNDECIDED needs {escape(release.needs)}")


def _headline(console: Console, alarm: Alarm) -> None:
    verdict = alarm.harm.verdict.value
    state = "ALARM" if alarm.is_open else "closed alarm"
    console.print(f"[{_STYLES[verdict]}]{state} {verdict}[/] {escape(alarm.id)}")
    console.print(f"  {escape(alarm.sentence)}")


def _window_line(weighed: Weighed) -> str:
    evidence = "" if weighed.log_e is None else f", evidence {_e_value(weighed.log_e)}"
    needs = f"; needs {escape(weighed.needs)}" if weighed.needs else ""
    return f"{shown_time(weighed.start_s)} {escape(weighed.release)}: {weighed.outcome}{evidence}{needs}"


def _suspects(suspects: tuple[Suspect, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("column", "number", "now", "usual", "e-value", "named"):
        table.add_column(name, justify="left" if name in ("column", "number", "named") else "right")
    for one in suspects[:_MOST]:
        usual = "" if one.usual is None else f"{one.usual:.3g}"
        evidence = "" if one.log_e is None else _e_value(one.log_e)
        table.add_row(
            escape(one.column),
            escape(one.statistic),
            f"{one.value:.3g}",
            usual,
            evidence,
            "yes" * one.is_claimed,
        )
    return table


def _example(example: Example) -> str:
    shown = ", ".join(f"{name}={_short(value)}" for name, value in example.values)
    answer = "no answer" if example.answer is None else f"answered {example.answer!r}"
    return f"{shown}; {answer}"


def _short(value: str | float | None) -> str:
    if isinstance(value, str) and len(value) > _LONGEST:
        return repr(f"{value[:_LONGEST]}...")
    return repr(value)


def _e_value(log_e: float) -> str:
    """Past a million only how many digits it has matters."""
    return f"{math.exp(log_e):,.3g}" if log_e < math.log(1e6) else f"1e{log_e / math.log(10):.0f}"


def _console(*, stderr: bool = False) -> Console:
    return Console(highlight=False, emoji=False, soft_wrap=True, stderr=stderr)

"""`smallcraft watch`: production is held against what was released, and alarms are told, closed, counted."""

from __future__ import annotations

import getpass
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import after_watch, next_line, tell_next
from smallcraft.cli.options import Json, Project
from smallcraft.cli.saying import say
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.pipeline.watching.telling import WatchStatus
    from smallcraft.pipeline.watching.watch import Looked, ProjectWatch

_USUAL_PROJECT = Path()
_ENDINGS = {
    "false": "nothing had changed, and what was seen joins the past",
    "fixed": "the old normal holds on",
    "accepted": "what is seen now is the new normal",
}

State = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the server whose rollout an alarm may freeze; by default .smallcraft/serving.",
        show_default=False,
    ),
]
Which = Annotated[
    str,
    typer.Argument(help="An alarm's id, a part of it, or last.", metavar="ALARM"),
]
Named = Annotated[
    str | None,
    typer.Option(
        "--release",
        help="Whose windows; by default those that came last.",
        metavar="NAME",
        show_default=False,
    ),
]

group = typer.Typer(name="watch", help="Hold production against what was released.")


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group.callback(invoke_without_command=True)(watch)
    for verb in (status, show, close, labels, digest, calibrate):
        group.command(verb.__name__)(verb)
    app.add_typer(group, name="watch")


def watch(
    context: typer.Context,
    project: Project = _USUAL_PROJECT,
    *,
    once: Annotated[
        bool,
        typer.Option("--once", help="Look once, and tell where watching stands."),
    ] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 30.0,
    state: State = None,
    as_json: Json = False,
) -> int:
    """Weigh windows of production as they end, until Ctrl-C; raise alarms within the budget of [watch].

    Windows come from `smallcraft serve` where smallcraft.toml has a [watch] section, or from the files that
    it names. A month has no more false alarms in the mean than false_alarms_per_month says. What an alarm
    sets off is written there too: a batch of rows to label, a page, a rollout that is held. With --once: exit
    code 2 with an open alarm that is not benign, 1 with a file that cannot be used, 3 before an alarm is
    possible, else 0.
    """
    if context.invoked_subcommand is not None:
        if once or as_json or state is not None or project != _USUAL_PROJECT:
            raise InvalidInputError(
                f"options stand after the verb: smallcraft watch {context.invoked_subcommand} --project ..."
            )
        return 0
    with _opened(project, state) as watching:
        if once:
            return _look_once(watching, project, as_json=as_json)
        tell_next("watch", "status", project=project, as_json=as_json)
        _look_on(watching, every, as_json=as_json)
    return 0


def status(project: Project = _USUAL_PROJECT, *, as_json: Json = False) -> int:
    """Tell where watching stands: each release's last window, evidence, and open alarms.

    Exit code 2 with an open alarm that is not benign, 3 before an alarm is possible, else 0.
    """
    with _opened(project) as watching:
        return _tell(_status(watching), project, as_json=as_json)


def show(alarm: Which = "last", project: Project = _USUAL_PROJECT, *, as_json: Json = False) -> None:
    """Show an alarm: what moved, since when, whether it does harm, and examples."""
    from smallcraft.cli.show_watch import show_alarm
    from smallcraft.observe.alarm_form import alarm_form
    from smallcraft.pipeline.watching.past import find_alarm

    with _opened(project) as watching:
        found = find_alarm(watching.journal, alarm)
    if as_json:
        typer.echo(json.dumps(alarm_form(found), indent=2))
    else:
        show_alarm(found)
        if found.review is not None and found.is_open:
            tell_next("label", "next", "--alarm", "last", project=project)
        elif found.is_open:
            tell_next("watch", "close", found.id, "--because", "WHY", project=project)
        else:
            tell_next("watch", "status", project=project)


def close(
    alarm: Which,
    project: Project = _USUAL_PROJECT,
    *,
    because: Annotated[str, typer.Option("--because", help="Why; kept with the alarm.")],
    by: Annotated[
        str, typer.Option(help="Who closes it; by default your login name.", show_default=False)
    ] = "",
    false: Annotated[
        bool, typer.Option("--false", help="Nothing had changed: what was seen joins the past.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option("--accept", help="What is seen now is the new normal; the past before is forgotten."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Close an alarm, with a reason; the guardrail then counts anew.

    Without --false or --accept: what had changed is over or will be, and the old normal holds on.
    """
    from smallcraft.observe.alarms import Ending
    from smallcraft.pipeline.watching.past import find_alarm

    if false and accept:
        raise InvalidInputError(
            "either nothing had changed or there is a new normal, got --false and --accept; give one of them"
        )
    ending = Ending.FALSE if false else Ending.ACCEPTED if accept else Ending.FIXED
    with _opened(project) as watching:
        found = find_alarm(watching.journal, alarm)
        watching.close_alarm(found, by=by or getpass.getuser(), because=because, ending=ending)
    told = {"closed": found.id, "ending": ending.value}
    then = next_line("watch", "status", project=project)
    say(f"closed {found.id}; {_ENDINGS[ending.value]}", told=told, as_json=as_json, then=then)


def labels(
    file: Annotated[
        Path, typer.Argument(help="With the label's column, prediction and time.", metavar="FILE")
    ],
    project: Project = _USUAL_PROJECT,
    *,
    release: Named = None,
    as_json: Json = False,
) -> None:
    """Take in labels that came after the answers, and hold the losses against what was promised.

    Rows are counted once: by their item_id where the file has one.
    """
    from smallcraft.observe.alarm_form import alarm_form
    from smallcraft.pipeline.watching.late_labels import read_late_labels
    from smallcraft.pipeline.watching.past import find_release

    with _opened(project) as watching:
        label = find_release(watching, release)
        rows = read_late_labels(watching.config, file, watching.baseline(label))
        watching.take_labels(label, rows)
        watching.settle()
        mine = [alarm for alarm in watching.journal.alarms() if alarm.release == label and alarm.is_open]
    mean = sum(row.loss for row in rows) / len(rows)
    lines = [f"{len(rows):,} labels of {label}, mean loss {mean:.3f}"]
    lines += [f"ALARM {alarm.harm.verdict.value} {alarm.id}: {alarm.sentence}" for alarm in mine]
    told = {"release": label, "labels": len(rows), "mean_loss": mean, "alarms": list(map(alarm_form, mine))}
    then = next_line("watch", *(("show", mine[-1].id) if mine else ("status",)), project=project)
    say(*lines, told=told, as_json=as_json, then=then)


def digest(
    month: Annotated[
        str | None,
        typer.Argument(help="Such as 2026-11; by default this one.", metavar="MONTH", show_default=False),
    ] = None,
    project: Project = _USUAL_PROJECT,
    *,
    as_json: Json = False,
) -> None:
    """A month's alarms beside the budget they were raised under."""
    from smallcraft.canonical import plain
    from smallcraft.pipeline.watching.past import digest_releases

    with _opened(project) as watching:
        found = digest_releases(watching, now_s=time.time(), month=month)
    lines = [one.sentence for one in found] or ["no windows in that month"]
    then = next_line("watch", "calibrate", project=project)
    say(*lines, told={"digests": plain(found)}, as_json=as_json, then=then)


def calibrate(
    project: Project = _USUAL_PROJECT,
    *,
    release: Named = None,
    months: Annotated[int, typer.Option(help="How many months to draw from the past.", min=1)] = 30,
    seed: Annotated[int, typer.Option(help="Of the draw.", min=0)] = 0,
    as_json: Json = False,
) -> int:
    """Replay months drawn from past windows, and count alarms: none of them is a true one.

    Exit code 0 when the budget is kept, 2 when it surely is not, 3 when more months are needed to tell.
    """
    from smallcraft.canonical import plain
    from smallcraft.pipeline.watching.past import calibrate_release, find_release

    with _opened(project) as watching:
        label = find_release(watching, release)
        found = calibrate_release(watching, label, months=months, seed=seed)
    code = {"PASS": 0, "FAIL": 2, "UNDECIDED": 3}[found.outcome.value]
    say(
        f"{found.outcome.value} {label}: {found.sentence}",
        told={"release": label, **plain(found)},
        as_json=as_json,
        then=next_line("watch", "status", project=project),
    )
    return code


def _opened(project: Path, state: Path | None = None) -> ProjectWatch:
    from smallcraft.pipeline.watching.watch import ProjectWatch

    return ProjectWatch(project, state=state)


def _look_once(watching: ProjectWatch, project: Path, *, as_json: bool) -> int:
    """A look of which nothing is under way any more."""
    from smallcraft.cli.show_watch import notes_of, show_notes

    looked = watching.look()
    show_notes(notes_of(looked, watching.settle()))
    return _tell(_status(watching, looked), project, as_json=as_json)


def _look_on(watching: ProjectWatch, every: float, *, as_json: bool) -> None:
    """Until somebody ends it; what is wrong is told when it changes."""
    from smallcraft.cli.show_watch import notes_of, show_notes

    told: tuple[str, ...] = ()
    while True:
        try:
            looked = watching.look()
            notes = notes_of(looked, {})
        except OSError as error:
            looked, notes = None, (f"{error}; tried again",)
        if notes != told:
            show_notes(notes)
            told = notes
        if looked is not None:
            _say_news(watching, looked, as_json=as_json)
        time.sleep(every)


def _status(watching: ProjectWatch, looked: Looked | None = None) -> WatchStatus:
    from smallcraft.pipeline.watching.telling import tell_watch

    return tell_watch(
        watching.journal,
        watching.store,
        watching.settings,
        unwatched={} if looked is None else looked.unwatched,
        refused=() if looked is None else looked.refused,
    )


def _tell(told: WatchStatus, project: Path, *, as_json: bool) -> int:
    from smallcraft.cli.show_watch import show_status

    if as_json:
        typer.echo(json.dumps(told.as_json(), indent=2))
    else:
        show_status(told)
        tell_next(*after_watch(told), project=project)
    return told.exit_code


def _say_news(watching: ProjectWatch, looked: Looked, *, as_json: bool) -> None:
    """A line for each window of all segments, and for what happened to alarms."""
    from smallcraft.cli.show_watch import show_news

    if as_json:
        if looked.windows or looked.raised or looked.closed:
            typer.echo(json.dumps(_status(watching, looked).as_json()))
        return
    show_news(looked)

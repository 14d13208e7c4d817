"""`smallcraft label`: rounds of labelling; what to ask next, what came back, what it bought."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import next_line
from smallcraft.cli.options import Json, Project
from smallcraft.cli.saying import say
from smallcraft.cli.show_label import (
    bought_lines,
    proposed_form,
    proposed_lines,
    status_form,
    status_lines,
    taken_form,
    taken_lines,
)

if TYPE_CHECKING:
    from smallcraft.observe.alarms import Alarm
    from smallcraft.pipeline.config import Config
    from smallcraft.pipeline.events import Listener

_USUAL_PROJECT = Path()

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="label-studio, argilla or csv; by default what [label] says.",
        metavar="NAME",
        show_default=False,
    ),
]

group = typer.Typer(name="label", help="Ask people about the rows that pay most.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group.command("next")(next_batch)
    group.command("import")(import_file)
    group.command("measure")(measure)
    group.command("status")(status)
    group.command("stop")(stop)
    app.add_typer(group, name="label")


def next_batch(
    project: Project = _USUAL_PROJECT,
    *,
    budget: Annotated[
        float | None,
        typer.Option(
            help="What it may cost: votes, rows or money, as [label] unit says.", show_default=False
        ),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Of the targeted arm; by default slice_value.", show_default=False)
    ] = None,
    format_name: Format = None,
    alarm: Annotated[
        str | None,
        typer.Option(
            help="Ask about the batch of an alarm: its id, a part of it, or last.",
            metavar="ALARM",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Choose what to ask people next, and write the files for them.

    Labels that look wrong, answers that were withheld, rows of [label] unlabelled; ranked by what an answer
    is worth, with one row in eight drawn blindly so that the gain can be judged. Bring the answers back with
    `smallcraft label import`.
    """
    from smallcraft.pipeline.labelling.planning import LabelPlan, propose

    config = _config(project)
    found = None if alarm is None else _alarm(config, alarm)
    plan = LabelPlan(budget, strategy, format_name, found)
    proposed = propose(config, plan, now=_now(), listener=_listener())
    then = next_line("label", "import", "ANSWERS", project=project)
    say(*proposed_lines(proposed), told=proposed_form(proposed), as_json=as_json, then=then)


def import_file(
    file: Annotated[Path, typer.Argument(help="An export of the labelling tool.", metavar="FILE")],
    project: Project = _USUAL_PROJECT,
    *,
    format_name: Format = None,
    campaign: Annotated[
        str | None,
        typer.Option(help="Its id, for a file that does not say it.", metavar="ID", show_default=False),
    ] = None,
    revise: Annotated[bool, typer.Option("--revise", help="Let changed answers count.")] = False,
    as_json: Json = False,
) -> None:
    """Take answers in, merge all votes, and write the data as they are now.

    Nothing is half imported, and the same file twice counts once. Answers about an alarm's rows are losses of
    the release that had answered them, so the alarm then says whether it does harm.
    """
    from smallcraft.pipeline.labelling.answers import take_answers
    from smallcraft.pipeline.labelling.losses import weigh_losses

    config = _config(project)
    taken = take_answers(
        config,
        file,
        format_name=format_name,
        campaign=campaign,
        revise=revise,
        now=_now(),
        listener=_listener(),
    )
    weighed = weigh_losses(project, taken.losses)
    after = ("label", "measure") if taken.version is None else ("build",)
    then = next_line(*after, project=project)
    say(*taken_lines(taken, weighed), told=taken_form(taken, weighed), as_json=as_json, then=then)


def measure(
    campaign: Annotated[
        str | None,
        typer.Argument(
            help="Its id; by default the newest that has answers.", metavar="ID", show_default=False
        ),
    ] = None,
    project: Project = _USUAL_PROJECT,
    *,
    seeds: Annotated[int, typer.Option(help="How many seeds to train with and without it.", min=1)] = 3,
    as_json: Json = False,
) -> None:
    """Say what a campaign bought: a cheap rung trained with and without it, asked about dev.

    The outcome, good or bad, is an entry of the log that `smallcraft log` tells.
    """
    from smallcraft.canonical import plain
    from smallcraft.pipeline.labelling.answers import measure as measure_campaign

    done = measure_campaign(_config(project), campaign, seeds=range(seeds), now=_now(), listener=_listener())
    then = next_line("label", "next", project=project)
    say(*bought_lines(done.outcome), told=plain(done.outcome), as_json=as_json, then=then)


def status(project: Project = _USUAL_PROJECT, *, as_json: Json = False) -> None:
    """Tell how far each campaign is."""
    from smallcraft.pipeline.labelling.project import statuses

    found = statuses(_config(project))
    is_open = any(one.campaign.state == "open" for one in found)
    after = ("label", "import", "ANSWERS") if is_open else ("label", "next")
    then = next_line(*after, project=project)
    say(*status_lines(found), told=status_form(found), as_json=as_json, then=then)


def stop(
    campaign: Annotated[str, typer.Argument(help="Its id, as in `smallcraft label status`.", metavar="ID")],
    project: Project = _USUAL_PROJECT,
    *,
    because: Annotated[str, typer.Option("--because", help="Why, in a sentence.", show_default=False)],
    as_json: Json = False,
) -> None:
    """End a campaign: it takes no more answers, and what nobody answered may be asked about again.

    The answers that came in stay.
    """
    from smallcraft.pipeline.labelling.project import project_campaigns

    ended = project_campaigns(_config(project)).move(campaign, "stopped", note=because)
    told = {"campaign": ended.id, "state": ended.state, "note": ended.note}
    then = next_line("label", "next", project=project)
    say(f"campaign {ended.id} is stopped: {ended.note}", told=told, as_json=as_json, then=then)


def _alarm(config: Config, name: str) -> Alarm:
    from smallcraft.observe.journal import Journal
    from smallcraft.pipeline.watching.past import find_alarm
    from smallcraft.pipeline.watching.project import WatchPlaces

    with Journal(WatchPlaces(config.folder).root) as journal:
        return find_alarm(journal, name)


def _config(project: Path) -> Config:
    from smallcraft.pipeline.config import load_config

    return load_config(project)


def _listener() -> Listener:
    from smallcraft.pipeline.events import SilentListener

    class Stages(SilentListener):
        """Says what is under way, and nothing of the checks that `smallcraft check` tells."""

        def stage(self, sentence: str) -> None:
            """To standard error, so that the answer can be piped."""
            typer.echo(f"{sentence} ...", err=True)

    return Stages()


def _now() -> datetime:
    return datetime.now(UTC)

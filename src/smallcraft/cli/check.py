"""`smallcraft check`: looks at the data and says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import EngineOption, Json, Project
from smallcraft.cli.saying import starting
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.data.repair import Action

Data = Annotated[
    str | None,
    typer.Argument(help="A file of labelled rows; without it, the project is checked.", metavar="[DATA]"),
]
Label = Annotated[str | None, typer.Option("--label", help="With DATA: the label column.")]
Text = Annotated[str | None, typer.Option("--text", help="With DATA: the text column.")]
Backbone = Annotated[
    str, typer.Option("--backbone", help="With DATA: the encoder that helps to judge; none to do without.")
]
Seed = Annotated[int, typer.Option("--seed", help="With DATA: seeds everything random.")]
Probs = Annotated[
    Path | None,
    typer.Option("--probs", help="Probabilities of a model of yours, a row a row of the data."),
]
Votes = Annotated[
    str | None,
    typer.Option("--votes", help="Votes with a line each: item, annotator, label; alone or beside DATA."),
]
Audit = Annotated[
    int | None,
    typer.Option("--audit", help="Write a sheet of that many rows for a person to label again."),
]
Answers = Annotated[
    Path | None,
    typer.Option("--audit-answers", help="The sheet with its answers: how many labels are right."),
]
Fix = Annotated[
    str | None, typer.Option("--fix", help="Write a repaired version: some of drop, relabel, merge.")
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the page and the findings.")]
MostRows = Annotated[
    int | None,
    typer.Option(
        "--most-rows",
        help="Without a project: of more rows (or votes), all are counted and this many are judged.",
        min=1_000,
        show_default="1000000",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit with 2 when any check FAILs; without it findings exit with 0."),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    data: Data = None,
    project: Project = Path(),
    *,
    label: Label = None,
    text: Text = None,
    probs: Probs = None,
    votes: Votes = None,
    audit: Audit = None,
    audit_answers: Answers = None,
    fix: Fix = None,
    output: Output = None,
    backbone: Backbone = "auto",
    seed: Seed = 0,
    most_rows: MostRows = None,
    engine: EngineOption = None,
    strict: Strict = False,
    as_json: Json = False,
) -> int:
    """Check the data: labels, votes, copies, leaks, personal data, and how much of it is right."""
    with starting():
        from smallcraft.cli.show import show_quality
        from smallcraft.cli.views import plain_view
        from smallcraft.engine.naming import LOCAL
        from smallcraft.pipeline.check_output import CheckOptions
        from smallcraft.pipeline.checking import check_file, check_project
        from smallcraft.pipeline.checking_votes import check_votes
        from smallcraft.pipeline.config import load_config, with_engine
        from smallcraft.pipeline.partitions.size import MOST_ROWS
        from smallcraft.records import Outcome

    options = CheckOptions(
        probs=probs,
        votes=votes,
        audit=audit,
        answers=audit_answers,
        fix=_actions(fix),
        output=output,
        most_rows=most_rows or MOST_ROWS,
        engine=engine or LOCAL,
    )
    view = plain_view(to_stderr=as_json)
    if data is not None:
        done = check_file(
            data, label=label, text=text, backbone=backbone, options=options, seed=seed, listener=view
        )
    elif votes is not None and not _has_project(project):
        done = check_votes(votes, options=options, seed=seed, listener=view)
    else:
        _refuse_file_options(label, text)
        done = check_project(with_engine(load_config(project), engine), options=options, listener=view)
    if as_json:
        typer.echo(json.dumps(done.as_json(), indent=2))
    else:
        show_quality(done)
    is_project = data is None and _has_project(project)
    tell_next(*_next(data, is_project=is_project), project=project, as_json=as_json)
    failed = any(result.outcome is Outcome.FAIL for result in done.report.checks)
    return 2 if strict and failed else 0


def _next(data: str | None, *, is_project: bool) -> tuple[str, ...]:
    if is_project:
        return ("build",)
    return ("init", "DATA" if data is None else data)


def _has_project(project: Path) -> bool:
    from smallcraft.pipeline.config import FILE_NAME

    return project.is_file() or (project / FILE_NAME).exists()


def _actions(fix: str | None) -> tuple[Action, ...]:
    """Refused before any work is done when one of them is no repair."""
    from smallcraft.data.repair import known_actions

    return known_actions([word.strip() for word in (fix or "").split(",") if word.strip()])


def _refuse_file_options(label: str | None, text: str | None) -> None:
    if label is not None or text is not None:
        raise InvalidInputError(
            "--label and --text are for a bare file; a project names its columns in smallcraft.toml - "
            "write `smallcraft check FILE --label NAME`, or change [data]"
        )

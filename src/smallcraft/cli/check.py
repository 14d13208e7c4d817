"""`smallcraft check`: looks at the data and says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.options import Json, Project
from smallcraft.errors import InvalidInputError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    data: Annotated[
        str | None,
        typer.Argument(help="A file of labelled rows; without it, the project is checked.", metavar="[DATA]"),
    ] = None,
    project: Project = Path(),
    *,
    label: Annotated[str | None, typer.Option(help="With DATA: the label column.")] = None,
    text: Annotated[str | None, typer.Option(help="With DATA: the text column.")] = None,
    probs: Annotated[
        Path | None, typer.Option(help="Probabilities of a model of yours, a row a row of the data.")
    ] = None,
    votes: Annotated[
        Path | None, typer.Option(help="A long file of votes: item, annotator, label; alone or beside DATA.")
    ] = None,
    audit: Annotated[
        int | None, typer.Option(help="Write a sheet of that many rows for a person to label again.")
    ] = None,
    audit_answers: Annotated[
        Path | None, typer.Option(help="The sheet with its answers: how many labels are right.")
    ] = None,
    fix: Annotated[
        str | None, typer.Option(help="Write a repaired version: some of drop, relabel, merge.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the page and the findings.")
    ] = None,
    backbone: Annotated[
        str, typer.Option(help="With DATA: the encoder that helps to judge; none to do without.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="With DATA: seeds everything random.")] = 0,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 2 when any check FAILs; without it findings exit with 0."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Check the data: labels, votes, copies, leaks, personal data, and how much of it is right."""
    from smallcraft.cli.show import show_quality
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.check_output import CheckOptions
    from smallcraft.pipeline.checking import check_file, check_project, check_votes
    from smallcraft.pipeline.config import load_config
    from smallcraft.records import Outcome

    options = CheckOptions(
        probs=probs,
        votes=votes,
        audit=audit,
        answers=audit_answers,
        fix=_actions(fix),
        output=output,
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
        done = check_project(load_config(project), options=options, listener=view)
    if as_json:
        typer.echo(json.dumps(done.as_json(), indent=2))
    else:
        show_quality(done)
    failed = any(result.outcome is Outcome.FAIL for result in done.report.checks)
    return 2 if strict and failed else 0


def _has_project(project: Path) -> bool:
    from smallcraft.pipeline.config import FILE_NAME

    return project.is_file() or (project / FILE_NAME).exists()


def _actions(fix: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in fix.split(",") if word.strip()) if fix else ()


def _refuse_file_options(label: str | None, text: str | None) -> None:
    if label is not None or text is not None:
        raise InvalidInputError(
            "--label and --text are for a bare file; a project names its columns in smallcraft.toml - "
            "write `smallcraft check FILE --label NAME`, or change [data]"
        )

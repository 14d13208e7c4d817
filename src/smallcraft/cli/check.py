"""`smallcraft check`: looks at the data and says what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.options import Json, Project


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    project: Project = Path(),
    *,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 2 when any check FAILs; without it findings exit with 0."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Check the data: row counts, integrity, duplicates, leakage between splits."""
    from smallcraft.canonical import plain
    from smallcraft.cli.show import show_checks
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.config import load_config
    from smallcraft.pipeline.stages.prepare import prepare_data
    from smallcraft.records import Outcome

    prepared = prepare_data(load_config(project), plain_view(to_stderr=as_json))
    splits = {name: {"rows": ref.rows, "digest": ref.digest} for name, ref in prepared.splits.refs.items()}
    outcomes = {result.outcome for result in prepared.checks}
    if as_json:
        found = {"splits": splits, "notes": prepared.splits.notes, "checks": plain(prepared.checks)}
        typer.echo(json.dumps(found, indent=2))
    else:
        show_checks(prepared.checks)
    return 2 if strict and Outcome.FAIL in outcomes else 0

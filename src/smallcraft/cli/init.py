"""`smallcraft init`: looks at a data file and writes a commented project file."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.errors import InvalidInputError

_WHAT = {
    "multiclass": "{:,} classes",
    "multilabel": "{:,} labels, several a row",
    "regression": "a number to predict",
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("init")(init)


def init(
    data: Annotated[
        str | None, typer.Argument(help="The file of labelled rows (csv, tsv, parquet, jsonl).")
    ] = None,
    *,
    label: Annotated[str | None, typer.Option(help="The label column, when the guess is wrong.")] = None,
    text: Annotated[str | None, typer.Option(help="The text column, when the guess is wrong.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = Path(
        "smallcraft.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a project file that is there.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of project files.")] = False,
) -> None:
    """Look at a file and write a commented smallcraft.toml with good guesses."""
    if schema:
        _print_schema()
        return
    if data is None:
        raise InvalidInputError("init needs the file of labelled rows; write `smallcraft init tickets.csv`")
    if output.exists() and not force:
        raise InvalidInputError(f"{output} is there already; edit it, or replace it with --force")
    from smallcraft.data.inspect import inspect_file
    from smallcraft.pipeline.config import name_from_path, render_config
    from smallcraft.pipeline.workspace import write_whole

    guess = inspect_file(data, label=label, text=text)
    reasons = {
        role: guess.reasons[name].removeprefix(f"{role}: ")
        for role, name in _single_roles(guess.roles).items()
    }
    written = render_config(
        name=name_from_path(data),
        path=os.path.relpath(data, output.parent),
        roles=guess.roles,
        metric=guess.metric,
        reasons={**reasons, "task": guess.task_reason, "metric": guess.metric_reason},
    )
    write_whole(output, written.encode("utf-8"))
    typer.echo(f"{data}: {guess.rows:,} rows, {_WHAT[guess.roles.task].format(len(guess.class_counts))}")
    for column, reason in guess.reasons.items():
        typer.echo(f"  {column}: {reason}")
    where = "" if output == Path("smallcraft.toml") else f" --project {shlex.quote(str(output))}"
    typer.echo(f"wrote {output}; look it over, then run `smallcraft build{where}`")


def _single_roles(roles: object) -> dict[str, str]:
    found = {role: getattr(roles, role) for role in ("text", "label", "time", "key")}
    return {role: name for role, name in found.items() if name}


def _print_schema() -> None:
    import json

    from smallcraft.pipeline.config import config_schema

    typer.echo(json.dumps(config_schema(), indent=2))

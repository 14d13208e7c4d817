"""`smallcraft init`: looks at a data file and writes a commented project file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.saying import starting
from smallcraft.errors import InvalidInputError

if TYPE_CHECKING:
    from smallcraft.data.inspect import Guess

_USUAL_OUTPUT = Path("smallcraft.toml")
_WHAT = {
    "multiclass": "{:,} classes",
    "multilabel": "{:,} labels, several a row",
    "regression": "a number to predict",
}


OneSpelling = Annotated[
    bool,
    typer.Option(
        "--one-spelling",
        help="Where a class is written in several ways, use a copy of the file with its commonest one.",
    ),
]
_SHOWN_SPELLINGS = 3


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
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")] = _USUAL_OUTPUT,
    force: Annotated[bool, typer.Option("--force", help="Replace a project file that is there.")] = False,
    one_spelling: OneSpelling = False,
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
    with starting():
        from smallcraft.data.partitions.stores import is_address
        from smallcraft.data.spellings import spelled_name, write_one_spelling
        from smallcraft.pipeline.config import name_from_path, render_config
        from smallcraft.pipeline.partitions.large import inspect_table, large_pieces
        from smallcraft.pipeline.partitions.size import MOST_ROWS
        from smallcraft.pipeline.workspace import write_whole

        guess = inspect_table(data, large_pieces(data, most=MOST_ROWS), label=label, text=text)
    source = data
    if one_spelling:
        data = str(spelled_name(Path(source)))
        changed = write_one_spelling(source, guess.roles.label, Path(data))
        typer.echo(f"wrote {data}: {changed:,} labels are respelt, all else is as in {source}")
        guess = inspect_table(data, (), label=guess.roles.label, text=text)
    written = render_config(
        name=name_from_path(source),
        path=data if is_address(data) else os.path.relpath(data, output.parent),
        roles=guess.roles,
        metric=guess.metric,
        reasons=_reasons(guess),
    )
    write_whole(output, written.encode("utf-8"))
    _say_guess(data, guess)
    typer.echo(f"wrote {output}; look it over: it says which column plays which part, and why")
    if guess.spellings:
        named = (*(("--label", label) if label else ()), *(("--text", text) if text else ()))
        where = () if output == _USUAL_OUTPUT else ("--output", str(output))
        tell_next("init", source, *named, *where, "--one-spelling", "--force")
    else:
        tell_next("check", project=output)


def _reasons(guess: Guess) -> dict[str, str]:
    """Comments of the project file, a role each."""
    reasons = {
        role: guess.reasons[name].removeprefix(f"{role}: ")
        for role, name in _single_roles(guess.roles).items()
    }
    reasons |= {"task": guess.task_reason, "metric": guess.metric_reason}
    if guess.bad_rows:
        reasons["on_bad_rows"] = f"{guess.bad_rows:,} rows cannot be used; they go to quarantine.parquet"
    return reasons


def _say_guess(data: str, guess: Guess) -> None:
    """What was seen, column by column, and what is odd."""
    classes = len(guess.class_counts)
    typer.echo(f"{data}: {guess.rows:,} rows, {_WHAT[guess.roles.task].format(classes)}")
    for column, reason in guess.reasons.items():
        typer.echo(f"  {column}: {reason}")
    if guess.bad_rows:
        typer.echo(
            f"  note: {guess.bad_rows:,} rows lack a text or a label, or are broken: set aside, not used"
        )
    if guess.spellings:
        shown = list(guess.spellings.items())[:_SHOWN_SPELLINGS]
        typer.echo(
            f"  note: {len(set(guess.spellings.values())):,} classes are written in several ways, such as "
            + ", ".join(f"{odd!r} for {usual!r}" for odd, usual in shown)
            + "; each way counts as a class of its own unless --one-spelling makes a copy without"
        )


def _single_roles(roles: object) -> dict[str, str]:
    found = {role: getattr(roles, role) for role in ("text", "label", "time", "key")}
    return {role: name for role, name in found.items() if name}


def _print_schema() -> None:
    import json

    from smallcraft.pipeline.config import config_schema

    typer.echo(json.dumps(config_schema(), indent=2))

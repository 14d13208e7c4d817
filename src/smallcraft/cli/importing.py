"""`smallcraft import`: a project folder from the files of cleanlab or Evidently."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.options import Json
from smallcraft.cli.saying import say, starting

if TYPE_CHECKING:
    from smallcraft.pipeline.importing.evidently_columns import Columns
    from smallcraft.pipeline.importing.imported import Imported

_imports = typer.Typer(
    name="import",
    help="A project folder from the files of other tools: cleanlab, evidently; theirs are not changed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Output = Annotated[Path, typer.Option("--output", "-o", help="The folder to make.")]
Names = Annotated[str | None, typer.Option(help="Columns: a,b,c.", show_default=False)]
Name = Annotated[str | None, typer.Option(help="A column.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the verbs below `import`."""
    app.add_typer(_imports)


@_imports.command()
def cleanlab(
    labels: Annotated[Path, typer.Option(help="Given labels: .npy, or a table with a column 'label'.")],
    probs: Annotated[Path, typer.Option(help="pred_probs (rows, classes): .npy, or a table.")],
    *,
    rows: Annotated[
        Path | None, typer.Option(help="The rows that were judged, in the same order.", show_default=False)
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Names of the classes: a,b,c, a .json or a .txt file.", show_default=False),
    ] = None,
    output: Output = Path("from-cleanlab"),
    as_json: Json = False,
) -> None:
    """Labels and out-of-sample probabilities, as `find_label_issues` takes them."""
    with starting():
        from smallcraft.pipeline.importing.cleanlab import CleanlabFiles, import_cleanlab, read_classes

    named = () if classes is None else read_classes(classes)
    _tell(import_cleanlab(CleanlabFiles(labels, probs, rows, named), output), as_json=as_json)


@_imports.command()
def evidently(
    reference: Annotated[Path, typer.Option(help="The reference: csv, parquet or jsonl.")],
    current: Annotated[Path, typer.Option(help="The current data.")],
    *,
    mapping: Annotated[
        Path | None,
        typer.Option(help="A ColumnMapping or DataDefinition, written as JSON.", show_default=False),
    ] = None,
    target: Name = None,
    prediction: Names = None,
    numerical: Names = None,
    categorical: Names = None,
    text: Names = None,
    datetime: Name = None,
    id_column: Annotated[str | None, typer.Option("--id", help="A column.", show_default=False)] = None,
    output: Output = Path("from-evidently"),
    as_json: Json = False,
) -> None:
    """A reference, a current file and which column is what; options add to the mapping."""
    with starting():
        from smallcraft.pipeline.importing.evidently import EvidentlyFiles, import_evidently, read_mapping
        from smallcraft.pipeline.importing.evidently_columns import Columns

    columns = Columns() if mapping is None else read_mapping(mapping)
    said: dict[str, object] = {
        "target": target,
        "prediction": _listed(prediction),
        "numerical": _listed(numerical),
        "categorical": _listed(categorical),
        "text": _listed(text),
        "time": datetime,
        "identifier": id_column,
    }
    found: Columns = replace(columns, **{name: value for name, value in said.items() if value})  # type: ignore[arg-type]  # names and tuples of names, each under its own key
    _tell(import_evidently(EvidentlyFiles(reference, current, found), output), as_json=as_json)


def _tell(done: Imported, *, as_json: bool) -> None:
    """What each thing became, and every command that can follow, the first one as the next."""
    lines = [f"{one.given}: {one.became}" for one in done.became]
    commands = [f"smallcraft {shlex.join(words)}" for words in done.commands]
    told = {
        "folder": str(done.folder),
        "became": {one.given: one.became for one in done.became},
        "commands": commands,
    }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    say(
        *lines,
        *(f"then  {line}" for line in commands[1:]),
        told=told,
        as_json=False,
        then=f"next  {commands[0]}",
    )


def _listed(words: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())

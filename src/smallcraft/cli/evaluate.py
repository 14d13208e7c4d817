"""`smallcraft evaluate`: how good models of any make are on labelled rows, measured and compared in pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json

Data = Annotated[str, typer.Argument(help="A file of labelled rows: csv, parquet or jsonl.", metavar="DATA")]
Model = Annotated[
    list[str],
    typer.Option(
        "--model",
        "-m",
        help="A release, bundle directory, .skops or .onnx file, module:function, http://.../v2/models/NAME, "
        "models:/NAME/1 of MLflow, or a file of predictions; several are compared.",
    ),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", help="A score by name, or module:function; the first one compares. Default: every score."
    ),
]
Against = Annotated[
    str | None, typer.Option("--against", help="The model that the others stand against; the first one.")
]
Label = Annotated[str | None, typer.Option("--label", help="The label column.")]
Text = Annotated[str | None, typer.Option("--text", help="The text column.")]
Features = Annotated[str | None, typer.Option("--features", help="The other columns to read: a,b,c.")]
Groups = Annotated[str | None, typer.Option("--groups", help="Columns to measure group by group: a,b.")]
Key = Annotated[
    str | None, typer.Option("--key", help="Rows of one value belong together, as of a customer.")
]
Id = Annotated[
    str | None, typer.Option("--id", help="The column that names a row, here and in files of predictions.")
]
Classes = Annotated[
    str | None, typer.Option("--classes", help="Labels of the columns of probabilities: a,b,c.")
]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        help="A type that a .skops file may make; may be repeated. pyfunc lets an MLflow model run its code.",
    ),
]
Gates = Annotated[
    Path | None, typer.Option("--gates", help="A TOML file of [gates.NAME]; exit codes 0, 2 and 3 follow.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for evaluation.json and evaluation.html.")
]
ProjectFolder = Annotated[
    Path | None,
    typer.Option("--project", "-p", help="Folder with smallcraft.toml, or the file itself."),
]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(evaluate)


def evaluate(
    data: Data,
    model: Model,
    *,
    metric: Metric = None,
    against: Against = None,
    label: Label = None,
    text: Text = None,
    features: Features = None,
    groups: Groups = None,
    key: Key = None,
    id_column: Id = None,
    classes: Classes = None,
    trust: Trust = None,
    gates: Gates = None,
    output: Output = None,
    project: ProjectFolder = None,
    batch: Annotated[int, typer.Option(help="Rows that are asked at once.")] = 256,
    timeout: Annotated[float, typer.Option(help="Seconds that a server may take for a batch.")] = 30.0,
    margin: Annotated[float | None, typer.Option(help="How far below the best is good enough.")] = None,
    confidence: Annotated[float | None, typer.Option(help="Of every interval; 0.95.")] = None,
    seed: Annotated[int, typer.Option(help="Seeds everything random.")] = 0,
    as_json: Json = False,
) -> int:
    """Measure models of any make on labelled rows, compare them in pairs, and judge gates, if given."""
    from smallcraft.cli.evaluation_tables import show_evaluation
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.evaluations.output import write_evaluation
    from smallcraft.pipeline.evaluations.plan import EvaluateOptions
    from smallcraft.pipeline.evaluations.rows import NamedColumns
    from smallcraft.pipeline.evaluations.run import evaluate_file
    from smallcraft.records import Outcome

    options = EvaluateOptions(
        columns=NamedColumns(label, text, _listed(features), _listed(groups), key),
        project=project,
        metrics=tuple(metric or ()),
        against=against,
        gates=gates,
        trusted=tuple(trust or ()),
        classes=_listed(classes),
        id_column=id_column,
        batch=batch,
        timeout=timeout,
        margin=margin,
        confidence=confidence,
        seed=seed,
    )
    found = evaluate_file(data, model, options=options, listener=plain_view(to_stderr=as_json))
    files = None if output is None else write_evaluation(found, output)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, allow_nan=False))
    else:
        show_evaluation(found, files)
    if project is None:
        tell_next("init", data, as_json=as_json)
    else:
        tell_next("build", project=project, as_json=as_json)
    return {None: 0, Outcome.PASS: 0, Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[found.outcome]


def _listed(words: str | None) -> tuple[str, ...]:
    """`a, b` as two words."""
    return tuple(word.strip() for word in (words or "").split(",") if word.strip())

"""`smallcraft predict`: answers the rows of a file with a release or a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Project
from smallcraft.errors import InvalidInputError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("predict")(predict)


def predict(
    *,
    source: Annotated[str, typer.Option("--input", "-i", help="The file of rows to answer.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write them (csv, parquet or jsonl).")
    ],
    release: Annotated[
        str | None, typer.Option(help="A release of this project; the newest by default.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="A bundle directory, instead of a release.")] = None,
    abstain_below: Annotated[
        float | None,
        typer.Option(help="Mark rows whose confidence is below this too; [decision] fits a threshold."),
    ] = None,
    project: Project = Path(),
) -> None:
    """Write label, confidence and abstained beside the rows of a file (and set, or low and high)."""
    from smallcraft.api import load
    from smallcraft.pipeline.answering import answer_file

    if release is not None and bundle is not None:
        raise InvalidInputError("predict takes --release or --bundle, got both; leave one out")
    if abstain_below is not None and not 0 <= abstain_below <= 1:
        raise InvalidInputError(
            f"--abstain-below must be in [0, 1], got {abstain_below:g}; write 0.6 for 60%"
        )
    predictor = load(bundle or release or "latest", project=project)
    rows = answer_file(predictor.bundle, source, output, abstain_below=abstain_below)
    typer.echo(f"wrote {rows:,} answers of {predictor.name} to {output}")
    if bundle is not None:
        tell_next("doctor", str(bundle))
    else:
        tell_next("serve", predictor.name, project=project)

"""`smallcraft demo`: the whole loop on shipped data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to work; made when it is not there.")] = Path("demo"),
    *,
    seed: Annotated[int, typer.Option(help="Seed of the corpus.")] = 7,
) -> int:
    """Make a helpdesk corpus with known faults, build a release from it, and catch a changed byte."""
    from smallcraft.demo.tour import run_tour

    return run_tour(folder, seed=seed)

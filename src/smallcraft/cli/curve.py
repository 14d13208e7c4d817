"""`smallcraft curve`: how quality grows with training rows, and what twice the labels would buy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json, Project

if TYPE_CHECKING:
    from smallcraft.pipeline.learning import Learned

RungName = Annotated[
    str | None,
    typer.Option("--rung", help="A rung of one stage; by default fast, ngram or trees, by the columns."),
]
Repeats = Annotated[int, typer.Option("--repeats", help="Draws of each share of the rows, 2 or more.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the chart as an HTML page.")]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("curve")(curve)


def curve(
    project: Project = Path(),
    *,
    rung: RungName = None,
    repeats: Repeats = 3,
    output: Output = None,
    as_json: Json = False,
) -> int:
    """Train on 10, 25, 50 and 100 % of the rows and say what more labels would buy."""
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.config import load_config
    from smallcraft.pipeline.learning import draw_curve
    from smallcraft.pipeline.learning_chart import curve_page

    view = plain_view(to_stderr=as_json)
    learned = draw_curve(load_config(project), view, rung=rung, repeats=repeats)
    if output is not None:
        output.write_text(curve_page(learned, sentences_of(learned)), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(learned.as_json(), indent=2, allow_nan=False))
    else:
        show_curve(learned)
    tell_next("label", "next", project=project, as_json=as_json)
    return 0


def show_curve(learned: Learned) -> None:
    """A table of points, and what they say."""
    from rich.console import Console
    from rich.table import Table

    table = Table("rows", learned.quality.name, "low", "high", "trainings")
    for point, made in zip(learned.points, learned.trained, strict=True):
        numbers = (f"{number:.4f}" for number in (point.value, point.low, point.high))
        table.add_row(f"{point.rows:,}", *numbers, str(len(made.losses)))
    for point in learned.ahead:
        numbers = (f"{number:.4f}" for number in (point.value, point.low, point.high))
        table.add_row(f"{point.rows:,}", *numbers, "foretold", style="dim")
    console = Console()
    console.print(table)
    for sentence in sentences_of(learned):
        console.print(sentence, markup=False, highlight=False)


def sentences_of(learned: Learned) -> list[str]:
    """What the curve says, in words."""
    level = f"{learned.curve.level:.0%}"
    gain, rows = learned.doubling, learned.rows
    better = "raise" if learned.quality.is_share_right else "lower"
    unit, scale = ("points", 100) if learned.quality.is_share_right else ("in its unit", 1)
    buys = (
        f"{2 * rows:,} labelled rows instead of {rows:,} would {better} {learned.quality.name} of "
        f"{learned.rung} by about {gain.value * scale:.2f} {unit} "
        f"({level} interval {gain.low * scale:.2f} to {gain.high * scale:.2f})."
    )
    if learned.foretold is not None:
        point = learned.quality.of(learned.foretold)
        inside = "inside" if learned.has_held else "outside"
        checked = (
            f"Check of the method: the smaller sizes alone foretold {point.value:.4f} "
            f"[{point.low:.4f}, {point.high:.4f}] at {rows:,} rows; measured was "
            f"{learned.points[-1].value:.4f}, {inside} that interval."
        )
        return [buys, checked]
    return [buys]

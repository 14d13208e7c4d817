"""`smallcraft demo`: the loop on shipped data, each step shown with what it found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from smallcraft.pipeline.result import BuildResult


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to work; made when it is not there.")] = Path("demo"),
    *,
    seed: Annotated[int, typer.Option(help="Seed of the corpus.")] = 7,
) -> int:
    """Make a helpdesk corpus with known faults, build a release from it, and catch a changed byte."""
    from smallcraft.cli.show import show_result
    from smallcraft.cli.views import open_view
    from smallcraft.demo.helpdesk.corpus import write
    from smallcraft.pipeline.build import build
    from smallcraft.pipeline.config import load_config
    from smallcraft.records import Outcome

    _say("1. A helpdesk's labelled messages, with faults planted in them")
    config = load_config(write(folder, seed=seed))
    _show_planted(folder)
    _say("2. Build: check, split, climb the ladder, choose, confirm once on sealed rows, judge, release")
    with open_view(config.quality.metric, to_stderr=False) as view:
        result = build(config, listener=view)
    show_result(result, config)
    if result.release is None:
        return {Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[result.outcome]
    _say("3. Ask the release")
    _show_answers(result)
    _say("4. Verify: every stored byte; then change one byte of a copy")
    _show_proof(folder, result)
    typer.echo(f"\nreport: {result.report.resolve()}")
    return 0


def _say(title: str) -> None:
    typer.secho(f"\n{title}", bold=True)


def _show_planted(folder: Path) -> None:
    import polars as pl

    from smallcraft.demo.tour import count_found

    frame, truth = pl.read_csv(folder / "tickets.csv"), pl.read_parquet(folder / "truth.parquet")
    typer.echo(
        f"{frame.height:,} messages, {frame['intent'].n_unique()} intents, in {folder / 'tickets.csv'}"
    )
    for fault in count_found(frame, truth):
        typer.echo(f"  {fault.what}: found {fault.found} of {fault.planted} planted")


def _show_answers(result: BuildResult) -> None:
    from smallcraft.bundle.runtime import open_bundle
    from smallcraft.demo.tour import EXAMPLES

    bundle = open_bundle(result.bundle)
    answers = bundle.answer(list(EXAMPLES))
    for text, probs, escalated in zip(EXAMPLES, answers.probs, answers.escalated, strict=True):
        how = ", escalated to the second stage" if escalated else ""
        typer.echo(f"  {text}\n    -> {bundle.classes[int(probs.argmax())]} ({probs.max():.0%}{how})")


def _show_proof(folder: Path, result: BuildResult) -> None:
    from smallcraft.cli.show import show_verified
    from smallcraft.demo.tour import change_one_byte
    from smallcraft.pipeline.verifying import verify_project
    from smallcraft.pipeline.workspace import Workspace

    show_verified(verify_project(folder))
    assert result.release is not None
    typer.echo(f"one byte changed -> {change_one_byte(Workspace(folder).registry, result.release)}")

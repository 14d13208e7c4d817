"""`smallcraft demo`: the loop on shipped data, each step shown with what was planted and what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from smallcraft.pipeline.config import Config
    from smallcraft.pipeline.result import BuildResult
    from smallcraft.records import Measurement

_NOT_FOUND = 1


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to work; made when it is not there.")] = Path("demo"),
    *,
    seed: Annotated[int, typer.Option(help="Seed of the corpus.")] = 7,
    rows: Annotated[
        int, typer.Option(help="Messages of twelve weeks; eight are labelled.", min=1000, max=10_000)
    ] = 4500,
    leave_open: Annotated[
        bool, typer.Option("--open", help="Leave the dashboard running at the end, until Ctrl-C.")
    ] = False,
) -> int:
    """Take a helpdesk with known faults round the loop: release, roll back, watch, label, release again.

    Nothing but this machine is used. Each step says what was planted and what was found; the folder keeps all
    of it, for `smallcraft dashboard -p` and every other command.
    """
    from smallcraft.demo.tour import start_over
    from smallcraft.demo.weeks import write_weeks
    from smallcraft.pipeline.config import load_config

    earlier = start_over(folder)
    if earlier is not None:
        typer.echo(f"what an earlier tour released is kept in {earlier}")
    _say("1. A helpdesk's labelled messages, eight weeks of them, with faults planted")
    weeks = write_weeks(folder, seed=seed, rows=rows)
    typer.echo(f"  {weeks.labelled:,} messages of weeks 1 to 8 in {folder}/tickets.csv, each with its label")
    config = load_config(weeks.project)
    _say("2. Check: labels, votes, copies, leaks")
    missed = _check(config)
    _say("3. Build: split, climb the ladder, choose, confirm once on sealed rows, judge, release")
    result = _build(config)
    if result.release is None:
        return _exit_code(result)
    _say("4. Audits: whom the winner fails, and what upsets it")
    missed += _audits(result)
    from smallcraft.cli.demo_round import go_round

    missed += go_round(folder, weeks, result.release, say=_say)
    _say("10. Verify: every stored byte, signature and delta; then one byte of a copy is changed")
    _proof(folder)
    return _end(folder, result, missed, leave_open=leave_open)


def _say(title: str) -> None:
    typer.secho(f"\n{title}", bold=True)


def _build(config: Config) -> BuildResult:
    from smallcraft.cli.show import show_result
    from smallcraft.cli.views import open_view
    from smallcraft.pipeline.build import build

    with open_view(config.quality.metric, to_stderr=False) as view:
        result = build(config, listener=view)
    show_result(result, config)
    return result


def _exit_code(result: BuildResult) -> int:
    from smallcraft.records import Outcome

    return {Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[result.outcome]


def _check(config: Config) -> list[str]:
    """What was planted, and how much of it the check finds; what it misses is returned."""
    import numpy as np
    import polars as pl

    from smallcraft.cli.demo_words import Stages
    from smallcraft.demo.helpdesk.people import ANNOTATORS
    from smallcraft.demo.tour import count_found, count_leaks, count_wrong_labels, rank_annotators
    from smallcraft.pipeline.checking import check_project

    frame = pl.read_csv(config.folder / "tickets.csv")
    truth = pl.read_parquet(config.folder / "truth.parquet")
    done = check_project(config, listener=Stages())
    findings = pl.read_parquet(done.findings)
    looked_at = np.concatenate([lines for split, lines in done.lines.items() if split != "cert"])
    faults = [
        *count_found(frame, truth),
        count_leaks(frame, truth),
        count_wrong_labels(findings, truth, rows=looked_at),
    ]
    for fault in faults:
        typer.echo(f"  {fault.sentence}")
    guess = rank_annotators(done.report.checks, frame, truth)[0]
    measured, worst = guess.measured, min(ANNOTATORS, key=lambda one: one.right_per_mille)
    typer.echo(
        f"  the worst annotator: {guess.name}, right in {measured.value:.1%} [{measured.low:.1%}, "
        f"{measured.high:.1%}] of votes by the check, in {guess.true:.1%} in truth; planted: {worst.name}"
    )
    typer.echo(f"  the worst rows, to look at: {done.page}")
    missed = [fault.what for fault in faults if not fault.is_found]
    return missed + ["the worst annotator"] * (guess.name != worst.name)


def _audits(result: BuildResult) -> list[str]:
    """What each audit found, and whether the region that was made worse on purpose is named."""
    from smallcraft.cli.demo_words import tell
    from smallcraft.demo.helpdesk.writer import BIASED_REGION
    from smallcraft.demo.tour import find_region_served_worst

    for audit in result.audits:
        tell(f"{audit.audit}: {audit.summary}")
    worst = find_region_served_worst(result.audits)
    named = "none" if worst is None else worst.slice.removeprefix("region=")
    tell(f"the region that is served worst: {named}{_gap(worst)}; planted: {BIASED_REGION}")
    return [] if named == BIASED_REGION else ["the region that is served worst"]


def _gap(worst: Measurement | None) -> str:
    """How far below the rest, and whether that is more than noise."""
    if worst is None or worst.value is None or worst.low is None or worst.high is None:
        return ""
    shown = "" if worst.high < 0 else " (more rows would tell it from noise)"
    return f", {-worst.value:.3f} below the rest [{-worst.high:.3f}, {-worst.low:.3f}]{shown}"


def _proof(folder: Path) -> None:
    from smallcraft.cli.demo_words import tell
    from smallcraft.cli.show_registry import show_verified
    from smallcraft.demo.tour import change_one_byte
    from smallcraft.pipeline.verifying import verify_project
    from smallcraft.pipeline.workspace import Workspace, open_registry

    show_verified(verify_project(folder))
    release = open_registry(folder).read("latest")
    tell(
        f"planted: one byte of {release.label}; found: {change_one_byte(Workspace(folder).registry, release)}"
    )


def _end(folder: Path, result: BuildResult, missed: list[str], *, leave_open: bool) -> int:
    """Say what was not found, and how to look at everything else."""
    typer.echo("")
    if missed:
        typer.echo(f"planted and not found: {', '.join(missed)}")
    else:
        typer.echo("everything that was planted was found")
    typer.echo(f"look at it: smallcraft dashboard -p {folder}")
    typer.echo(f"report: {result.report.resolve()}")
    if leave_open:
        from smallcraft.cli.dashboard import run_dashboard

        run_dashboard(folder)
    return _NOT_FOUND if missed else 0

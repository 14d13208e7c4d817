"""`smallcraft demo`: the loop on shipped data, each step shown with what it found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from smallcraft.demo.rollouts import LiveRollout
    from smallcraft.pipeline.config import Config
    from smallcraft.pipeline.result import BuildResult
    from smallcraft.records import Release

_MOST_SLICES = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to work; made when it is not there.")] = Path("demo"),
    *,
    seed: Annotated[int, typer.Option(help="Seed of the corpus.")] = 7,
) -> int:
    """Make a helpdesk corpus with known faults, release, correct, roll out, and catch a changed byte."""
    from smallcraft.cli.show import show_result
    from smallcraft.cli.views import open_view
    from smallcraft.demo.helpdesk.corpus import write
    from smallcraft.demo.tour import start_over
    from smallcraft.pipeline.build import build
    from smallcraft.pipeline.config import load_config
    from smallcraft.records import Outcome

    earlier = start_over(folder)
    if earlier is not None:
        typer.echo(f"what an earlier tour released is kept in {earlier}")
    _say("1. A helpdesk's labelled messages, with faults planted in them")
    config = load_config(write(folder, seed=seed))
    _say("2. Check: labels, votes, copies, leaks")
    _show_check(config)
    _say("3. Build: split, climb the ladder, choose, confirm once on sealed rows, judge, release")
    with open_view(config.quality.metric, to_stderr=False) as view:
        result = build(config, listener=view)
    show_result(result, config)
    if result.release is None:
        return {Outcome.FAIL: 2, Outcome.UNDECIDED: 3}[result.outcome]
    _say("4. Audits: whom the winner fails, what upsets it, what it gives away")
    _show_audits(result)
    _say("5. Ask the release")
    _show_answers(result)
    _say("6. The next release: correct the doubted labels, build again, say why")
    released = _release_again(config, result.release)
    if released is not None:
        _say("7. Roll it out: live under clients, with a fault planted, then without")
        _show_rollouts(folder, released)
    _say("8. Watch what came after: two months of messages, the last days through a broken export")
    _show_watch(folder, seed)
    _say("9. Log: what changed, by how much, and why")
    _show_log(folder)
    _say("10. Verify: every stored byte, signature and delta; then change one byte of a copy")
    _show_proof(folder, result)
    typer.echo(f"\nreport: {result.report.resolve()}")
    return 0


def _say(title: str) -> None:
    typer.secho(f"\n{title}", bold=True)


def _show_check(config: Config) -> None:
    """What was planted, and how much of it the check finds."""
    import numpy as np
    import polars as pl

    from smallcraft.demo.tour import count_found, count_leaks, count_wrong_labels, rank_annotators
    from smallcraft.pipeline.checking import check_project

    frame = pl.read_csv(config.folder / "tickets.csv")
    truth = pl.read_parquet(config.folder / "truth.parquet")
    typer.echo(f"{frame.height:,} messages, {frame['intent'].n_unique()} intents, in tickets.csv")
    done = check_project(config)
    findings = pl.read_parquet(done.findings)
    looked_at = np.concatenate([lines for split, lines in done.lines.items() if split != "cert"])
    faults = [
        *count_found(frame, truth),
        count_leaks(frame, truth),
        count_wrong_labels(findings, truth, rows=looked_at),
    ]
    for fault in faults:
        typer.echo(f"  {fault.sentence}")
    for guess in rank_annotators(done.report.checks, frame, truth)[:1]:
        measured = guess.measured
        typer.echo(
            f"  the worst annotator: {guess.name}, right in {measured.value:.1%} "
            f"[{measured.low:.1%}, {measured.high:.1%}] of votes by the check, in {guess.true:.1%} in truth"
        )
    typer.echo(f"  the worst rows, to look at: {done.page}")


def _show_audits(result: BuildResult) -> None:
    """What each audit found, and whether the region that was made worse on purpose is named."""
    from smallcraft.demo.helpdesk.writer import BIASED_REGION
    from smallcraft.demo.tour import find_region_served_worst

    for audit in result.audits:
        typer.echo(f"  {audit.audit}: {audit.summary}")
    worst = find_region_served_worst(result.audits)
    named = "none" if worst is None else worst.slice.removeprefix("region=")
    typer.echo(f"  the region that is served worst: {named}; planted: {BIASED_REGION}")


def _show_answers(result: BuildResult) -> None:
    from smallcraft.bundle.runtime import open_bundle
    from smallcraft.demo.tour import EXAMPLES

    bundle = open_bundle(result.bundle)
    answers = bundle.answer(list(EXAMPLES))
    for text, probs, escalated in zip(EXAMPLES, answers.probs, answers.escalated, strict=True):
        how = ", escalated to the second stage" if escalated else ""
        typer.echo(f"  {text}\n    -> {bundle.classes[int(probs.argmax())]} ({probs.max():.0%}{how})")


def _release_again(config: Config, first: Release) -> Release | None:
    """Correct what a person would, and release that; `stable` stays with the first until that is proved."""
    from datetime import UTC, datetime

    import polars as pl

    from smallcraft.demo.tour import correct_labels
    from smallcraft.pipeline.build import build
    from smallcraft.pipeline.workspace import Workspace, open_registry

    open_registry(config.folder).set_alias(
        first.name, "stable", first.version, now=datetime.now(UTC), reason="the first"
    )
    workspace = Workspace(config.folder)
    changed = correct_labels(config.folder, pl.read_parquet(workspace.check / "findings.parquet"))
    typer.echo(f"a person looked at the doubted rows and corrected {changed} labels; building again")
    because = f"{changed} labels that the check doubted were looked at and corrected"
    result = build(config, because=lambda _decision: because)
    if result.release is None:
        typer.echo(f"not released: {result.outcome}")
        return None
    typer.echo(
        f"released {result.release.label}; 'stable' means {first.label} until the new one is proved live"
    )
    return result.release


def _show_rollouts(folder: Path, release: Release) -> None:
    """The same release twice: ill on purpose it goes back, in good health it becomes the stable one."""
    import polars as pl

    from smallcraft.cli.serve import require_parts
    from smallcraft.demo.live_server import live_server
    from smallcraft.demo.rollouts import roll_out
    from smallcraft.errors import MissingPartError

    try:
        require_parts()
    except MissingPartError as error:
        typer.echo(f"left out: {error}")
        return
    texts = pl.read_csv(folder / "tickets.csv")["message"].to_list()
    stable = f"{release.name}@stable"
    with live_server(folder, stable) as server:
        typer.echo(f"  planted: 2% of what {release.label} is asked fails")
        ill = roll_out(server, release.label, texts, illness={"fails": 0.02})
        _show_rollout(ill)
        typer.echo("  planted: nothing")
        well = roll_out(server, release.label, texts, unsafe_repeat=True)
        _show_rollout(well)
    if ill.is_replayed and well.is_replayed:
        n = len(ill.receipts) + len(well.receipts)
        typer.echo(f"  {n} receipts, each decided anew from its counts: the same decisions and numbers")


def _show_rollout(rollout: LiveRollout) -> None:
    for receipt in rollout.receipts:
        to = receipt.form["to"]
        typer.echo(f"    {to['phase']:<11} {100 * to['weight']:>3g} %  {receipt.cause}")
    seen = rollout.answered
    typer.echo(
        f"    {seen.n:,} questions in {rollout.seconds:.0f} s, {seen.failed} of them without an answer"
    )


def _show_watch(folder: Path, seed: int) -> None:
    """An alarm within its budget, what it names, and what people say of the rows it asks about."""
    from smallcraft.demo.production import MOST_ASKED, answer_for_people, watch_production, write_production
    from smallcraft.observe.windows import shown_time

    made = write_production(folder, seed=seed + 1)
    typer.echo(f"  planted: from {made.broken_from:%Y-%m-%d %H:%M} on signs are read in another code page")
    watched = watch_production(folder)
    typer.echo(
        f"  {made.rows:,} messages, {watched.windows} windows; budget {watched.budget:g} false alarms a month"
    )
    for alarm in watched.alarms:
        late = (alarm.opened_s - made.broken_from.timestamp()) / 3600
        typer.echo(
            f"  alarm {late:.0f} hours later, since about {shown_time(alarm.began_s)}: {alarm.sentence}"
        )
        for part in alarm.explanation.first_slices(_MOST_SLICES):
            typer.echo(f"    {part.column}, {part.cell}: {part.before:.1%} -> {part.now:.1%} of messages")
        for word in alarm.explanation.words[:1]:
            typer.echo(f"    the word {word.token!r}: {word.before:.1%} -> {word.now:.1%} of messages")
    if not watched.alarms:
        return
    answered = answer_for_people(folder, watched.alarms[-1])
    typer.echo(
        f"  people answered {answered.votes} of the {MOST_ASKED} rows it asks about; {answered.sentence}"
    )


def _show_log(folder: Path) -> None:
    from smallcraft.cli.show_registry import show_story
    from smallcraft.pipeline.workspace import open_registry
    from smallcraft.registry.telling import tell_registry

    show_story(tell_registry(open_registry(folder)))


def _show_proof(folder: Path, result: BuildResult) -> None:
    from smallcraft.cli.show_registry import show_verified
    from smallcraft.demo.tour import change_one_byte
    from smallcraft.pipeline.verifying import verify_project
    from smallcraft.pipeline.workspace import Workspace

    show_verified(verify_project(folder))
    assert result.release is not None
    typer.echo(f"one byte changed -> {change_one_byte(Workspace(folder).registry, result.release)}")

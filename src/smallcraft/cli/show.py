"""Results as tables and sentences; everything a verb prints at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smallcraft.cli.next_steps import after_verdicts, change_before, next_line
from smallcraft.data.wording import split_place
from smallcraft.pipeline.check_output import Checked
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.diagnosis import Diagnosis
from smallcraft.pipeline.gating import Gated
from smallcraft.pipeline.result import BuildResult, by_gate_and_outcome, ledger_notes
from smallcraft.records import CandidateStatus, CheckResult, Evidence, Measurement, Outcome, Verdict

OUTCOME_STYLES: Mapping[Outcome, str] = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.UNDECIDED: "yellow",
}
_SHOWN_FINDINGS = 3
_WIDE, _INTERVAL = 100, len("0.944 [0.936, 0.952]")


def candidate_table(
    rungs: Sequence[str], found: Mapping[str, Evidence], metric: str, *, width: int = _WIDE
) -> Table:
    """One row a rung: quality with its interval, latency, cost, size, how it ended.

    Args:
        rungs: In the order of the ladder.
        found: What is known of them.
        metric: The declared one.
        width: Of the terminal, in characters; a narrow one leaves the cost of training to the report.
    """
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    titles = ("rung", f"{metric} on dev", "p50 / p95 ms", "CPU-s per 1,000", "MB", "training CPU-s", "status")
    left_out = () if width >= _WIDE else ("training CPU-s",)
    for title in titles:
        if title not in left_out:
            is_word = title in ("rung", "status")
            table.add_column(title, justify="left" if is_word else "right", overflow="fold")
    # An interval in pieces cannot be compared with the one below it.
    table.columns[1].min_width = _INTERVAL
    running = next((rung for rung in rungs if rung not in found), None)
    for rung in rungs:
        waiting = "[bold]running[/]" if rung == running else "[dim]waiting[/]"
        cells = (rung, *_candidate_cells(found.get(rung), metric, waiting=waiting))
        table.add_row(*(cell for title, cell in zip(titles, cells, strict=True) if title not in left_out))
    return table


def _candidate_cells(evidence: Evidence | None, metric: str, *, waiting: str) -> list[str]:
    if evidence is None:
        return ["", "", "", "", "", waiting]
    if evidence.status is not CandidateStatus.MEASURED:
        return ["", "", "", "", "", f"[yellow]{evidence.status}[/]: {escape(evidence.reason)}"]
    p50, p95 = number(evidence.find("p50_ms"), 2), number(evidence.find("p95_ms"), 2)
    return [
        with_interval(evidence.find(metric, split="dev")),
        f"{p50} / {p95}",
        number(evidence.find("cpu_s_per_1000"), 3),
        number(evidence.find("size_mb"), 1),
        number(evidence.find("train_cpu_s"), 1),
        "measured",
    ]


def candidate_words(evidence: Evidence, metric: str) -> str:
    """A candidate in one plain line."""
    if evidence.status is not CandidateStatus.MEASURED:
        return f"{evidence.rung}: {evidence.status}: {evidence.reason}"
    return (
        f"{evidence.rung}: {metric} {with_interval(evidence.find(metric, split='dev'))} on dev, "
        f"p50 {number(evidence.find('p50_ms'), 2)} ms, p95 {number(evidence.find('p95_ms'), 2)} ms, "
        f"{number(evidence.find('cpu_s_per_1000'), 3)} CPU-s per 1,000, "
        f"{number(evidence.find('size_mb'), 1)} MB, "
        f"trained in {number(evidence.find('train_cpu_s'), 1)} CPU-s"
    )


def with_interval(measurement: Measurement | None) -> str:
    """`0.944 [0.936, 0.952]`; `not measured` where there is no value."""
    if measurement is None or measurement.value is None:
        return "not measured"
    if measurement.low is None or measurement.high is None:
        return f"{measurement.value:.3f}"
    return f"{measurement.value:.3f} [{measurement.low:.3f}, {measurement.high:.3f}]"


def number(measurement: Measurement | None, digits: int) -> str:
    """A plain number, or `not measured`."""
    if measurement is None or measurement.value is None:
        return "not measured"
    return f"{measurement.value:.{digits}f}"


def show_result(result: BuildResult, config: Config, *, project: Path | None = None) -> None:
    """The end of a build: decision, cert, gates, release, where the report is, what to do next.

    Args:
        result: What was found.
        config: The project.
        project: As it was named on the command line; by default the folder of the project file.
    """
    console = _console()
    decision = result.decision
    console.print(f"\n[bold]{escape(decision.sentence)}[/]")
    for rung, reason in decision.lost.items():
        console.print(f"  [dim]{escape(rung)}: {escape(reason)}[/]")
    _show_cert(console, result)
    console.print()
    for line in verdict_lines(result.verdicts):
        console.print(line)
    console.print()
    if result.release is not None:
        console.print(
            f"released [bold]{escape(result.release.label)}[/] ({result.release.manifest_digest[:19]}...)"
        )
    else:
        console.print("[bold]not released[/]: a gate blocks it; the report says what would settle it")
    console.print(f"bundle   {escape(str(result.bundle))}")
    console.print(f"report   {escape(str(result.report))}")
    if change := change_before(result.verdicts):
        console.print(escape(change))
    words = after_verdicts(result.verdicts, release=None if result.release is None else result.release.label)
    console.print(escape(next_line(*words, project=config.folder if project is None else project)))


def _show_cert(console: Console, result: BuildResult) -> None:
    cert = result.cert
    for measurement in cert.measurements:
        console.print(f"on cert ({cert.rows:,} sealed rows): {measurement.name} {with_interval(measurement)}")
    if cert.plan is not None:
        console.print(f"on cert ({cert.rows:,} sealed rows): {escape(cert.plan.sentence)}")
    if cert.bound is not None:
        again = "; this look was in the ledger and cost nothing" if cert.is_repeated else ""
        # By a plan the bound is part of what was asked already, and there is no average to put it beside.
        trust = (
            f": an average over these rows is within {cert.bound:.3f} of the truth, whatever was fitted to "
            "earlier looks"
        )
        told = trust if cert.plan is None else ""
        console.print(f"  [dim]{cert.queries} look(s), {cert.bits:.1f} bits revealed{told}{again}[/]")
    for note in ledger_notes(cert):
        console.print(f"  [dim]{escape(note)}[/]")


def show_gated(gated: Gated) -> None:
    """What the gates say of a release: what blocks first, then the whole in a word."""
    console = _console()
    console.print(f"[bold]{escape(gated.subject)}[/]")
    for line in verdict_lines(sorted(gated.verdicts, key=lambda verdict: not verdict.blocks)):
        console.print(line)
    style = OUTCOME_STYLES[gated.outcome]
    blocking = sum(verdict.blocks for verdict in gated.verdicts)
    console.print(f"\n[{style}]{gated.outcome}[/]: {len(gated.verdicts)} verdicts, {blocking} of them block")


def verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """A line a verdict; of a gate over many slices the first of each outcome, and how many more there are."""
    lines = []
    for shown, rest in by_gate_and_outcome(verdicts):
        lines += [_verdict_line(verdict) for verdict in shown]
        if rest:
            style, outcome = OUTCOME_STYLES[rest[0].outcome], rest[0].outcome
            alike = f"{escape(rest[0].gate)}: the same of {len(rest)} more slices"
            lines.append(f"[{style}]{outcome:<9}[/] {alike}")
    return lines


def _verdict_line(verdict: Verdict) -> str:
    style = OUTCOME_STYLES[verdict.outcome]
    needs = f"; would settle it: {verdict.needs}" if verdict.needs else ""
    optional = "" if verdict.required else " (not required)"
    return (
        f"[{style}]{verdict.outcome:<9}[/] {escape(verdict.gate)}{optional}: {escape(verdict.reason + needs)}"
    )


def show_checks(results: Iterable[CheckResult]) -> None:
    """The worst findings of each check; its summary was shown when it ran."""
    console = _console()
    for result in results:
        for finding in result.findings[:_SHOWN_FINDINGS]:
            row = "" if finding.row is None else f" row {finding.row}"
            console.print(f"[dim]{result.check}, {finding.split}{row}[/]: {escape(finding.what)}")
            console.print(f"    {escape(finding.remedy)}")
        if len(result.findings) > _SHOWN_FINDINGS:
            console.print(f"    and {len(result.findings) - _SHOWN_FINDINGS:,} more; `--json` lists them")


def show_quality(done: Checked) -> None:
    """The end of a check: the worst findings, the index, where everything is, what to do next."""
    console = _console()
    show_checks(done.report.checks)
    index = done.report.index
    console.print()
    if index.value is None:
        console.print(f"[yellow]data quality index: undetermined[/]: {escape(index.detail)}")
    else:
        console.print(
            f"[bold]data quality index: {index.value:.3f}[/] - at least this share of the rows of "
            f"{escape(split_place(str(index.split)))} is valid, not leaked and rightly labelled"
        )
    for note in done.report.notes:
        console.print(f"[dim]{escape(note)}[/]")
    console.print(f"page      {escape(str(done.page))}")
    console.print(f"findings  {escape(str(done.findings))}")
    if done.sheet is not None:
        console.print(
            f"audit     {escape(str(done.sheet))}: fill in the column 'adjudicated', then give the sheet "
            "with --audit-answers"
        )
    if done.record is not None and done.version is not None:
        made = ", ".join(f"{count:,} {action}" for action, count in done.record.counts.items() if count)
        console.print(f"version   {escape(str(done.version))}: {made or 'nothing to repair'}")


def show_diagnosis(findings: Iterable[Diagnosis]) -> None:
    """One line a subject."""
    console = _console()
    for finding in findings:
        mark = (
            "[green]ok[/]     "
            if finding.is_fine
            else ("[red]wrong[/]  " if finding.is_required else "[dim]absent[/] ")
        )
        console.print(f"{mark} {finding.subject}: {escape(finding.detail)}")


def _console(*, is_table: bool = False) -> Console:
    """Lines are left to the terminal to wrap, so that a log holds each whole; a table must fit."""
    return Console(highlight=False, emoji=False, soft_wrap=not is_table)

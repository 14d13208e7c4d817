"""An evaluation on the terminal: a table a model, the lowest slices, differences, gates, where it lies."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from smallcraft.cli.show import OUTCOME_STYLES, verdict_lines
from smallcraft.pipeline.evaluations.output import EvaluationFiles
from smallcraft.pipeline.evaluations.page import SliceTable, slice_tables
from smallcraft.pipeline.evaluations.record import EvaluatedModel, Evaluation
from smallcraft.records import Measurement

_SHOWN_SLICES = 8


def show_evaluation(found: Evaluation, files: EvaluationFiles | None) -> None:
    """Print all of it."""
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    console.print(f"[bold]{escape(found.source)}[/]: {found.rows:,} rows, {len(found.labels):,} labels")
    for note in found.notes:
        console.print(f"[dim]{escape(note)}[/]")
    for model in found.models:
        _show_model(console, model)
    if found.differences:
        console.print()
    for claim in found.differences:
        console.print(escape(claim.sentence))
    if found.tie is not None:
        console.print(f"[bold]{escape(found.tie.sentence)}[/]")
    if found.outcome is not None:
        verdicts = [verdict for model in found.models for verdict in model.verdicts]
        blocking = sum(verdict.blocks for verdict in verdicts)
        style = OUTCOME_STYLES[found.outcome]
        console.print(f"\n[{style}]{found.outcome}[/]: {len(verdicts)} verdicts, {blocking} of them block")
    if files is not None:
        console.print(f"\npage      {escape(str(files.page))}")
        console.print(f"document  {escape(str(files.document))}")


def _show_model(console: Console, model: EvaluatedModel) -> None:
    console.print(f"\n[bold]{escape(model.name)}[/] ({model.kind.replace('_', ' ')})")
    for note in model.notes:
        console.print(f"  [dim]{escape(note)}[/]")
    tables = Console(highlight=False, emoji=False)
    tables.print(_scores(model.scores))
    for line in _unmeasured(model.scores):
        console.print(f"  [dim]{escape(line)}[/]")
    for table in slice_tables(model):
        tables.print(_slices(table))
        if len(table.rows) > _SHOWN_SLICES:
            console.print(f"  [dim]and {len(table.rows) - _SHOWN_SLICES:,} more; --json lists them[/]")
    for line in verdict_lines(model.verdicts):
        console.print(line)


def _scores(measured: Sequence[Measurement]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("score", "value", "interval", "n", "method"):
        table.add_column(title, justify="right" if title in ("value", "n") else "left", overflow="fold")
    for found in measured:
        if found.value is not None:
            about = "; ".join(part for part in (found.method, found.detail) if part)
            table.add_row(escape(found.name), _value(found), _interval(found), f"{found.n:,}", escape(about))
    return table


def _unmeasured(measured: Sequence[Measurement]) -> list[str]:
    """A line a reason, with the scores that have it."""
    names: dict[str, list[str]] = {}
    for found in measured:
        if found.value is None:
            names.setdefault(found.detail.removeprefix("not measured: "), []).append(found.name)
    return [f"not measured: {', '.join(alike)}: {why}" for why, alike in names.items()]


def _slices(slices: SliceTable) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("slice", overflow="fold")
    for name in slices.columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for row in slices.rows[:_SHOWN_SLICES]:
        table.add_row(escape(row.name), *(_cell(cell) for cell in row.cells), f"{row.n:,}")
    return table


def _cell(found: Measurement | None) -> str:
    if found is None or found.value is None:
        return "[dim]not measured[/]"
    return f"{_value(found)}\n{_interval(found)}".strip()


def _value(found: Measurement) -> str:
    assert found.value is not None
    return f"{found.value:.3g}" if found.unit == "s" else f"{found.value:.3f}"


def _interval(found: Measurement) -> str:
    if found.low is None or found.high is None:
        return ""
    return escape(f"[{found.low:.3f}, {found.high:.3f}]")

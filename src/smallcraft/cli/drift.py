"""`smallcraft drift`: has a file drifted from another one?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import EngineOption, Json

if TYPE_CHECKING:
    from smallcraft.observe.comparing import ColumnDrift
    from smallcraft.pipeline.drifting import DriftAnswer

_MOST_COLUMNS = 30


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("drift")(drift)


def drift(
    reference: Annotated[
        str,
        typer.Argument(
            help="What was: a file, a folder, a glob, or s3://bucket/rows/*.parquet.", metavar="REFERENCE"
        ),
    ],
    current: Annotated[str, typer.Argument(help="What is.", metavar="CURRENT")],
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may be given several times.", metavar="NAME", show_default=False),
    ] = None,
    tolerance_sd: Annotated[
        float, typer.Option(help="Shifts up to it do not matter, in standard deviations.", min=0.0)
    ] = 0.05,
    metric: Annotated[
        str | None,
        typer.Option(help="A plain rule in place of the verdict: kl, psi, ...", show_default=False),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Of the plain rule: a column drifted above it.", show_default=False)
    ] = None,
    engine: EngineOption = None,
    as_json: Json = False,
) -> int:
    """Compare two tables column by column: which drifted, by how much, and what carries it.

    A column drifted when its rows moved by more than the tolerance, chance allowed for over all columns.
    Exit code 0 none did, 2 some did, 3 too few rows to tell. With --metric and --threshold a plain rule
    decides instead, and how often it would fire on no drift is told beside it.
    """
    from smallcraft.cli.views import progress_lines
    from smallcraft.engine.engines import shared_engine
    from smallcraft.pipeline.drifting import compare_files

    answer = compare_files(
        reference,
        current,
        columns=column,
        tolerance_sd=tolerance_sd,
        metric=metric,
        threshold=threshold,
        engine=shared_engine(engine or "local"),
        progress=progress_lines(),
    )
    if as_json:
        typer.echo(json.dumps(answer.as_json(), indent=2, allow_nan=False))
    else:
        _show(answer)
    # What drifted is looked at; without drift, or with too few rows, windows of production tell the rest.
    tell_next(*(("check", current) if answer.exit_code == 2 else ("watch", "--once")), as_json=as_json)
    return answer.exit_code


def _show(answer: DriftAnswer) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    found, console = answer.drift, Console(highlight=False, emoji=False, soft_wrap=True)
    style = {"PASS": "green", "FAIL": "red", "UNDECIDED": "yellow"}[found.outcome.value]
    console.print(f"[{style}]{found.outcome.value}[/] {escape(found.sentence)}")
    console.print(
        f"  {found.n:,} rows beside {found.reference_n:,}; shifts to {found.tolerance_sd:g} sd do not matter"
        + ("" if found.detectable_sd is None else f", one of {found.detectable_sd:.2f} sd would be found")
    )
    if found.rule is not None:
        fires = found.rule.false_fires
        told = "not known" if fires is None else f"{fires:.2g} of these columns on no drift at all"
        sd = "" if found.rule.threshold_sd is None else f", a shift of {found.rule.threshold_sd:.2f} sd"
        console.print(f"  rule: {found.rule.metric} > {found.rule.threshold:g}{sd}; it fires for {told}")
    table = Table(box=None, pad_edge=False)
    for name in ("column", "drifted", "shift sd", "KL", "PSI", "KS", "adjusted p"):
        table.add_column(name, justify="left" if name in ("column", "drifted") else "right")
    for one in found.columns[:_MOST_COLUMNS]:
        table.add_row(*map(escape, _cells(one)))
    console.print(table)
    if len(found.columns) > _MOST_COLUMNS:
        console.print(f"  and {len(found.columns) - _MOST_COLUMNS} more; --json has all")
    for part in found.slices:
        moved = f"{part.before:.1%} -> {part.now:.1%}"
        console.print(
            f"  {escape(part.column)}, {escape(part.cell)}: {moved}, {part.share:.0%} of its change"
        )
    if answer.free_texts:
        names = ", ".join(answer.free_texts)
        console.print(
            f"  left out, free text: {escape(names)}; `smallcraft watch` knows its words and meaning"
        )


def _cells(one: ColumnDrift) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}"

    shift = one.shift_sd if one.shift_sd is not None else one.kl_sd
    return (
        one.column,
        "yes" if one.has_drifted else "no",
        number(shift),
        number(one.kl),
        number(one.psi),
        number(one.kolmogorov_smirnov),
        number(one.adjusted),
    )

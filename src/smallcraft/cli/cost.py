"""`smallcraft cost`: what a release costs to run, or whether it is faster than another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smallcraft.cli.next_steps import tell_next
from smallcraft.cli.options import Json, Project

if TYPE_CHECKING:
    from rich.table import Table

    from smallcraft.pipeline.cost_output import Costed
    from smallcraft.records import Measurement

Release = Annotated[
    str | None,
    typer.Argument(help="A release: helpdesk@3, 3, latest; by default the newest.", metavar="[RELEASE]"),
]
Bundle = Annotated[Path | None, typer.Option("--bundle", help="A bundle directory, instead of a release.")]
Against = Annotated[
    str | None,
    typer.Option("--against", help="A release or a bundle directory: compare the latency with its."),
]
Input = Annotated[
    str | None, typer.Option("--input", "-i", help="A file of rows to ask about; by default the dev rows.")
]
Objective = Annotated[
    float, typer.Option("--objective-ms", help="Under load, p99 must keep to this many milliseconds.")
]
Seconds = Annotated[
    float,
    typer.Option("--seconds", help="For the search under load; with --against, one block for every ten."),
]
AtMost = Annotated[
    float | None,
    typer.Option("--at-most", help="With --against: a gate on the ratio; exit codes 2 FAIL, 3 UNDECIDED."),
]

# In the order of the table; every other cost is that of one request at a time.
_ONE_AT_A_TIME = "one request at a time"
_SCENARIOS = {
    "this machine": ("noise_floor_",),
    _ONE_AT_A_TIME: (),
    "start": ("load_ms", "first_ms"),
    "footprint": ("peak_rss_mb", "size_mb", "parameters"),
    "in batches": ("offline_",),
    "under load": ("max_rate_", "server_"),
    "energy of 1,000 answers": ("energy_",),
    "money for 1,000 answers": ("money_",),
    "compared": ("latency_ratio", "cpu_ratio"),
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("cost")(cost)


def cost(
    release: Release = None,
    project: Project = Path(),
    *,
    bundle: Bundle = None,
    against: Against = None,
    source: Input = None,
    objective_ms: Objective = 5.0,
    seconds: Seconds = 60.0,
    at_most: AtMost = None,
    as_json: Json = False,
) -> int:
    """Measure latency, throughput, load, energy and money of a release, or compare it with another."""
    from smallcraft.cli.views import plain_view
    from smallcraft.pipeline.costing import CostOptions, measure_costs
    from smallcraft.pipeline.gate_files import EXIT_CODES

    options = CostOptions(
        release=release,
        bundle=bundle,
        against=against,
        source=source,
        objective_ms=objective_ms,
        seconds=seconds,
        at_most=at_most,
    )
    found = measure_costs(options, project, listener=plain_view(to_stderr=as_json))
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2, allow_nan=False))
    else:
        show_costs(found)
    if bundle is None:
        tell_next("serve", found.subject.name, project=project, as_json=as_json)
    else:
        tell_next("doctor", str(bundle), as_json=as_json)
    return 0 if found.outcome is None else EXIT_CODES[found.outcome]


def show_costs(found: Costed) -> None:
    """A table, how each number was measured below it, and of a comparison the claim and the gate."""
    from rich.console import Console
    from rich.markup import escape

    from smallcraft.cli.show import verdict_lines

    console = Console(highlight=False, emoji=False, soft_wrap=True)
    console.print(f"\n[bold]{escape(found.subject.name)}[/]: {found.rows:,} {escape(_rows_words(found))}")
    Console(highlight=False, emoji=False).print(cost_table(found.measurements))
    for line in method_lines(found.measurements):
        console.print(f"[dim]{escape(line)}[/]")
    if found.comparison is None and found.sheet is None:
        console.print("[dim]a price sheet is declared under \\[prices] in smallcraft.toml[/]")
    if found.comparison is not None:
        console.print(f"\n[bold]{escape(found.sentence)}[/]")
    for line in verdict_lines(found.verdicts):
        console.print(line)


def cost_table(measurements: Sequence[Measurement]) -> Table:
    """One row a cost under its scenario; what is only estimated is grey and has bounds without a value."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("cost", "value", "bounds", "unit"):
        table.add_column(title, justify="right" if title == "value" else "left", no_wrap=True)
    for scenario in _SCENARIOS:
        costs = [found for found in measurements if _scenario(found.name) == scenario]
        if costs:
            table.add_row(f"[bold]{scenario}[/]", "", "", "")
        for found in costs:
            cells = (f"  {found.name}", value_words(found), bounds_words(found), found.unit)
            table.add_row(*map(escape, cells), style="dim" if found.value is None else None)
    return table


def method_lines(measurements: Sequence[Measurement]) -> list[str]:
    """How each was measured and what is to be said of it, those alike in one line; then what was not."""
    alike: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for found in measurements:
        if found.value is None:
            missing.setdefault(found.detail.removeprefix("not measured: "), []).append(found.name)
        else:
            how = "; ".join(part for part in (found.method, found.detail) if part)
            alike.setdefault(how, []).append(found.name)
    lines = [f"{', '.join(names)}: {how}" for how, names in alike.items()]
    return lines + [f"not measured: {', '.join(names)}: {why}" for why, names in missing.items()]


def value_words(found: Measurement) -> str:
    """`0.0413`, `1,730`; `estimated` where there are bounds and no value, `not measured` without any."""
    if found.value is not None:
        return _number(found.value)
    return "estimated" if found.method.startswith("estimated:") and found.high else "not measured"


def bounds_words(found: Measurement) -> str:
    """`[0.04, 0.05]`; one bound where there is only one, empty without."""
    if found.low is not None and found.high is not None:
        return f"[{_number(found.low)}, {_number(found.high)}]"
    if found.high is not None:
        return f"at most {_number(found.high)}"
    return "" if found.low is None else f"at least {_number(found.low)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _scenario(name: str) -> str:
    fits = (scenario for scenario, starts in _SCENARIOS.items() if name.startswith(starts))
    return next(fits, _ONE_AT_A_TIME)


def _rows_words(found: Costed) -> str:
    beside = "" if found.against is None else f", against {found.against.name}"
    return f"rows asked about ({found.source}){beside}"

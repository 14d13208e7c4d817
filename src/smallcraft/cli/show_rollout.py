"""How a server and its rollout look on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from smallcraft.pipeline.rollout_telling import Told

_ENDED = ("done", "rolled_back")
_STYLES = {"done": "green", "rolled_back": "red", "frozen": "yellow"}


def show_servers(told: Told) -> None:
    """What answers, where the rollout stands, its evidence, and how it came there."""
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    if told.server is None:
        console.print("no server is running; this is what the last one wrote")
    else:
        for model in told.server["models"].values():
            console.print(f"[bold]{escape(model['stable']['label'])}[/] answers")
            for alarm in model["alarms"]:
                console.print(f"  [red]alarm[/] {escape(alarm)}")
        for alarm in told.server["alarms"]:
            console.print(f"  [red]alarm[/] {escape(alarm)}")
    if told.rollout is None:
        console.print("no rollout yet; begin one with `smallcraft rollout start RELEASE`")
        return
    _show_rollout(console, told.rollout)
    for receipt in told.receipts:
        console.print(f"  {receipt.number}. {escape(receipt.cause)}")


def _show_rollout(console: Console, rollout: Mapping[str, Any]) -> None:
    phase = rollout["phase"]
    traffic = "" if phase in _ENDED else f", {100 * rollout['served_weight']:g} % of traffic"
    console.print(
        f"rollout {escape(rollout['id'])}: [{_STYLES.get(phase, 'bold')}]{phase.upper()}[/]{traffic}"
    )
    verdict = rollout["verdict"]
    console.print(f"  {verdict['outcome']}: {escape(verdict['reason'])}")
    if verdict["needs"]:
        console.print(f"  needs {escape(verdict['needs'])}")
    if rollout["e_value"] is not None:
        against, needed = rollout["e_value"], rollout["threshold"]
        console.print(f"  evidence against it {against:.3g} of the {needed:g} that roll it back")
    console.print(_arms(rollout))


def _arms(rollout: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("arm", "release", "requests", "errors", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(name, justify="left" if name in ("arm", "release") else "right")
    for arm in ("stable", "canary"):
        found = rollout[arm]
        errors = f"{found['errors']:,} of {found['subjects']:,}"
        times = [_number(found[f"p{level}_ms"]) for level in (50, 95, 99)]
        table.add_row(arm, escape(found["release"]["label"]), f"{found['requests']:,}", errors, *times)
    return table


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3g}"

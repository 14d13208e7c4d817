"""Where a peer is better than this project's rule, and what that costs the peer: found, not chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.rollouts.contestants import OURS
from benchmarks.rollouts.kept import KeptCell
from benchmarks.write import number
from smallcraft.serve.simulation.cells import SimulatedCell
from smallcraft.serve.simulation.scenarios import SCENARIOS

# A rule that lets more pass does no little harm, it does it later.
_LEAST_CAUGHT = 0.95
Cells = Mapping[str, Mapping[str, SimulatedCell]]


def find_losses(kept: Mapping[str, Sequence[KeptCell]]) -> list[str]:
    """A sentence for each scenario in which a peer does better.

    Args:
        kept: Scenario to its cells.
    """
    cells = {name: {one.cell.rule: one.cell for one in found} for name, found in kept.items()}
    lines = []
    for name, of_rule in cells.items():
        if OURS in of_rule:
            is_worse = SCENARIOS[name].is_worse
            lines += _less_harm(cells, name) if is_worse else _fewer_false(cells, name)
    return lines


def _less_harm(cells: Cells, scenario: str) -> list[str]:
    ours = cells[scenario][OURS].excess_bad.mean
    better = [
        f"{rule} {number(cell.excess_bad.mean)}{_worst_false(cells, rule)}"
        for rule, cell in cells[scenario].items()
        if cell.rolled_back.share >= _LEAST_CAUGHT and cell.excess_bad.mean < ours
    ]
    if not better:
        return []
    return [f"`{scenario}`, excess bad requests: {OURS} {number(ours)}; {', '.join(better)}."]


def _fewer_false(cells: Cells, scenario: str) -> list[str]:
    ours = cells[scenario][OURS].rolled_back
    better = [
        f"{rule} {_percent(cell)}{_worst_harm(cells, rule)}"
        for rule, cell in cells[scenario].items()
        if cell.rolled_back.share < ours.share
    ]
    if not better:
        return []
    return [f"`{scenario}`, false rollbacks: {OURS} {_percent(cells[scenario][OURS])}; {', '.join(better)}."]


def _worst_false(cells: Cells, rule: str) -> str:
    worst = _worst(cells, rule, is_worse=False, measure=lambda cell: cell.rolled_back.share)
    return "" if worst is None else f" (false rollbacks up to {_percent(worst)}, in `{worst.scenario}`)"


def _worst_harm(cells: Cells, rule: str) -> str:
    worst = _worst(cells, rule, is_worse=True, measure=lambda cell: cell.excess_bad.mean)
    if worst is None:
        return ""
    return f" (excess bad requests up to {number(worst.excess_bad.mean)}, in `{worst.scenario}`)"


def _worst(
    cells: Cells, rule: str, *, is_worse: bool, measure: Callable[[SimulatedCell], float]
) -> SimulatedCell | None:
    found = [
        of_rule[rule]
        for name, of_rule in cells.items()
        if rule in of_rule and SCENARIOS[name].is_worse is is_worse
    ]
    return max(found, key=measure, default=None)


def _percent(cell: SimulatedCell) -> str:
    return f"{100 * cell.rolled_back.share:.1f} %"

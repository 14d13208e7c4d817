"""A cell in words, for people who see one for the first time.

Left to others: where it is printed (`smallcraft.cli.rollout`).
Always: rollouts that ended in no way, or at a person, are told of; nothing adds up to less than all.
"""

from __future__ import annotations

from smallcraft.serve.rollout.wording import duration, number, share
from smallcraft.serve.simulation.cells import Average, Share, SimulatedCell


def tell_cell(cell: SimulatedCell) -> str:
    """What became of the release, the right thing first.

    Args:
        cell: Any.

    Returns:
        One sentence without what the scenario is.
    """
    said = _of_worse(cell) if cell.is_worse else _of_good(cell)
    if cell.frozen.count:
        said.append(f"left to a person in {share(cell.frozen.share)}")
    if cell.undecided.count:
        said.append(f"not decided within {duration(cell.horizon_s)} in {share(cell.undecided.share)}")
    return "; ".join(said)


def tell_service(cell: SimulatedCell) -> str:
    """The traffic that a cell was made with, and its seed.

    Args:
        cell: Any.
    """
    traffic = cell.traffic
    rates = f"{number(traffic.requests_s)} requests a second, {share(traffic.error_rate)} of them fail"
    half, most = 1000 * traffic.median_s, 1000 * traffic.p99_s
    return f"{rates}, half take less than {half:g} ms, 99 % less than {most:g} ms; seed {cell.seed}"


def _of_worse(cell: SimulatedCell) -> list[str]:
    back, harm = cell.rolled_back, cell.excess_bad
    most = f"in 95 % of the rollouts less than {number(harm.p95)}"
    return [
        f"rolled back in {share(back.share)} of {cell.rollouts:,} rollouts{_after(cell.rollback_s)}",
        f"bad requests too many: {number(harm.mean)} on average, {most}",
        f"promoted all the same in {_interval(cell.promoted)}",
    ]


def _of_good(cell: SimulatedCell) -> list[str]:
    on = cell.promoted
    return [
        f"promoted in {share(on.share)} of {cell.rollouts:,} rollouts{_after(cell.promotion_s)}",
        f"rolled back wrongly in {_interval(cell.rolled_back)}",
    ]


def _interval(of: Share) -> str:
    return f"{share(of.share)} (95 % interval {share(of.interval.low)} to {share(of.interval.high)})"


def _after(seconds: Average | None) -> str:
    return "" if seconds is None else f", after {duration(seconds.mean)} on average"

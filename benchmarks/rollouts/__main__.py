"""`python -m benchmarks.rollouts [scenario ...]`: simulates rollouts beside peers; writes docs/rollouts.md.

python -m benchmarks.rollouts                          every scenario under every rule
python -m benchmarks.rollouts --go-on                  likewise, without cells that would come out the same
python -m benchmarks.rollouts fine errors              some scenarios; the page is written anew
python -m benchmarks.rollouts --only smallcraft        some rules
python -m benchmarks.rollouts --quick                  few rollouts; printed, nothing is written
python -m benchmarks.rollouts --page                   nothing is run, the page is written from what is kept
python -m benchmarks.rollouts --tune flagger           tries a peer's settings and prints the best
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.machine import describe_machine, now_text
from benchmarks.rollouts.contestants import CONTESTANTS, Contestant
from benchmarks.rollouts.kept import KEPT, KeptCell, Made, is_current, keep, read, sources_digest
from benchmarks.rollouts.page import write_page
from benchmarks.rollouts.tuning import SETTINGS, best_of, try_setting
from smallcraft.serve.simulation.cells import SimulatedCell
from smallcraft.serve.simulation.scenarios import SCENARIOS, Scenario
from smallcraft.serve.simulation.simulate import simulate_rule
from smallcraft.serve.simulation.traffic import Traffic

_ROLLOUTS, _QUICK_ROLLOUTS, _TRIED_ROLLOUTS = 2000, 50, 400
_PACKAGES = ("smallcraft", "numpy", "numba", "scipy")


def main(arguments: list[str]) -> int:
    """Simulate what was asked for."""
    asked = _parser().parse_args(arguments)
    if asked.tune:
        return tune(asked.tune, seed=asked.seed)
    chosen = [one for one in CONTESTANTS if not asked.only or one.name in asked.only]
    scenarios = [SCENARIOS[name] for name in asked.scenarios or SCENARIOS]
    if asked.quick:
        for scenario in scenarios:
            for contestant in chosen:
                say_cell(measure(contestant, scenario, rollouts=_QUICK_ROLLOUTS, seed=asked.seed))
        return 0
    if not asked.page:
        run(chosen, scenarios, rollouts=_ROLLOUTS, seed=asked.seed, goes_on=asked.go_on)
    write_page()
    return 0


def run(
    contestants: Iterable[Contestant],
    scenarios: Iterable[Scenario],
    *,
    rollouts: int,
    seed: int,
    goes_on: bool = False,
    folder: Path = KEPT,
) -> None:
    """Simulate cell by cell, and keep each as it ends.

    Args:
        contestants: The rules.
        scenarios: What happens.
        rollouts: Of each cell.
        seed: Of all chance.
        goes_on: Whether to leave out cells that would come out the same.
        folder: Where cells are kept.
    """
    wanted = list(contestants)
    for scenario in scenarios:
        there = {one.cell.rule: one for one in read(scenario.name, folder=folder)} if goes_on else {}
        for contestant in wanted:
            before = there.get(contestant.name)
            if before and is_current(before, contestant.rule, rollouts=rollouts, seed=seed):
                continue
            kept = measure(contestant, scenario, rollouts=rollouts, seed=seed)
            say_cell(kept)
            keep(kept, folder=folder)


def measure(contestant: Contestant, scenario: Scenario, *, rollouts: int, seed: int) -> KeptCell:
    """One cell, and what it took."""
    began, rule = time.process_time(), contestant.rule
    cell = simulate_rule(
        rule, scenario, traffic=Traffic(), rollouts=rollouts, seed=seed, horizon_s=contestant.horizon_s
    )
    made = Made(
        settings=repr(rule),
        sources=sources_digest(rule),
        date=now_text(),
        cpu_s=round(time.process_time() - began, 1),
        machine=describe_machine(),
        versions={package: version(package) for package in _PACKAGES},
    )
    return KeptCell(cell, made)


def tune(peer: str, *, seed: int) -> int:
    """Try every setting and say which is best; 1 when none keeps to the conditions."""
    trials = []
    for rule in SETTINGS[peer](Traffic()):
        trials.append(try_setting(rule, Traffic(), rollouts=_TRIED_ROLLOUTS, seed=seed))
        say(str(trials[-1]))
    best = best_of(trials)
    say(f"best of {len(trials)}: {best}")
    return 0 if best is not None and best.is_kept else 1


def say_cell(kept: KeptCell) -> None:
    """A line on a cell."""
    cell: SimulatedCell = kept.cell
    back, harm = cell.rolled_back, cell.excess_bad
    say(
        f"{cell.scenario}, {cell.rule}: rolled back {100 * back.share:.1f} % "
        f"[{100 * back.interval.low:.1f}, {100 * back.interval.high:.1f}], "
        f"promoted {100 * cell.promoted.share:.1f} %, {harm.mean:.2f} bad in excess "
        f"(n={cell.rollouts:,}, {kept.made.cpu_s:.1f} CPU-s)"
    )


def say(text: str) -> None:
    """To standard error, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rollouts", description="Simulate rollouts.")
    parser.add_argument("scenarios", nargs="*", type=_scenario, metavar="scenario", help="some of them")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in CONTESTANTS], help="some rules")
    parser.add_argument("--seed", type=int, default=0, help="of all chance")
    parser.add_argument("--go-on", action="store_true", help="leave out cells that would come out the same")
    parser.add_argument("--quick", action="store_true", help="few rollouts; nothing is written")
    parser.add_argument("--page", action="store_true", help="only write the page from what is kept")
    parser.add_argument("--tune", choices=list(SETTINGS), help="try a peer's settings")
    return parser


def _scenario(name: str) -> str:
    if name not in SCENARIOS:
        raise argparse.ArgumentTypeError(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Does a comparison of latencies hold its level, on this machine and with busy neighbours on it?"""

from __future__ import annotations

import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from scipy import stats

from benchmarks.builds import build_dataset
from benchmarks.children.slowed import SLOWED
from benchmarks.datasets import Rows, read_banking77
from benchmarks.records import Row, Sample
from benchmarks.suites.suite import Found, Surroundings
from smallcraft.evaluate.audits.cost import measure_cost
from smallcraft.evaluate.costs.compare import LEVEL, LatencyComparison, compare_latency
from smallcraft.evaluate.costs.latency import UNSTEADY
from smallcraft.records import Measurement

_SESSIONS, _POWER, _COSTS = 50, 10, 20
_NEIGHBOURS = 3
_LIMIT = 1.0  # a gate on the ratio, with the truth at its edge
_OPENER = "benchmarks.children.slowed:open_by_name"


def measure(around: Surroundings) -> Found:
    """A bundle against itself, then against one that takes a tenth longer."""
    dataset = read_banking77().smaller(around.rows)
    built = build_dataset(dataset, around.work / "project", metric="macro_f1", rungs=["majority", "ngram"])
    slowed = Path(shutil.copytree(built.bundle, around.work / SLOWED))
    sessions = 4 if around.is_quick else _SESSIONS
    quiet = _against_itself(built.bundle, dataset.test, range(sessions // 2))
    with busy_neighbours():
        noisy = _against_itself(built.bundle, dataset.test, range(sessions // 2, sessions))
        flagged = _unsteady_costs(built.bundle, dataset.test, 2 if around.is_quick else _COSTS)
    power = [
        compare_latency(slowed, built.bundle, dataset.test.columns, seed=seed, opener=_OPENER)
        for seed in range(2 if around.is_quick else _POWER)
    ]
    return Found(
        about=(
            f"The `ngram` bundle of banking77 against itself in {sessions} sessions of six blocks (36 fresh "
            f"processes each, different seeds), half of them while {_NEIGHBOURS} busy neighbours come and go "
            f"on the same cores. Level {LEVEL:.0%}; a FAIL is a lower bound of the ratio above {_LIMIT:g} "
            "and a steady A/A."
        ),
        rows=(
            *_level_rows(quiet + noisy),
            Row(
                "a bundle a tenth slower is called slower",
                "share",
                _share([found.claim == "slower" for found in power]),
                sense="at_least",
            ),
            *_width_rows({"as the machine is": quiet, "with busy neighbours": noisy}),
            Row("`measure_cost` calls p95 unsteady, with busy neighbours", "share", _share(flagged)),
        ),
    )


def _against_itself(bundle: Path, rows: Rows, seeds: Sequence[int]) -> list[LatencyComparison]:
    found = []
    for seed in seeds:
        found.append(compare_latency(bundle, bundle, rows.columns, seed=seed, opener=_OPENER))
        said = found[-1].measurements()[0]
        bounds = f"{found[-1].ratio:.3f} [{said.low:.3f}, {said.high:.3f}]"
        sys.stderr.write(f"session {seed}: {bounds}, {said.detail}\n")
    return found


def _unsteady_costs(bundle: Path, rows: Rows, runs: int) -> list[bool]:
    found: list[Measurement] = []
    for seed in range(runs):
        found += [m for m in measure_cost(bundle, rows.columns, seed=seed) if m.name == "p95_ms"]
    return [measurement.detail.startswith(UNSTEADY) for measurement in found]


def _level_rows(found: Sequence[LatencyComparison]) -> tuple[Row, ...]:
    # As many as a comparison that holds its level shows in 99 of 100 benchmarks.
    most = float(stats.binom.ppf(0.99, len(found), 1 - LEVEL))
    failed = sum(one.is_steady and one.interval.low > _LIMIT for one in found)
    claimed = sum(one.claim != "undecided" for one in found)
    return (
        Row("false FAILs", "sessions", Sample(failed, len(found), "sessions"), bar=0.0),
        Row("false claims, faster or slower", "sessions", Sample(claimed, len(found), "sessions"), bar=most),
        *(
            Row(what, "sessions", Sample(sum(shows), len(found), "sessions"), bar=most)
            for what, shows in {
                "A/A unsteady (the verdict is UNDECIDED)": [not one.is_steady for one in found],
                "CPU time: the ratio excludes 1": [one.cpu.excludes_one for one in found],
            }.items()
        ),
    )


def _width_rows(found: dict[str, list[LatencyComparison]]) -> Iterator[Row]:
    for where, sessions in found.items():
        for clock, widths in {
            "latency": [one.interval.high / one.ratio - 1 for one in sessions],
            "CPU time": [one.cpu.interval.high / one.cpu.ratio - 1 for one in sessions],
        }.items():
            value = Sample(statistics.median(widths), len(widths), "sessions", min(widths), max(widths))
            yield Row(f"half width of the {clock} ratio's interval, {where}", "share", value)


def _share(hits: Sequence[bool]) -> Sample:
    return Sample(sum(hits) / len(hits), len(hits))


@contextmanager
def busy_neighbours() -> Iterator[None]:
    """Processes that work and rest by turns, half a second each on average."""
    context = get_context("spawn")
    neighbours = [
        context.Process(target=_come_and_go, args=(seed,), daemon=True) for seed in range(_NEIGHBOURS)
    ]
    for neighbour in neighbours:
        neighbour.start()
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.terminate()
            neighbour.join()


def _come_and_go(seed: int) -> None:
    rng = random.Random(seed)
    while True:
        until = time.perf_counter() + rng.expovariate(2)
        while time.perf_counter() < until:
            pass
        time.sleep(rng.expovariate(2))

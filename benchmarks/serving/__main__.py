"""`python -m benchmarks.serving`: our server with a canary, under mixed load, with hostile clients beside.

python -m benchmarks.serving                      ten minutes; fails when memory grows past 5 % or an answer
                                                  is wrong
python -m benchmarks.serving --minutes 0.5        shorter, to see that it runs
python -m benchmarks.serving --way "in process"   the stable release in the router
python -m benchmarks.serving --text               the sentence encoder instead of the small model
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.hostile import Hostility
from benchmarks.serving.ours import WAYS, Way, phase_of, roll_out_twin, serving_ours
from benchmarks.serving.own_mix import own_mix, victim_of
from benchmarks.serving.soak import SoakPlan, SoakReport, soak
from benchmarks.serving.work import make_linear_work, make_text_work

MOST_GROWTH = 0.05


def main(arguments: list[str]) -> int:
    """Soak; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="Soak our server.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=200.0, help="good requests a second")
    parser.add_argument("--hostile", type=int, default=8, help="hostile clients at once")
    parser.add_argument("--way", choices=WAYS, default="isolated")
    parser.add_argument("--text", action="store_true", help="the sentence encoder")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    plan = SoakPlan(60 * asked.minutes, asked.rate, Hostility(at_once=asked.hostile), seed=asked.seed)
    report, phase = soak_ours(asked.way, plan, is_text=asked.text)
    sys.stdout.write(in_words(report, phase))
    return 0 if is_good(report, phase) else 1


def soak_ours(way: Way, plan: SoakPlan, *, is_text: bool) -> tuple[SoakReport, str]:
    """Also the phase of the rollout at the end."""
    with tempfile.TemporaryDirectory(prefix="smallcraft-soak-") as folder:
        work = make_text_work(Path(folder)) if is_text else make_linear_work(Path(folder))
        good = own_mix(work, seed=plan.seed)
        with serving_ours(way, work) as (server, target, state):
            roll_out_twin(server, target, state, work)
            report = soak(victim_of(target, work), good, plan, memory_mb=server.own_memory_mb)
            return report, phase_of(state)


def is_good(report: SoakReport, phase: str) -> bool:
    """No wrong answer, no failed request, no unexpected end, no growth; the rollout goes on."""
    nothing_wrong = not (report.load.n_wrong or report.load.n_failed or report.hostile.unexpected)
    grows = report.growth is None or report.growth > MOST_GROWTH
    return nothing_wrong and not grows and phase == "canary"


def in_words(report: SoakReport, phase: str) -> str:
    """What was seen, a line each."""
    load, growth = report.load, report.growth
    grown = "not measured" if growth is None else f"{100 * growth:.2f} %"
    whole = report.whole_mb
    spans = [f"  {name} in ten spans: {_spans(looks)}" for name, looks in report.memory_mb.items()]
    lines = [
        f"good requests: {load.n:,} in {load.wall_s:.0f} s, {load.n_wrong} wrong, ends {load.ends}",
        *load.wrong[:5],
        f"latency, ms: p50 {load.latency_ms(50):.2f}, p99 {load.latency_ms(99):.2f}",
        f"memory, MB: {whole[0]:.1f} at first, {whole[-1]:.1f} at last",
        f"  in ten spans: {_spans(whole)}",
        *spans,
        f"growth: {grown}, allowed {100 * MOST_GROWTH:g} %",
        f"hostile attempts: {report.hostile.n:,}",
        *(f"  {kind}: {dict(ends)}" for kind, ends in report.hostile.ends.items()),
        f"unexpected: {report.hostile.unexpected or 'none'}",
        f"the rollout: {phase}",
    ]
    return "\n".join(lines) + "\n"


def _spans(looks: NDArray[np.float64]) -> str:
    return ", ".join(f"{np.median(part):.1f}" for part in np.array_split(looks, 10) if len(part))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

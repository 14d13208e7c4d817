"""Small simulations of some guarantees, run: a promise is kept, and broken where its assumption is."""

from __future__ import annotations

import numpy as np
from benchmarks.guarantees.worlds import EVEN, UNEVEN, seeded

from smallcraft.evaluate.by_task import measure_score
from smallcraft.stats.intervals import quantile_interval


def missed(draw, true, *, runs):
    """How often the printed interval of accuracy does not hold the true one."""
    found = [measure_score(draw(), "accuracy", confidence=0.95, seed=0) for _ in range(runs)]
    return np.mean([not one.low <= true <= one.high for one in found])


def test_the_interval_of_a_score_holds_the_truth_and_does_not_where_a_key_is_kept_quiet():
    rng = seeded(70)
    rate = missed(lambda: EVEN.draw(300, rng), EVEN.accuracy, runs=300)
    told = missed(lambda: UNEVEN.draw_by_key(60, 8, rng, is_told=True), UNEVEN.accuracy, runs=300)
    quiet = missed(lambda: UNEVEN.draw_by_key(60, 8, rng, is_told=False), UNEVEN.accuracy, runs=300)
    print(f"seed 70: missed in {rate:.3f}; by key, told {told:.3f}, not told {quiet:.3f}")
    assert rate <= 0.07
    assert told <= 0.07
    assert quiet > 0.25


def test_a_quantile_of_latencies_that_hang_together_is_missed_far_more_often_than_stated():
    from benchmarks.guarantees.gates import _chained

    rng, true = seeded(71), 1.6448536269514722
    rates = []
    for stays in (0.0, 0.9):
        intervals = [
            quantile_interval(np.sort(_chained(rng.normal(size=500), stays)), 0.95) for _ in range(300)
        ]
        rates.append(np.mean([not one.low <= true <= one.high for one in intervals]))
    print(f"seed 71: missed in {rates[0]:.3f}, hanging together in {rates[1]:.3f}")
    assert rates[0] <= 0.09
    assert rates[1] > 0.25

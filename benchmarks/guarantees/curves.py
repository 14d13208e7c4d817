"""Learning curves on laws that are known: does what is foretold come?"""

from __future__ import annotations

import numpy as np

from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import seeded
from smallcraft.stats.learning_curve import fit_learning_curve

_STATED = 0.05


def simulate_curves() -> tuple[Case, ...]:
    """Does the interval of a learning curve hold the loss that is measured with twice the rows?"""
    sizes, runs, cases = [1000, 2500, 5000], 250, []
    for name, is_law in (
        ("a power law", True),
        ("a cliff: half of the errors vanish beyond 7,500 rows", False),
    ):
        missed = 0
        for run in range(runs):
            rng = seeded(47, run)
            floor, power = rng.uniform(0.0, 0.08), rng.uniform(0.25, 0.7)
            hard = rng.random(1500)
            losses = []
            for n in (*sizes, 10_000):
                expected = floor + 0.12 * (n / 2500) ** -power
                expected *= 1.0 if is_law or n <= 7500 else 0.5
                losses.append(
                    np.stack(
                        [(hard + 0.1 * rng.normal(size=1500) < expected).astype(float) for _ in range(3)]
                    )
                )
            told = fit_learning_curve(sizes, losses[:3], rng=rng, draws=300).expect_measured(10_000)
            missed += not told.low <= losses[3][0].mean() <= told.high
        cases.append(counted(f"losses follow {name}", missed, runs, stated=_STATED, is_as_assumed=is_law))
    return tuple(cases)

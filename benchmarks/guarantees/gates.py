"""Gates with the truth at their limit: how often they say PASS or FAIL all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.children.gate_draws import SIZES, fail_rate, gap, gaps, judge, share
from benchmarks.guarantees.cases import Case, counted
from benchmarks.guarantees.worlds import Confusions, seeded
from smallcraft.evaluate.by_task import measure_score
from smallcraft.gates.rules import BUILTIN
from smallcraft.records import GateSpec, Measurement, Outcome
from smallcraft.stats.intervals import quantile_interval

_STATED, _DRAWS = 0.05, 100_000
_GAP_DRAWS = 2000
_KEYED_RUNS = 1500


def simulate_shares() -> tuple[Case, ...]:
    """`at_least` and `at_most` on independent rows whose true share is the limit, both ways."""
    cases = []
    for n in (15, 150, 3000):
        for limit in (0.5, 0.9):
            draws = seeded(1, n, int(100 * limit)).binomial(n, limit, size=_DRAWS)
            for outcome in (Outcome.PASS, Outcome.FAIL):
                rate = fail_rate(
                    draws,
                    lambda c, n=n, p=limit, said=outcome: (
                        said in judge("at_least", [share(c[0], n, "all")], p)
                    ),
                )
                what = f"`at_least` says {outcome}, {n:,} rows, truth {limit} is the limit"
                cases.append(counted(what, round(rate * _DRAWS), _DRAWS, stated=_STATED, of="draws"))
    return (*cases, *_by_key())


def _by_key() -> list[Case]:
    """Rows of one key count once when the key is declared; undeclared they count as if they were many."""
    model, limit = Confusions(np.full(2, 0.5), np.full(2, 0.9)), 0.9
    found = []
    for is_told in (True, False):
        rng, wrong = seeded(2), 0
        for _ in range(_KEYED_RUNS):
            predictions = model.draw_by_key(60, 10, rng, is_told=is_told)
            measured = measure_score(predictions, "accuracy", confidence=0.95, seed=0)
            wrong += _said("at_least", [measured], limit, Outcome.FAIL)
        told = "declared as `key`" if is_told else "not declared"
        what = f"`at_least` says FAIL, 60 senders of 10 rows that are right or wrong together, sender {told}"
        found.append(counted(what, wrong, _KEYED_RUNS, stated=_STATED, is_as_assumed=is_told))
    return found


def _said(rule: str, measured: Sequence[Measurement], limit: float, outcome: Outcome) -> bool:
    spec = GateSpec("g", rule, measured[0].name, measured[0].split, limit, slice="*")
    return outcome in [verdict.outcome for verdict in BUILTIN[rule].judge(spec, measured)]


def simulate_gaps() -> tuple[Case, ...]:
    """`group_gap`: a group that is worse or better than 3,000 others by exactly the tolerance."""
    tolerance, truth, cases = 0.05, 0.85, []
    for n in (40, 300, 3000):
        for side in (-1, 1):
            draws = seeded(3, n, side + 1).binomial(
                [n, 3000], [truth + side * tolerance, truth], size=(_GAP_DRAWS, 2)
            )
            for outcome in (Outcome.PASS, Outcome.FAIL):
                rate = fail_rate(draws, _gap_says(n, tolerance, outcome))
                what = f"says {outcome}, {n:,} rows, gap {side * tolerance:+}"
                cases.append(counted(what, round(rate * _GAP_DRAWS), _GAP_DRAWS, stated=_STATED, of="draws"))
    return tuple(cases)


def _gap_says(n: int, tolerance: float, outcome: Outcome) -> Callable[[tuple[int, ...]], bool]:
    return lambda c: outcome in judge("group_gap", [gap(c[0], n, c[1], 3000, "g=a")], tolerance)


def simulate_slices() -> tuple[Case, ...]:
    """Ten slices at the limit, ten groups without a gap: does any fail?"""
    limit, draws = 0.9, seeded(4).binomial(SIZES, 0.9, size=(_GAP_DRAWS, len(SIZES)))
    corrected = fail_rate(draws, lambda counts: Outcome.FAIL in judge("at_least", _shares(counts), limit))
    alone = fail_rate(
        draws,
        lambda counts: any(Outcome.FAIL in judge("at_least", [one], limit) for one in _shares(counts)),
    )
    fair = seeded(5).binomial(SIZES, 0.85, size=(_GAP_DRAWS, len(SIZES)))
    unbiased = fail_rate(fair, lambda counts: Outcome.FAIL in judge("group_gap", gaps(counts), 0.05))
    rows = (
        ("any of ten slices FAILs, each truth at the limit, judged together", corrected, True),
        ("the same slices, each judged as if it were the only one", alone, False),
        ("any of ten groups FAILs `group_gap` of 0.05, one true accuracy for all", unbiased, True),
    )
    return tuple(
        counted(what, round(rate * _GAP_DRAWS), _GAP_DRAWS, stated=_STATED, of="draws", is_as_assumed=holds)
        for what, rate, holds in rows
    )


def _shares(counts: tuple[int, ...]) -> list[Measurement]:
    return [share(hits, n, f"g={at}") for at, (hits, n) in enumerate(zip(counts, SIZES, strict=True))]


def simulate_quantiles() -> tuple[Case, ...]:
    """The interval of a 95th percentile, of latencies that are independent and of ones that hang together."""
    runs, n, quantile = 4000, 1000, 1.6448536269514722
    found = []
    for stays in (0.0, 0.9):
        rng, missed = seeded(6, int(10 * stays)), 0
        for _ in range(runs):
            waves = _chained(rng.normal(size=n), stays)
            interval = quantile_interval(np.sort(np.exp(waves)), 0.95)
            assert interval is not None
            missed += not interval.low <= np.exp(quantile) <= interval.high
        what = (
            "1,000 log-normal latencies, independent" if not stays else "each hangs on the one before, AR(.9)"
        )
        found.append(counted(what, missed, runs, stated=_STATED, is_as_assumed=not stays))
    return tuple(found)


def _chained(shocks: np.ndarray, stays: float) -> np.ndarray:
    """A normal AR(1) with variance 1 throughout."""
    values = shocks.copy()
    for place in range(1, len(values)):
        values[place] = stays * values[place - 1] + (1 - stays**2) ** 0.5 * shocks[place]
    return values

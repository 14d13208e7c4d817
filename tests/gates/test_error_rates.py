"""A gate errs no more often than it says: truth exactly at the limit, fixed seeds, 2,000 draws.

`python -m benchmarks gates` runs the same in full.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.children.gate_draws import SIZES, fail_rate, gap, gaps, judge, share
from scipy import stats

from smallcraft.records import Measurement, Outcome
from smallcraft.stats.comparisons import paired_share_interval

DRAWS, STATED = 2000, 0.05
FAIL = Outcome.FAIL


def failed(rule, measurements, limit):
    return FAIL in judge(rule, measurements, limit)


@pytest.mark.parametrize("rule", ["at_least", "at_most", "flip_rate"])
@pytest.mark.parametrize("n", [15, 150, 1500])
@pytest.mark.parametrize("limit", [0.1, 0.9])
def test_a_share_at_its_limit_fails_no_more_often_than_stated(rule, n, limit):
    """Not drawn but counted: every number of hits with its chance."""
    chances = stats.binom.pmf(np.arange(n + 1), n, limit)
    possible = np.flatnonzero(chances > 1e-7)
    rate = sum(chances[k] for k in possible.tolist() if failed(rule, [share(k, n, "all")], limit))
    print(f"{rule}, n={n}, truth {limit}: FAIL in {rate:.4f}")
    assert rate <= STATED
    assert n < 1000 or rate >= 0.02, "a gate that hardly ever fails at its limit has no power either"


@pytest.mark.parametrize("n", [15, 150, 3000])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_group_gap_at_its_limit_fails_no_more_often_than_stated(n, side):
    """A group of n against 2,000 others, 400 draws; seed 42."""
    rng = np.random.default_rng(42)
    draws = rng.binomial([n, 2000], [0.8 + side * 0.05, 0.8], size=(400, 2))
    rate = fail_rate(
        draws, lambda counts: failed("group_gap", [gap(counts[0], n, counts[1], 2000, "g=a")], 0.05)
    )
    print(f"group of {n}, gap {side * 0.05:+}: FAIL in {rate:.3f}")
    assert rate <= STATED


def test_a_small_tolerance_is_not_missed_twice_as_often():
    """Two sides, a limit far below what the rows can tell: uncorrected it fails on either; seed 43."""
    rng = np.random.default_rng(43)
    draws = rng.binomial(200, [0.5, 0.5], size=(700, 2))

    def bounds_miss(counts, sides):
        found = gap(counts[0], 200, counts[1], 200, "g=a")
        if sides == 2:
            return failed("group_gap", [found], 0.0005)
        return failed("at_most", [found], 0.0005) or failed("at_least", [found], -0.0005)

    both = fail_rate(draws, lambda counts: bounds_miss(counts, 2))
    each = fail_rate(draws, lambda counts: bounds_miss(counts, 1))
    print(f"FAIL in {both:.3f}, uncorrected in {each:.3f}")
    assert both <= STATED < each


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("discordant", [0.04, 0.2])
def test_a_paired_difference_at_its_margin_fails_no_more_often_than_stated(level, discordant):
    """600 rows under two models, the candidate worse by exactly the margin; seed 44."""
    n, margin = 600, 0.02
    won, lost = (discordant - margin) / 2, (discordant + margin) / 2
    draws = np.random.default_rng(44).multinomial(n, [won, lost, 1 - won - lost], size=DRAWS)[:, :2]

    def has_failed(counts):
        bounds = paired_share_interval(*counts, n, level=level)
        value = (counts[0] - counts[1]) / n
        told = {"low": bounds.low, "high": bounds.high, "level": level, "split": "dev"}
        return failed(
            "not_worse_than", [Measurement("accuracy_over_best", value, "fraction", n, "", **told)], margin
        )

    rate = fail_rate(draws, has_failed)
    print(f"bounds of level {level}, {discordant:.0%} discordant: FAIL in {rate:.3f}")
    assert rate <= STATED


def test_of_ten_slices_at_the_limit_any_fails_no_more_often_than_stated():
    """Uncorrected, one of ten fails about 3 times in 10; seed 45."""
    limit = 0.9
    draws = np.random.default_rng(45).binomial(SIZES, limit, size=(DRAWS, len(SIZES)))

    def of(counts):
        return [share(k, n, f"g={at}") for at, (k, n) in enumerate(zip(counts, SIZES, strict=True))]

    rate = fail_rate(draws, lambda counts: failed("at_least", of(counts), limit))
    alone = [
        fail_rate(draws[:, at], lambda counts, n=n: failed("at_least", [share(counts[0], n, "all")], limit))
        for at, n in enumerate(SIZES)
    ]
    plain = 1 - np.prod(1 - np.array(alone))
    print(f"any of ten: FAIL in {rate:.3f}, uncorrected in {plain:.3f}")
    assert rate <= STATED
    assert plain > 3 * STATED


@pytest.mark.slow
def test_an_unbiased_model_does_not_fail_where_a_naive_gate_nearly_always_does():
    """Ten groups of 15 to 3,000 rows, one true accuracy for all, tolerance 0.05; seed 46."""
    tolerance, draws = 0.05, np.random.default_rng(46).binomial(SIZES, 0.85, size=(300, len(SIZES)))
    fails = np.mean([failed("group_gap", gaps(counts), tolerance) for counts in draws.tolist()])
    shares = draws / np.array(SIZES)
    naive = np.mean(shares.max(axis=1) - shares.min(axis=1) > tolerance)
    print(f"FAIL in {fails:.3f}, naive max - min in {naive:.3f}")
    assert fails <= 0.01
    assert naive >= 0.95


def test_a_biased_model_does_fail():
    """The gate has power: a group of 600 that is 15 points worse; seed 47."""
    truths = [0.85] * 6 + [0.70] + [0.85] * 3
    draws = np.random.default_rng(47).binomial(SIZES, truths, size=(50, len(SIZES)))
    said = [judge("group_gap", gaps(counts), 0.05) for counts in draws.tolist()]
    assert np.mean([outcomes[6] is FAIL for outcomes in said]) > 0.9

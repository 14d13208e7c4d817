import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.gates.threeway import judge_side, rows_to_settle
from smallcraft.records import Measurement, Outcome
from smallcraft.stats.intervals import clopper_pearson_interval


def of_share(right, n):
    interval = clopper_pearson_interval(right, n)
    return Measurement(
        "accuracy", right / n, "fraction", n, "exact", low=interval.low, high=interval.high, split="cert"
    )


def judge(measurement, limit=0.9, *, is_floor=True):
    return judge_side("g", measurement, limit=limit, required=True, is_floor=is_floor)


@pytest.mark.parametrize("n", [40, 300, 2000])
@pytest.mark.parametrize("is_floor", [True, False])
def test_the_false_fail_and_false_pass_rates_at_the_limit_are_within_alpha(n, is_floor):
    counts = np.random.default_rng(31).binomial(n, 0.9, size=2000)
    outcomes = {int(k): judge(of_share(int(k), n), is_floor=is_floor).outcome for k in np.unique(counts)}
    seen = [outcomes[int(k)] for k in counts]
    assert seen.count(Outcome.FAIL) / 2000 <= 0.05
    assert seen.count(Outcome.PASS) / 2000 <= 0.05


@given(st.integers(40, 2000), st.floats(0.82, 0.98))
def test_so_many_more_rows_settle_it(n, share):
    found = of_share(round(share * n), n)
    more = rows_to_settle(found, 0.9)
    if judge(found).outcome is not Outcome.UNDECIDED or more is None or more > 10**7:
        return
    total = round(1.5 * (n + more))
    assert judge(of_share(found.value * total, total)).outcome is not Outcome.UNDECIDED


def test_undecided_names_the_rows_that_would_settle_it():
    verdict = judge(Measurement("accuracy", 0.92, "fraction", 300, "", low=0.88, high=0.95, split="cert"))
    assert verdict.needs == "about 900 more labelled rows"
    assert verdict.reason == (
        "accuracy 0.92 [0.88, 0.95] (n=300) on cert is not shown to be, nor shown not to be, at least 0.9"
    )


def test_costs_ask_for_requests_rather_than_rows():
    found = Measurement("p95_ms", 4.8, "ms", 200, "", low=4.1, high=5.3)
    verdict = judge(found, limit=5.0, is_floor=False)
    assert verdict.needs == "about 1,100 more measured requests"
    assert "4.8 [4.1, 5.3] ms (n=200)" in verdict.reason


def test_a_value_on_the_limit_is_not_settled_by_more_rows():
    found = Measurement("accuracy", 0.9, "fraction", 100, "", low=0.85, high=0.95, split="cert")
    assert rows_to_settle(found, 0.9) is None
    assert "a better candidate would" in judge(found).needs


def test_the_reason_of_a_missing_value_is_passed_on():
    found = Measurement("p95_ms", None, "ms", 80, "", detail="needs 130 timed requests, there were 80")
    verdict = judge(found, is_floor=False)
    assert verdict.needs == "needs 130 timed requests, there were 80"

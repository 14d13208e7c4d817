"""A slice is confirmed where there is one, and hardly ever where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from smallcraft.evaluate.failures.concentration import excess_p_value, find_failures
from smallcraft.evaluate.failures.conditions import Condition

SEED = 404


def random_conditions(rng: np.random.Generator, n: int, count: int) -> list[Condition]:
    return [
        Condition(f"c{place}", f"with c{place}", rng.random(n) < rng.uniform(0.02, 0.5))
        for place in range(count)
    ]


@given(st.integers(2, 40), st.integers(0, 999))
def test_the_p_value_is_fishers_exact_one(n, seed):
    rng = np.random.default_rng(seed)
    wrong, rows = rng.random(n) < 0.4, rng.random(n) < 0.5
    table = [[(wrong & rows).sum(), (~wrong & rows).sum()], [(wrong & ~rows).sum(), (~wrong & ~rows).sum()]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert excess_p_value(wrong, rows) == pytest.approx(expected, abs=1e-9)


def test_errors_that_depend_on_nothing_give_a_slice_in_at_most_5_percent_of_runs():
    rng = np.random.default_rng(SEED)
    runs, n = 300, 800
    conditions = random_conditions(rng, n, 120)
    false = sum(bool(find_failures(rng.random(n) < 0.15, conditions, rng=rng).confirmed) for _ in range(runs))
    print(f"seed {SEED}: a slice was confirmed in {false} of {runs} null runs")
    assert false / runs <= 0.05


def test_the_same_half_for_finding_and_confirming_would_err_almost_always():
    """What the second half is for."""
    rng = np.random.default_rng(SEED)
    conditions = random_conditions(rng, 800, 120)
    errs = 0
    for _ in range(20):
        wrong = rng.random(800) < 0.15
        errs += min(excess_p_value(wrong, condition.rows) for condition in conditions) <= 0.05
    assert errs > 10


def test_a_planted_failure_is_confirmed_first_with_the_counts_of_the_second_half():
    rng = np.random.default_rng(SEED)
    n = 1000
    conditions = random_conditions(rng, n, 60)
    planted = conditions[17].rows
    wrong = rng.random(n) < np.where(planted, 0.5, 0.08)
    search = find_failures(wrong, conditions, rng=rng)
    first = search.confirmed[0]
    assert first.condition.name == "c17"
    assert first.met < planted.sum()
    assert 0.3 < first.errors / first.met < 0.7
    assert (search.rows, search.listed) == (500, 60)
    assert first.p_value < 1e-3


def test_errors_where_two_conditions_meet_are_told_by_both():
    rng = np.random.default_rng(SEED)
    n = 2000
    one, other = (Condition(name, f"with {name}", rng.random(n) < 0.3) for name in ("one", "other"))
    noise = random_conditions(rng, n, 20)
    wrong = rng.random(n) < np.where(one.rows & other.rows, 0.6, 0.05)
    names = [found.condition.name for found in find_failures(wrong, [one, other, *noise], rng=rng).confirmed]
    assert names[0] == "one & other"


def test_errors_that_a_better_condition_accounts_for_are_told_once():
    """One condition holds for the same rows, one for half of them, one for them and many others."""
    rng = np.random.default_rng(SEED)
    n = 2000
    rows = rng.random(n) < 0.2
    wrong = rng.random(n) < np.where(rows, 0.5, 0.05)
    masks = {
        "a": rows,
        "same": rows.copy(),
        "half": rows & (rng.random(n) < 0.5),
        "wider": rows | (rng.random(n) < 0.3),
    }
    conditions = [Condition(name, f"with {name}", mask) for name, mask in masks.items()]
    names = [found.condition.name for found in find_failures(wrong, conditions, rng=rng).confirmed]
    assert names == ["a"]


def test_what_most_rows_meet_is_no_slice_though_a_part_of_it_may_be():
    rng = np.random.default_rng(SEED)
    n = 2000
    most, some = rng.random(n) < 0.8, rng.random(n) < 0.4
    wrong = rng.random(n) < np.where(most, np.where(some, 0.4, 0.15), 0.02)
    conditions = [Condition("most", "", most), Condition("some", "", some)]
    names = [found.condition.name for found in find_failures(wrong, conditions, rng=rng).confirmed]
    assert names == ["most & some"]


def test_two_failures_of_different_rows_are_both_told():
    rng = np.random.default_rng(SEED)
    n = 2000
    one, other = rng.random(n) < 0.1, rng.random(n) < 0.1
    wrong = rng.random(n) < np.where(one | other, 0.5, 0.05)
    conditions = [Condition("one", "", one), Condition("other", "", other)]
    found = find_failures(wrong, conditions, rng=rng).confirmed
    assert {failing.condition.name for failing in found} == {"one", "other"}


def test_rows_of_one_key_stand_in_one_half_and_count_once_where_confirmed():
    rng = np.random.default_rng(SEED)
    keys = np.repeat(np.arange(100), 8)
    # The errors of one key go together, and so does whatever its rows have in common.
    wrong = np.repeat(rng.random(100) < 0.2, 8)
    search = find_failures(wrong, [], clusters=keys, rng=rng)
    assert search.rows == 50


def test_errors_that_go_by_key_alone_are_no_slice():
    rng = np.random.default_rng(SEED)
    keys = np.repeat(np.arange(120), 8)
    runs, honest, naive = 60, 0, 0
    for _ in range(runs):
        wrong = np.repeat(rng.random(120) < 0.2, 8)
        conditions = [Condition(f"c{place}", "", np.repeat(rng.random(120) < 0.2, 8)) for place in range(40)]
        honest += bool(find_failures(wrong, conditions, clusters=keys, rng=rng).confirmed)
        naive += bool(find_failures(wrong, conditions, rng=rng).confirmed)
    print(f"seed {SEED}: slices in {honest} of {runs} runs; with each row for itself in {naive}")
    assert honest <= 6
    assert naive > 30


def test_no_errors_or_nothing_but_errors_give_no_slice():
    rng = np.random.default_rng(SEED)
    conditions = random_conditions(rng, 200, 10)
    for wrong in (np.zeros(200, bool), np.ones(200, bool)):
        assert find_failures(wrong, conditions, rng=rng).confirmed == ()

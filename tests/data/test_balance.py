"""Laws of balance: effective classes lie between one and their number; the metric follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from smallcraft.data.balance import effective_classes, independent_rows, suggested_metric


@given(st.lists(st.integers(0, 1000), min_size=1).filter(any))
def test_effective_classes_agree_with_scipy(counts):
    assert effective_classes(counts) == pytest.approx(np.exp(entropy(counts)))


@pytest.mark.parametrize(
    ("counts", "metric"),
    [([50, 50], "accuracy"), ([90, 10], "macro_f1"), ([10] * 77, "macro_f1"), ([30, 33, 37], "accuracy")],
)
def test_accuracy_is_for_few_balanced_classes(counts, metric):
    named = {str(at): count for at, count in enumerate(counts)}
    assert suggested_metric(named)[0] == metric


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_independent_rows_lie_between_one_and_the_number_of_groups(copies):
    assert 1 - 1e-9 <= independent_rows(copies) <= len(copies) + 1e-9


@given(st.integers(1, 50), st.integers(1, 50))
def test_copies_of_one_size_count_once(size, groups):
    assert independent_rows([size] * groups) == pytest.approx(groups)


def test_independent_rows_give_the_variance_of_a_mean_over_copies():
    rng = np.random.default_rng(3)
    copies = np.array([1, 1, 2, 3, 9])
    means = [np.average(rng.normal(size=5), weights=copies) for _ in range(20_000)]
    assert 1 / np.var(means) == pytest.approx(independent_rows(copies.tolist()), rel=0.05)


def test_no_rows_are_no_independent_rows():
    assert independent_rows([]) == 0.0

"""Laws of balance: effective classes lie between one and their number; the metric follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from smallcraft.data.balance import effective_classes, suggested_metric


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

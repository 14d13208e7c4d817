"""Which rows the further stages are asked about."""

from __future__ import annotations

import numpy as np

from smallcraft.bundle.router import BelowThreshold

PROBS = np.array([[0.6, 0.4], [0.5, 0.5], [0.05, 0.95]])


def test_rows_below_the_threshold_are_asked_on_and_those_on_it_are_not():
    assert BelowThreshold(0.6).asks_on(PROBS).tolist() == [False, True, False]


def test_a_threshold_of_zero_stops_always():
    assert not BelowThreshold(0.0).asks_on(PROBS).any()


def test_where_each_label_is_a_yes_or_no_the_least_sure_one_counts():
    probs = np.array([[0.01, 0.99], [0.01, 0.6]])
    assert BelowThreshold(0.9, each_label=True).asks_on(probs).tolist() == [False, True]

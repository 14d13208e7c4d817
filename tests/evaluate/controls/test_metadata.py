"""Metadata that say nothing gain nothing; those that give the label away are caught."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.evaluate.controls.metadata import gain_interval, judge_by_metadata

SEED = 31


def test_metadata_that_say_nothing_are_said_to_gain_in_at_most_5_percent_of_runs():
    dice = np.random.default_rng(SEED)
    runs, above = 25, 0
    for seed in range(runs):
        truth = (dice.random(150) < 0.3).astype(np.int64)
        judged = judge_by_metadata({"row": dice.random(150)}, truth, seed=seed)
        above += gain_interval(judged, None, level=0.95).low > 0
    print(f"seed {SEED}: a gain in {above} of {runs} runs")
    assert above <= 1


def test_a_file_sorted_by_label_is_given_away_by_its_row_numbers():
    truth = np.repeat(np.arange(5), 40)
    judged = judge_by_metadata({"row": np.arange(200.0)}, truth, seed=0)
    assert judged.right.mean() > 0.9
    interval = gain_interval(judged, None, level=0.95)
    assert interval.low > 0.5
    assert interval.low <= judged.gain <= interval.high


def test_rows_of_one_key_are_judged_by_a_model_that_saw_none_of_them():
    """The key's own number gives its label away, but only to who saw the key."""
    dice = np.random.default_rng(SEED)
    keys = np.repeat(np.arange(40), 8)
    truth = np.repeat(dice.integers(2, size=40), 8)
    columns = {"number": np.repeat(dice.random(40), 8)}
    apart = judge_by_metadata(columns, truth, clusters=keys, seed=0)
    mixed = judge_by_metadata(columns, truth, seed=0)
    assert mixed.right.mean() > 0.85
    assert apart.right.mean() < 0.75
    assert gain_interval(apart, keys, level=0.95).low < 0


def test_missing_values_are_a_value_like_others():
    truth = np.arange(120) % 2
    column = np.where(truth == 1, np.nan, 1.0)
    assert judge_by_metadata({"time": column}, truth, seed=0).right.mean() == pytest.approx(1.0)

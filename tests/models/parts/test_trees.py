"""Boosted trees as a graph take the branches LightGBM takes, to the last bit and without a number."""

from __future__ import annotations

import math

import lightgbm
import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from smallcraft.models.parts.trees import _float32_below, fit_trees, tree_logits, trees_to_onnx


def run(booster, values, k):
    session = onnxruntime.InferenceSession(trees_to_onnx(booster, k), providers=["CPUExecutionProvider"])
    return session.run(None, {"columns": values.astype(np.float32)})[0]


def problem(k: int, *, n: int = 800, missing: tuple[int, ...] = (0, 1), seed: int = 0):
    """Numbers on a grid, so that many rows lie on a threshold; only some columns miss any."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(n, 4)), 1).astype(np.float32)
    values[:, 3] = rng.random(n) < 0.3
    labels = np.digitize(values[:, 0] - values[:, 2] + values[:, 3], np.linspace(-1.5, 1.5, k - 1))
    for column in missing:
        values[rng.random(n) < 0.15, column] = np.nan
    return values, labels.astype(np.int64)


def splits_of(node):
    if "leaf_value" in node:
        return
    yield node
    yield from splits_of(node["left_child"])
    yield from splits_of(node["right_child"])


def all_splits(booster):
    return [
        split for tree in booster.dump_model()["tree_info"] for split in splits_of(tree["tree_structure"])
    ]


def edge_rows(booster, values: np.ndarray) -> np.ndarray:
    """For each split, rows on, just below and just above its threshold."""
    rows = []
    for split in all_splits(booster):
        near = np.float32(np.clip(split["threshold"], -3e38, 3e38))
        for value in (near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))):
            row = values[len(rows) % len(values)].copy()
            # LightGBM takes a number this near 0 for 0, on whichever side of a threshold it is.
            row[split["split_feature"]] = 0 if abs(value) < 2e-35 else value
            rows.append(row)
    return np.stack(rows)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("missing", [(), (0, 1), (0, 1, 2, 3)])
def test_scores_agree_with_lightgbm_on_every_edge_and_without_numbers(k, missing):
    values, labels = problem(k, missing=missing)
    booster = fit_trees(values, labels, k, 1, rounds=25)
    holes = values.copy()
    holes[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
    rows = np.concatenate([values, edge_rows(booster, values), holes, np.full((1, 4), np.nan, np.float32)])
    assert np.abs(run(booster, rows, k) - tree_logits(booster, rows, k)).max() < 1e-5


def test_both_kinds_of_missing_and_both_directions_were_among_them():
    values, labels = problem(3)
    splits = all_splits(fit_trees(values, labels, 3, 1, rounds=25))
    assert {split["missing_type"] for split in splits} == {"NaN", "None"}
    assert {split["default_left"] for split in splits if split["missing_type"] == "NaN"} == {True, False}
    assert {split["threshold"] >= 0 for split in splits if split["missing_type"] == "None"} == {True, False}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_down_gives_the_largest_float32_that_is_not_above(threshold):
    below = _float32_below(threshold)
    assert float(np.float32(below)) == below
    assert below <= threshold
    with np.errstate(over="ignore"):
        above = float(np.nextafter(np.float32(below), np.float32(np.inf)))
    assert above > threshold


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(width=32, allow_nan=False))
def test_a_float32_number_takes_the_same_branch_at_a_rounded_threshold(threshold, number):
    assert (number <= threshold) == (number <= _float32_below(threshold))


def test_two_classes_share_one_raw_score_between_them():
    values, labels = problem(2)
    booster = fit_trees(values, labels, 2, 1, rounds=10)
    logits = tree_logits(booster, values, 2)
    assert np.allclose(logits[:, 0], -logits[:, 1])
    wanted = booster.predict(values.astype(np.float64))
    assert np.allclose(expit(logits[:, 1] - logits[:, 0]), wanted)


def test_many_classes_have_a_score_each():
    values, labels = problem(4)
    booster = fit_trees(values, labels, 4, 1, rounds=10)
    logits = tree_logits(booster, values, 4)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(probs, booster.predict(values.astype(np.float64)))
    assert np.mean(logits.argmax(axis=1) == labels) > 0.7


@pytest.mark.parametrize("k", [2, 3])
def test_too_few_rows_to_split_give_the_shares_of_the_classes(k):
    values, labels = problem(k, n=12)
    booster = fit_trees(values, labels, k, 1, rounds=5)
    logits = run(booster, values, k)
    assert np.ptp(logits, axis=0).max() == 0
    assert np.allclose(logits, tree_logits(booster, values, k), atol=1e-6)
    shares = np.bincount(labels, minlength=k) / len(labels)
    probs = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert np.allclose(probs, shares, atol=1e-6)


@pytest.mark.parametrize("k", [2, 3])
def test_a_class_without_rows_is_hardly_ever_answered(k):
    values, labels = problem(k)
    present = labels > 0 if k == 3 else labels == 1
    booster = fit_trees(values[present], labels[present], k, 1, rounds=5)
    found = run(booster, values, k)
    assert np.isfinite(found).all()
    assert np.abs(found - tree_logits(booster, values, k)).max() < 1e-4
    probs = np.exp(found - found.max(axis=1, keepdims=True))
    assert (probs[:, 0] / probs.sum(axis=1)).max() < 1e-6


def test_boosting_stops_where_the_held_out_loss_stops_falling():
    values, labels = problem(2, n=1200)
    noisy = np.where(np.random.default_rng(2).random(1200) < 0.3, 1 - labels, labels)
    held_out = (values[900:], noisy[900:])
    booster = fit_trees(values[:900], noisy[:900], 2, 1, held_out=held_out)
    assert 1 <= booster.best_iteration < 400
    again = fit_trees(values[:900], noisy[:900], 2, 1, rounds=booster.best_iteration)
    assert again.num_trees() == booster.best_iteration
    assert np.array_equal(tree_logits(again, values, 2), tree_logits(booster, values, 2))
    assert np.abs(run(booster, values, 2) - tree_logits(booster, values, 2)).max() < 1e-5


def test_the_same_rows_and_seed_give_the_same_bytes():
    values, labels = problem(3)
    one, two = (trees_to_onnx(fit_trees(values, labels, 3, 1, rounds=8), 3) for _ in range(2))
    other = trees_to_onnx(fit_trees(values, labels, 3, 2, rounds=8), 3)
    assert one == two != other


def test_training_prints_nothing(capfd):
    values, labels = problem(2, n=30)
    assert isinstance(fit_trees(values, labels, 2, 1, rounds=3), lightgbm.Booster)
    assert capfd.readouterr() == ("", "")


def test_the_largest_thresholds_are_kept_finite():
    assert _float32_below(1.7e308) == float(np.finfo(np.float32).max)
    assert math.isinf(_float32_below(-1.7e308))

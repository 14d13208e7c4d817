"""Boosted trees in the runtime, beside LightGBM itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.heads.trees import TreesHead
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.errors import BundleFormatError
from smallcraft.models.parts.trees import fit_trees, tree_logits, trees_to_onnx


@pytest.fixture(scope="module", params=[2, 4])
def fitted(request):
    k, rng = request.param, np.random.default_rng(request.param)
    values = rng.normal(size=(600, 5)).astype(np.float32)
    labels = np.digitize(values[:, 0] + values[:, 1], np.linspace(-1, 1, k - 1))
    values[rng.random(values.shape) < 0.1] = np.nan
    booster = fit_trees(values, labels.astype(np.int64), k, 3, rounds=30)
    return k, values, booster, TreesHead.of(trees_to_onnx(booster, k))


def test_scores_agree_with_lightgbm(fitted):
    k, values, booster, head = fitted
    found = head.logits([Dense(values)], len(values))
    wanted = tree_logits(booster, values, k)
    assert (found.dtype, found.shape) == (np.float64, (600, k))
    assert np.abs(found - wanted).max() < 1e-5
    assert wanted.std() > 0.1


@settings(max_examples=20)
@given(order=st.lists(st.integers(0, 599), min_size=1, max_size=300))
def test_a_rows_scores_never_depend_on_its_neighbours(fitted, order):
    _, values, _, head = fitted
    together = head.logits([Dense(values[order])], len(order))
    alone = np.concatenate([head.logits([Dense(values[row : row + 1])], 1) for row in order])
    assert np.array_equal(together, alone)


def test_no_rows_give_no_scores(fitted):
    k, values, _, head = fitted
    assert head.logits([Dense(values[:0])], 0).shape == (0, k)


def test_a_head_survives_the_disk(fitted, tmp_path):
    _, values, _, head = fitted
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"head": head.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    restored = TreesHead.load(
        description["head"], BundleFiles(tmp_path / "bundle", listed_digests(description))
    )
    assert np.array_equal(restored.logits([Dense(values)], 600), head.logits([Dense(values)], 600))


def test_a_graph_that_cannot_be_opened_is_refused():
    with pytest.raises(BundleFormatError, match="cannot open the bundle's graph"):
        TreesHead.of(b"garbage")

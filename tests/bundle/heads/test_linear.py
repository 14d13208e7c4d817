"""The linear head, beside scipy's product; INT8 weights, beside the exact ones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.encoded import Dense, Sparse
from smallcraft.bundle.heads.linear import LinearHead, exact_weights, quantize_weights
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description

seeds = st.integers(0, 2**32 - 1)


def random_sparse(rng, n: int, width: int) -> tuple[Sparse, sp.csr_matrix]:
    matrix = sp.random(n, width, density=0.3, random_state=rng, format="csr", dtype=np.float32)
    matrix.sort_indices()
    encoded = Sparse(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float32), width
    )
    return encoded, matrix


@given(seeds, st.integers(0, 6), st.integers(1, 12), st.integers(1, 5))
def test_logits_agree_with_scipys_product(seed, n, width, k):
    rng = np.random.default_rng(seed)
    block, matrix = random_sparse(rng, n, width)
    values = rng.normal(size=(n, 3)).astype(np.float32)
    weights, more, bias = rng.normal(size=(width, k)), rng.normal(size=(3, k)), rng.normal(size=k)
    head = LinearHead(bias.astype(np.float32), (exact_weights(weights), exact_weights(more)))
    logits = head.logits([block, Dense(values)], n)
    assert logits.shape == (n, k)
    assert np.allclose(logits, matrix @ weights + values @ more + bias, atol=1e-5)


@given(seeds, st.integers(1, 30), st.integers(1, 6), st.floats(1e-6, 1e6))
def test_int8_weights_are_within_half_a_step_of_the_exact_ones(seed, width, k, size):
    weights = np.random.default_rng(seed).normal(size=(width, k)) * size
    part = quantize_weights(weights)
    assert part.values.dtype == np.int8
    step = np.abs(weights).max(axis=0) / 127
    assert (np.abs(part.values * part.scale - weights) <= step * 0.5001).all()


def test_a_class_without_weights_keeps_none():
    weights = np.array([[0.0, 3.0], [0.0, -1.0]])
    part = quantize_weights(weights)
    assert np.array_equal(part.values[:, 0] * part.scale[0], [0, 0])
    assert np.isfinite(part.scale).all()
    assert quantize_weights(np.empty((0, 2))).values.shape == (0, 2)


def test_int8_logits_agree_with_exact_ones_on_nearly_every_label():
    rng = np.random.default_rng(11)
    block, _ = random_sparse(rng, 500, 400)
    weights = rng.normal(size=(400, 20))
    exact, rounded = (
        LinearHead(np.zeros(20, np.float32), (p,))
        for p in (exact_weights(weights), quantize_weights(weights))
    )
    one, two = exact.logits([block], 500), rounded.logits([block], 500)
    assert np.mean(one.argmax(axis=1) == two.argmax(axis=1)) > 0.98
    assert np.abs(one - two).max() < 0.05 * np.abs(one).max()


@given(seeds, st.lists(st.integers(0, 19), min_size=1, max_size=30))
def test_a_rows_logits_never_depend_on_its_neighbours(seed, order):
    rng = np.random.default_rng(seed)
    _, matrix = random_sparse(rng, 20, 33)
    values = rng.normal(size=(20, 17)).astype(np.float32)
    weights = (rng.normal(size=(33, 7)), rng.normal(size=(17, 7)))
    head = LinearHead(np.ones(7, np.float32), (quantize_weights(weights[0]), exact_weights(weights[1])))

    def logits(rows):
        part = matrix[rows]
        block = Sparse(part.indptr.astype(np.int64), part.indices.astype(np.int64), part.data, 33)
        return head.logits([block, Dense(values[rows])], len(rows))

    assert np.array_equal(logits(order), np.concatenate([logits([row]) for row in order]))


def test_blocks_and_weights_must_be_as_many():
    head = LinearHead(np.zeros(2, np.float32), (exact_weights(np.ones((3, 2))),))
    with pytest.raises(ValueError, match="argument"):
        head.logits([], 1)


def test_a_head_survives_the_disk(tmp_path):
    rng = np.random.default_rng(1)
    weights = (rng.normal(size=(9, 4)), rng.normal(size=(3, 4)))
    head = LinearHead(
        rng.normal(size=4).astype(np.float32), (quantize_weights(weights[0]), exact_weights(weights[1]))
    )
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"head": head.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    restored = LinearHead.load(
        description["head"], BundleFiles(tmp_path / "bundle", listed_digests(description))
    )
    block, _ = random_sparse(rng, 5, 9)
    encoded = [block, Dense(rng.normal(size=(5, 3)).astype(np.float32))]
    assert np.array_equal(restored.logits(encoded, 5), head.logits(encoded, 5))
    assert restored.parts[0].values.dtype == np.int8

"""Bins and categories one-hot, beside a reference in plain Python."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description

numbers = st.none() | st.floats(-5, 5) | st.sampled_from([-1.0, 0.0, -0.0, 2.5])
plans = st.none() | st.sampled_from(["free", "paid", "new", ""])
edge_lists = st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.5]), unique=True).map(sorted)


def spec_of(count: int, categories: int) -> InputSpec:
    return InputSpec(
        numbers=tuple(f"n{index}" for index in range(count)),
        categories=tuple(f"c{index}" for index in range(categories)),
    )


def dense(block: OnehotBlock, inputs) -> np.ndarray:
    encoded = block.encode(inputs)
    values = np.zeros((inputs.n, encoded.width))
    for row in range(inputs.n):
        span = slice(encoded.offsets[row], encoded.offsets[row + 1])
        assert (np.diff(encoded.columns[span]) > 0).all()
        values[row, encoded.columns[span]] = encoded.values[span]
    return values


def slots_of_number(edges: list[float], value: float | None) -> list[float]:
    """Missing, then `(-inf, e0]`, `(e0, e1]`, ..., `(e_last, inf)`."""
    bounds = [-math.inf, *edges, math.inf]
    inside = [value is not None and low < value <= high for low, high in pairwise(bounds)]
    return [float(value is None), *map(float, inside)]


def slots_of_category(listed: list[str], value: str | None) -> list[float]:
    return [float(value is None), *(float(value == name) for name in listed)]


@given(st.data(), st.lists(edge_lists, max_size=3), st.integers(0, 2), st.integers(0, 5))
def test_rows_agree_with_a_plain_reference(data, edges, categories, n):
    listed = [
        data.draw(st.lists(st.sampled_from(["free", "paid", ""]), unique=True)) for _ in range(categories)
    ]
    spec = spec_of(len(edges), categories)
    if not spec.names:
        return
    rows = {name: data.draw(st.lists(numbers, min_size=n, max_size=n)) for name in spec.numbers}
    rows |= {name: data.draw(st.lists(plans, min_size=n, max_size=n)) for name in spec.categories}
    block = OnehotBlock(tuple(np.array(e, dtype=np.float64) for e in edges), tuple(map(tuple, listed)), 0.5)
    parts = [
        *((slots_of_number, e, rows[name]) for e, name in zip(edges, spec.numbers, strict=True)),
        *((slots_of_category, v, rows[name]) for v, name in zip(listed, spec.categories, strict=True)),
    ]
    wanted = [
        [slot for slots, known, values in parts for slot in slots(known, values[row])] for row in range(n)
    ]
    found = dense(block, read_inputs(rows, spec))
    assert found.shape == (n, block.width)
    assert np.array_equal(found, 0.5 * np.array(wanted).reshape(n, block.width))


def test_a_block_of_many_columns_survives_the_disk(tmp_path):
    rng = np.random.default_rng(0)
    edges = tuple(np.sort(rng.normal(size=size)) for size in range(12))
    block = OnehotBlock(edges, (("a", "b"), ()), 0.25)
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"block": block.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    files = BundleFiles(tmp_path / "bundle", listed_digests(description))
    restored = OnehotBlock.load(description["block"], files)
    spec = spec_of(12, 2)
    rows = {name: rng.normal(size=6).tolist() for name in spec.numbers}
    rows |= {name: ["a", "b", None, "z", "a", "b"] for name in spec.categories}
    inputs = read_inputs(rows, spec)
    assert np.array_equal(dense(restored, inputs), dense(block, inputs))
    assert (restored.width, restored.gain) == (block.width, 0.25)


def test_a_block_without_numbers_survives_the_disk(tmp_path):
    block = OnehotBlock((), (("a",),), 1.0)
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"block": block.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    restored = OnehotBlock.load(
        description["block"], BundleFiles(tmp_path / "bundle", listed_digests(description))
    )
    assert restored == block

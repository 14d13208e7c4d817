"""Bins and categories that are fitted, beside plain counting."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.models.parts.features import fit_columns, fit_onehot

SPEC = InputSpec(numbers=("age",), categories=("plan",))
rows = st.lists(
    st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | st.sampled_from("abcdefg")),
    min_size=1,
    max_size=60,
)


def parts_of(table, cut=0):
    halves = [half for half in (table[:cut], table[cut:]) if half] or [table]
    return [read_inputs({"age": [a for a, _ in half], "plan": [p for _, p in half]}, SPEC) for half in halves]


@given(rows, st.integers(0, 60))
def test_edges_are_values_seen_ascending_and_at_most_31(table, cut):
    (edges,) = fit_onehot(parts_of(table, cut), beside_text=False).edges
    seen = {age for age, _ in table if age is not None}
    assert edges.dtype == np.float64
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= 31
    assert set(edges.tolist()) <= seen
    assert bool(len(edges)) == bool(seen)


def test_every_bin_of_many_different_numbers_holds_about_as_many():
    ages = np.random.default_rng(0).permutation(3200).astype(float)
    block = fit_onehot(parts_of([(age, None) for age in ages]), beside_text=False)
    counts = np.bincount(np.searchsorted(block.edges[0], ages, side="left"), minlength=32)
    assert len(counts) == 32
    assert counts.min() >= 98
    assert counts.max() <= 102


@given(rows, st.integers(0, 60))
def test_categories_are_those_seen_twice_in_one_fixed_order(table, cut):
    counts = Counter(plan for _, plan in table if plan is not None)
    wanted = tuple(sorted(plan for plan, count in counts.items() if count >= 2))
    parts = parts_of(table, cut)
    assert fit_onehot(parts, beside_text=True).categories == (wanted,)
    assert fit_columns(parts).categories == (wanted,)
    assert fit_columns(parts).numbers == 1


def test_only_the_128_most_frequent_categories_get_a_slot():
    plans = [f"plan{number:03d}" for number in range(200) for _ in range(2 + (number >= 150))]
    (listed,) = fit_columns(parts_of([(None, plan) for plan in plans])).categories
    assert len(listed) == 128
    assert {f"plan{number:03d}" for number in range(150, 200)} <= set(listed)
    assert set(listed) == {f"plan{number:03d}" for number in (*range(78), *range(150, 200))}


def test_beside_text_a_rows_slots_have_length_one_together():
    parts = parts_of([(1.0, "a"), (2.0, "a"), (3.0, "b"), (3.0, "b")])
    encoded = fit_onehot(parts, beside_text=True).encode(parts[0])
    for row in range(4):
        values = encoded.values[encoded.offsets[row] : encoded.offsets[row + 1]]
        assert np.linalg.norm(values) == pytest.approx(1)
    assert set(fit_onehot(parts, beside_text=False).encode(parts[0]).values.tolist()) == {1.0}

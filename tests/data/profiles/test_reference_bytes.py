"""References as bytes: what comes back measures and compares as what was written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.data.profiles.test_reference import drawn

from smallcraft.data.profiles.domain import DomainScore, NumberWeight
from smallcraft.data.profiles.measuring import measure_rows
from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.reference_bytes import read_measures, read_reference, write_reference
from smallcraft.data.profiles.rows import Rows
from smallcraft.errors import IntegrityError


@pytest.fixture(scope="module")
def reference():
    domain = DomainScore(
        0.5, {"age": NumberWeight(0.0, 1.0, 2.0)}, {"city": {"Bern": 1.0}}, np.arange(9, dtype=np.float32)
    )
    made = make_reference(
        drawn(200, 0),
        rng=np.random.default_rng(0),
        buckets=np.arange(200) % 2,
        season="hour_of_week",
        train_domain=lambda rows: domain,
    )
    return replace(made, baselines={"age": 0.25})


@pytest.fixture(scope="module")
def data(reference):
    return write_reference(reference)


def test_reference_comes_back(reference, data):
    found = read_reference(data)
    assert (found.season, found.baselines) == ("hour_of_week", {"age": 0.25})
    assert found.profiles == reference.profiles
    assert write_reference(found) == data


def test_rows_are_measured_as_before(reference, data):
    rows = drawn(50, 3)
    expected = measure_rows(rows, reference.measures)
    for measures in (read_reference(data).measures, read_measures(data)):
        found = measure_rows(rows, measures)
        assert found.profile == expected.profile
        np.testing.assert_array_equal(found.distances, expected.distances)


def test_reference_without_texts_and_embeddings_comes_back():
    reference = make_reference(Rows(3, numbers={"age": np.arange(3.0)}), rng=np.random.default_rng(0))
    found = read_reference(write_reference(reference))
    assert found.profiles == reference.profiles
    assert found.measures == reference.measures


@pytest.mark.parametrize("place", [0, 5, 10, 40, -1])
def test_changed_byte_is_refused(data, place):
    changed = bytearray(data)
    changed[place] ^= 1
    for read in (read_reference, read_measures):
        with pytest.raises(IntegrityError, match="m/reference must be a reference of format 1"):
            read(bytes(changed), name="m/reference")


def test_cut_bytes_are_refused(data):
    for cut in (0, 4, 20, 60, len(data) - 1):
        with pytest.raises(IntegrityError, match="take the release from the registry again"):
            read_reference(data[:cut])


def test_reference_of_a_small_model_is_small(data):
    assert len(data) < 60_000

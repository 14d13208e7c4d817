"""Keys in buckets are all read back, once, and those of one digest together."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.partitions.buckets import FILES, Buckets, read_parts

KIND = np.dtype([("high", np.uint64), ("number", np.uint32)])


def keys_of(highs: np.ndarray) -> np.ndarray:
    keys = np.empty(len(highs), dtype=KIND)
    keys["high"], keys["number"] = highs, np.arange(len(highs))
    return keys


@pytest.fixture(scope="module")
def highs():
    """Each digest three times, all over the files."""
    once = np.random.default_rng(0).integers(0, 2**64, 4_000, dtype=np.uint64)
    return np.random.default_rng(1).permutation(np.concatenate([once, once, once]))


@pytest.mark.parametrize("part_bytes", [1 << 20, 300, 20])
def test_every_key_is_read_once_and_a_digest_in_one_part(tmp_path, highs, part_bytes):
    buckets = Buckets(tmp_path, KIND)
    for part in np.array_split(keys_of(highs), 5):
        buckets.add(part)
    parts = [part for (part,) in read_parts(buckets, part_bytes=part_bytes)]
    assert sorted(np.concatenate(parts)["number"].tolist()) == [*range(len(highs))]
    assert sum(len(np.unique(part["high"])) for part in parts) == len(np.unique(highs))


def test_parts_are_about_as_large_as_is_said(tmp_path, highs):
    buckets = Buckets(tmp_path, KIND)
    buckets.add(keys_of(highs))
    sizes = [part.nbytes for (part,) in read_parts(buckets, part_bytes=300)]
    assert len(sizes) > FILES
    assert max(sizes) < 600


def test_keys_of_two_kinds_are_read_side_by_side(tmp_path, highs):
    """Also where one of them has none."""
    left, right = Buckets(tmp_path / "left", KIND), Buckets(tmp_path / "right", KIND)
    left.add(keys_of(highs))
    right.add(keys_of(np.unique(highs)[::7]))
    found = set()
    for ours, theirs in read_parts(left, right, part_bytes=400):
        assert set(theirs["high"].tolist()) <= set(ours["high"].tolist())
        found |= set(theirs["high"].tolist())
    assert found == set(np.unique(highs)[::7].tolist())


def test_without_keys_all_parts_are_empty(tmp_path):
    assert sum(len(part) for (part,) in read_parts(Buckets(tmp_path, KIND))) == 0

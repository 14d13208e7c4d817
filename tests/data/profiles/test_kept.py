"""Kept rows: the same of many parts as of all rows at once; the random arm has its stated chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.profiles.kept import KeepLimits, KeptRow, KeptRows, keep_rows, merge_kept
from smallcraft.errors import InvalidInputError

LIMITS = KeepLimits(random=4, unsure=3, far=2)


def rows(count, *, seed=0, first=0):
    rng = np.random.default_rng(seed)
    return [
        KeptRow(int(draw), f'{{"row": {first + row}}}', "a", float(rng.uniform()), float(rng.normal()))
        for row, draw in enumerate(rng.integers(0, 1 << 63, count))
    ]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(0, 99))
def test_what_is_kept_of_parts_is_what_is_kept_of_all(sizes, seed):
    parts = [rows(size, seed=[seed, place]) for place, size in enumerate(sizes)]
    together = [row for part in parts for row in part]
    merged = merge_kept([keep_rows(part, n=len(part), limits=LIMITS) for part in parts])
    assert merged == keep_rows(together, n=len(together), limits=LIMITS)
    assert merged == merge_kept([keep_rows(part, n=len(part), limits=LIMITS) for part in parts[::-1]])


def test_arms_hold_what_they_promise():
    every = rows(50)
    kept = keep_rows(every, n=50, limits=LIMITS)
    assert list(kept.random) == sorted(every, key=lambda row: row.draw)[:4]
    assert list(kept.unsure) == sorted(every, key=lambda row: row.confidence)[:3]
    assert list(kept.far) == sorted(every, key=lambda row: -row.distance)[:2]
    assert len(kept.rows) <= 9
    assert kept.inclusion == 4 / 50


def test_every_row_has_the_stated_chance_of_the_random_arm():
    hits = np.zeros(20)
    for seed in range(2_000):
        kept = keep_rows(rows(20, seed=seed), n=20, limits=KeepLimits(random=5, unsure=0, far=0))
        for row in kept.random:
            hits[int(row.record.split()[1][:-1])] += 1
    # 2,000 draws of chance 1/4: 500, standard deviation 19; the largest of 20 stays within 4 of them.
    assert np.abs(hits - 500).max() < 80


def test_rows_without_confidence_or_distance_are_in_the_random_arm_alone():
    kept = keep_rows([KeptRow(draw, "{}") for draw in range(10)], n=10, limits=LIMITS)
    assert kept.unsure == kept.far == ()
    assert len(kept.rows) == 4


def test_arm_without_room_is_empty():
    kept = keep_rows(rows(10), n=10, limits=KeepLimits(0, 2, 0))
    assert kept.random == kept.far == ()
    assert kept.inclusion == 0.0
    assert len(kept.rows) == 2


def test_nothing_seen_has_no_chance():
    assert KeptRows(0, LIMITS).inclusion is None


def test_few_rows_are_all_kept_with_certainty():
    assert keep_rows(rows(3), n=3, limits=LIMITS).inclusion == 1.0


def test_parts_under_different_limits_are_refused():
    with pytest.raises(InvalidInputError, match="one set of limits, got 2"):
        merge_kept([KeptRows(0, LIMITS), KeptRows(0, KeepLimits())])

"""Laws of the compiled search for neighbours: each loop answers as its plain twin does."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.stats.kernels.neighbours import (
    admit,
    count_meetings,
    hash_rows,
    keep_best,
    keep_best_plain,
    meet,
    pack_signs,
    pack_signs_plain,
    plain_pairs,
)


def drawn(n: int, d: int, seed: int) -> np.ndarray:
    """Rows in tight groups of three."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(n // 3 + 1, d)), 3, axis=0)[:n]
    return (centres + 0.1 * rng.normal(size=(n, d))).astype(np.float32)


def room(n: int, each: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.empty(n * each, np.int32), np.empty(n * each, np.int32), np.empty(n * each)


def as_set(found, count: int) -> set[tuple[int, int]]:
    return set(zip(found[0][:count].tolist(), found[1][:count].tolist(), strict=True))


@pytest.mark.parametrize("signs", [1, 63, 64, 65, 200])
def test_packed_signs_agree_with_plain_numpy(signs):
    products = np.random.default_rng(signs).normal(size=(50, signs)).astype(np.float32)
    products[0, 0] = 0
    packed, plain = (np.empty((50, -(-signs // 64)), dtype=np.uint64) for _ in range(2))
    pack_signs(products, packed)
    pack_signs_plain(products, plain)
    assert np.array_equal(packed, plain)


def test_equal_rows_hash_alike_and_others_do_not():
    rows = np.random.default_rng(0).normal(size=(2_000, 3)).astype(np.float32)
    rows[7] = rows[3]
    hashes = np.empty(2_000, dtype=np.uint64)
    hash_rows(rows, hashes)
    assert hashes[7] == hashes[3]
    assert len(np.unique(hashes)) == 1_999


@pytest.mark.parametrize(("bits", "tables"), [(3, 40), (5, 60), (20, 3)])
def test_what_meets_is_what_shares_the_bits_of_a_table(bits, tables):
    """With no other filter, pairs found are those above the cosine that agree in some table."""
    rows = drawn(300, 16, seed=bits)
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    signs = np.random.default_rng(1).normal(size=(16, bits * tables)).astype(np.float32)
    signatures = np.empty((300, -(-bits * tables // 64)), dtype=np.uint64)
    pack_signs(rows @ signs, signatures)
    keys = ((rows @ signs) >= 0).reshape(300, tables, bits)
    first, second = plain_pairs(rows, norms, 0.9)
    meets = (keys[first] == keys[second]).all(axis=2).any(axis=1)
    wanted = set(zip(first[meets].tolist(), second[meets].tolist(), strict=True))
    found, taken = room(300, 300), np.zeros(300, dtype=np.int32)
    nothing = np.empty(0, dtype=np.int64)
    limits = (bits, tables, bits * tables)
    count = meet((rows, norms, np.arange(300)), signatures, nothing, found, taken, limits, 0.9, 300)
    assert count == len(wanted) > 50
    assert as_set(found, count) == wanted
    together = np.array(
        [(keys[:, None, table] == keys[None, :, table]).all(axis=2) for table in range(tables)]
    )
    pairs = sum(int(np.triu(table, 1).sum()) for table in together)
    assert count_meetings(signatures, bits, tables, 300) == pairs
    assert count_meetings(signatures, bits, tables, 1) <= min(pairs, 299 * tables)


def test_admitted_candidates_are_those_above_the_cosine_and_across_sides():
    rows = drawn(90, 8, seed=4)
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    sides = np.arange(90) % 2
    every = np.triu_indices(90, 1)
    found, taken = room(90, 90), np.zeros(90, dtype=np.int32)
    count = admit((rows, norms, np.arange(90)), sides, every, found, taken, 0, 0.9)
    first, second = plain_pairs(rows, norms, 0.9)
    across = sides[first] != sides[second]
    assert as_set(found, count) == set(zip(first[across].tolist(), second[across].tolist(), strict=True))
    assert np.array_equal(taken, np.bincount(np.append(first[across], second[across]), minlength=90))


def test_pairs_of_two_full_rows_are_left_out_and_no_row_is_left_alone():
    rows = np.ones((40, 4), dtype=np.float32)
    found, taken = room(40, 2), np.zeros(40, dtype=np.int32)
    nothing = np.empty(0, dtype=np.int64)
    count = admit(
        (rows, np.full(40, 2.0), np.arange(40)), nothing, np.triu_indices(40, 1), found, taken, 0, 0.9
    )
    assert count <= 80
    assert (taken >= 1).all()


@pytest.mark.parametrize("k", [1, 3, 9])
def test_the_best_so_far_agree_with_plain_numpy(k):
    rng = np.random.default_rng(k)
    best, plain = (np.full((20, k), -np.inf, dtype=np.float32) for _ in range(2))
    rows, plain_rows = (np.full((20, k), -1, dtype=np.int64) for _ in range(2))
    for begin, width in ((0, 5), (5, 40), (45, 1)):
        products = rng.integers(-4, 5, size=(20, width)).astype(np.float32)
        products[rng.random(products.shape) < 0.2] = np.nan
        keep_best(products, begin, best, rows)
        keep_best_plain(products, begin, plain, plain_rows)
    assert np.array_equal(best, plain)
    assert np.array_equal(rows, plain_rows)

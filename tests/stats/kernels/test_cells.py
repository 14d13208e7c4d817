import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.cell_bootstrap import sample_tables
from smallcraft.stats.kernels.cells import (
    count_pairs,
    count_pairs_plainly,
    count_triples,
    count_triples_plainly,
    draw_sums,
    draw_sums_plainly,
    fill_tables,
    fill_tables_plainly,
    locate,
    random_numbers,
)


@given(st.integers(1, 50), st.integers(1, 6), st.booleans(), st.integers(0, 1000))
def test_counting_pairs_equals_its_plain_twin(n, k, is_broken, seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(-1, k, n), rng.integers(0, k, n)
    if is_broken:
        (truth, predicted)[rng.integers(2)][rng.integers(n)] = rng.choice([-2, k])
    tallies, plain = np.zeros((2, 4, (k + 1) * k), dtype=np.int64)
    done = count_pairs(truth, predicted, k, tallies)
    assert done == count_pairs_plainly(truth, predicted, k, plain) == (not is_broken)
    if done:
        assert tallies.sum(axis=0).tolist() == plain.sum(axis=0).tolist()


@given(st.integers(1, 50), st.integers(1, 5), st.booleans(), st.integers(0, 1000))
def test_counting_triples_equals_its_plain_twin(n, k, is_broken, seed):
    rng = np.random.default_rng(seed)
    sizes = np.array([k, k + 1, 2])
    columns = tuple(rng.integers(0, size, n) for size in sizes)
    if is_broken:
        at = rng.integers(3)
        columns[at][rng.integers(n)] = rng.choice([-1, sizes[at]])
    tally, plain = np.zeros((2, int(sizes.prod())), dtype=np.int64)
    done = count_triples(columns, sizes, tally)
    assert done == count_triples_plainly(columns, sizes, plain) == (not is_broken)
    if done:
        assert tally.tolist() == plain.tolist()


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=4))
def test_tables_equal_scipys_poisson_distribution(rates):
    rates = np.array(rates)
    spread = np.ceil(9 * np.sqrt(rates)).astype(int) + 16
    lows = np.maximum(rates.astype(int) - spread, 0)
    starts = np.concatenate([[0], np.cumsum(rates.astype(int) + spread + 1 - lows)])
    tables = [(np.empty(starts[-1]), np.empty(starts[-1], dtype=np.int64)) for _ in range(2)]
    fill_tables(rates, lows, starts, *tables[0])
    fill_tables_plainly(rates, lows, starts, *tables[1])
    assert tables[0][0] == pytest.approx(tables[1][0], abs=1e-11)
    for begin, end in itertools.pairwise(starts):
        part = tables[0][0][begin:end]
        expected = np.searchsorted(part, np.arange(len(part)) / len(part), side="right")
        assert tables[0][1][begin:end].tolist() == expected.tolist()


def test_a_search_begins_at_the_first_place_above():
    cumulative, guide = np.array([0.1, 0.5, 0.5, 1.0]), np.empty(4, dtype=np.int64)
    locate(cumulative, guide)
    assert guide.tolist() == [0, 1, 3, 3]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 2**63))
def test_drawing_equals_its_plain_twin(counts, seed):
    counts = np.array(counts)
    n = int(counts.sum())
    tables = sample_tables(counts / n * (n - np.sqrt(n)))
    targets = np.column_stack([np.arange(len(counts)), np.full(len(counts), len(counts))])
    out, plain = np.zeros((2, 5, len(counts) + 1))
    draw_sums(tables, targets, n, np.uint64(seed), out)
    draw_sums_plainly(tables, targets, n, np.uint64(seed), plain)
    assert out.tolist() == plain.tolist()
    assert out[:, -1].tolist() == [n] * 5


def test_random_numbers_are_splitmix64():
    """The first three outputs for the seed 1234567, as the reference implementation prints them."""
    words = np.array([6457827717110365317, 3203168211198807973, 9817491932198370423], dtype=np.uint64)
    expected = (words >> np.uint64(11)).astype(float) * 2.0**-53
    assert random_numbers(np.uint64(1234567), 0, 3).tolist() == expected.tolist()
    assert random_numbers(np.uint64(1234567), 1, 2).tolist() == expected[1:].tolist()

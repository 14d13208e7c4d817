import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.stats import histograms
from smallcraft.stats.histograms import tally_plainly
from smallcraft.stats.kernels.histograms import LANES, N_OTHERS, RAW_CELLS, tally

# Any 64 bits: denormals, both zeros, both infinities, every kind of NaN, the largest and the smallest.
WORDS = st.lists(
    st.one_of(
        st.integers(0, 2**64 - 1),
        st.sampled_from([0, 1 << 63, 1, (1 << 63) + 1, 0x7FF << 52, 0xFFF << 52, (0x7FF << 52) + 1]),
        st.sampled_from([(1 << 63) - 1, (0x7FF << 52) - 1, (0xFFF << 52) + 1, 0x7FF8 << 48, 1 << 52]),
    ),
    max_size=60,
)


@pytest.fixture(scope="module")
def scratch():
    return (
        np.zeros((LANES, RAW_CELLS), np.uint32),
        np.empty(RAW_CELLS, np.int32),
        np.empty(RAW_CELLS, np.int64),
    )


def counted(values, scratch):
    tables, keys, counts = scratch
    found, sums = np.zeros(N_OTHERS, np.int64), np.zeros(2)
    cells = tally(values, values.view(np.uint64), tables, keys, counts, found, sums)
    return keys[:cells].tolist(), counts[:cells].tolist(), found.tolist(), sums


def plainly(values):
    cells = tally_plainly(values)
    apart = [cells.nans, cells.below, cells.above]
    return cells.keys.tolist(), cells.counts.tolist(), apart, np.array([cells.total, cells.squares])


@settings(deadline=None)
@given(words=WORDS)
def test_counting_any_bits_equals_its_plain_twin_and_leaves_the_tables_zero(words, scratch):
    values = np.array(words, dtype=np.uint64).view(np.float64)
    *compiled, sums = counted(values, scratch)
    *plain, plain_sums = plainly(values)
    assert compiled == plain
    np.testing.assert_allclose(sums, plain_sums, rtol=1e-12, atol=1e-300)
    assert not scratch[0].any()


@pytest.mark.parametrize("length", [0, 1, 3, 2047, 2048, 2049, 6001])
def test_every_block_and_rest_is_counted_once(length, scratch):
    rng = np.random.default_rng(length)
    values = rng.standard_cauchy(length)
    values[rng.random(length) < 0.01] = np.nan
    *compiled, sums = counted(values, scratch)
    *plain, plain_sums = plainly(values)
    assert compiled == plain
    assert sum(compiled[1]) + sum(compiled[2]) == length
    np.testing.assert_allclose(sums, plain_sums, rtol=1e-9)


def test_many_values_take_the_compiled_way_and_agree(monkeypatch):
    values = np.random.default_rng(4).normal(size=5000)
    few = histograms.count_values(values)
    monkeypatch.setattr(histograms, "COMPILED_VALUES", 1)
    many = histograms.count_values(values, nulls=2)
    assert many.keys.tolist() == few.keys.tolist()
    assert many.counts.tolist() == few.counts.tolist()
    assert (many.n, many.nulls) == (5002, 2)
    assert many.total == pytest.approx(few.total, rel=1e-9)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.share_tests import g_test, require_counts

COUNTS = arrays.arrays(np.int64, (2, 6), elements=st.integers(0, 200)).filter(
    lambda c: c.sum(axis=1).min() > 0
)


@given(COUNTS)
def test_the_g_test_agrees_with_scipy(counts):
    met = counts[:, counts.sum(axis=0) > 0]
    found = g_test(*counts.astype(float), least_expected=0)
    oracle = stats.chi2_contingency(met, correction=False, lambda_="log-likelihood")
    assert found.statistic == pytest.approx(oracle.statistic, abs=1e-8)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-8)
    assert found.freedom == oracle.dof


@pytest.mark.parametrize(
    "shares", [[0.4, 0.4, 0.1, 0.09, 0.01], [0.9, 0.0985, *[0.0005] * 3], np.full(60, 1 / 60)]
)
@pytest.mark.parametrize("rows", [(2000, 100), (100, 100)])
def test_p_values_keep_their_level_however_empty_the_bins(shares, rows):
    """4,000 pairs without a change; seed 31."""
    rng = np.random.default_rng(31)
    old, new = (rng.multinomial(n, shares, size=4000).astype(float) for n in rows)
    p_values = g_test(old, new).p_value
    for level in (0.05, 0.2):
        assert (p_values <= level).mean() <= 1.25 * level + 4 * np.sqrt(level / 4000)


@given(COUNTS, st.permutations(range(6)))
def test_the_order_of_the_bins_and_empty_ones_change_nothing(counts, order):
    old, new = counts.astype(float)
    plain = g_test(old, new)
    moved = g_test(np.append(old[order], [0, 0]), np.append(new[order], [0, 0]))
    assert moved.statistic == pytest.approx(plain.statistic, abs=1e-9)
    assert moved.freedom == plain.freedom


def test_a_single_row_beyond_the_reference_is_no_evidence_and_many_are():
    old = np.array([0.0, 1000.0, 1000.0, 0.0])
    assert g_test(old, np.array([0.0, 150.0, 149.0, 1.0])).p_value > 0.1
    assert g_test(old, np.array([0.0, 130.0, 130.0, 40.0])).p_value < 1e-6


def test_sides_without_rows_are_not_tested_and_mismatched_ones_refused():
    assert np.isnan(g_test(np.zeros(3), np.ones(3)).p_value)
    assert g_test(np.array([5.0, 0.0]), np.array([9.0, 0.0])).p_value == 1
    with pytest.raises(InvalidInputError, match="counts of at least 0"):
        require_counts(np.ones(2), -np.ones(2))

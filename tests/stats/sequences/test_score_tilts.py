import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.histograms import EMPTY, count_values
from smallcraft.stats.reference_bins import count_numeric, numeric_bins
from smallcraft.stats.sequences.score_tilts import (
    ScoreShift,
    change_p_values,
    log_tilt_evidence,
    score_shift,
    shift_p_value,
    spread_p_value,
)

LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_cauchy(n),
    "counts": lambda rng, n: rng.poisson(3, n).astype(float),
    "mostly zero": lambda rng, n: np.where(rng.random(n) < 0.8, 0.0, rng.gamma(2, 1, n)),
}


@pytest.mark.parametrize("law", LAWS)
def test_p_values_are_uniform_or_larger_for_rows_of_the_same_law(law):
    """300 batches of 300 rows, each beside a reference of 2,000 of its own; seed 21."""
    rng = np.random.default_rng(21)
    shift, spread, bins = [], [], []
    for _ in range(300):
        reference, batch = (count_values(LAWS[law](rng, n)) for n in (2000, 300))
        found = score_shift(reference, batch)
        shift.append(shift_p_value(found))
        spread.append(spread_p_value(found))
        own = numeric_bins(reference, bins=8)
        bins.append(float(change_p_values(count_numeric(reference, own), count_numeric(batch, own))))
    for level in (0.05, 0.2):
        for found in (shift, bins) if law != "normal" else (shift, spread, bins):
            assert np.mean(np.array(found) <= level) <= level + 4 * np.sqrt(level / 300)


def test_a_shift_within_the_tolerance_raises_nothing_however_many_rows():
    rng = np.random.default_rng(22)
    reference, batch = count_values(rng.normal(size=200_000)), count_values(rng.normal(0.04, 1, 200_000))
    bins = numeric_bins(reference)
    counts = count_numeric(reference, bins), count_numeric(batch, bins)
    found = score_shift(reference, batch)
    assert shift_p_value(found) < 1e-6
    assert shift_p_value(found, tolerance_sd=0.05) > 0.5
    assert change_p_values(*counts) < 1e-6
    assert change_p_values(*counts, tolerance_sd=0.05) > 0.5


def test_a_shift_at_the_tolerance_is_claimed_no_more_often_than_the_level():
    """400 batches shifted by exactly the tolerance; seed 23."""
    rng = np.random.default_rng(23)
    reference = count_values(rng.normal(size=50_000))
    bins = numeric_bins(reference, bins=8)
    of_reference = count_numeric(reference, bins)
    shift, change = [], []
    for _ in range(400):
        batch = count_values(rng.normal(0.1, 1, 500))
        shift.append(shift_p_value(score_shift(reference, batch), tolerance_sd=0.1))
        change.append(float(change_p_values(of_reference, count_numeric(batch, bins), tolerance_sd=0.1)))
    assert np.mean(np.array(shift) <= 0.1) <= 0.15
    assert np.mean(np.array(change) <= 0.1) <= 0.15


@given(st.floats(0, 0.3), st.floats(0, 0.3))
def test_more_tolerance_is_a_larger_p_value(first, second):
    low, high = sorted((first, second))
    found = ScoreShift(0.2, 1.3, 400, 5000)
    for p_value in (shift_p_value, spread_p_value):
        assert p_value(found, tolerance_sd=low) <= p_value(found, tolerance_sd=high)
    old, new = np.array([900.0, 1100.0]), np.array([120.0, 80.0])
    assert change_p_values(old, new, tolerance_sd=low) <= change_p_values(old, new, tolerance_sd=high) + 1e-12


def test_scores_do_not_hang_on_how_a_column_is_written():
    rng = np.random.default_rng(24)
    old, new = rng.normal(size=4000), rng.normal(0.3, 1.4, 1000)
    plain = score_shift(count_values(old), count_values(new))
    written = score_shift(count_values(np.exp(old)), count_values(np.exp(new)))
    assert written.shift_sd == pytest.approx(plain.shift_sd, abs=0.01)
    assert written.spread_ratio == pytest.approx(plain.spread_ratio, abs=0.01)
    assert plain.spread_ratio == pytest.approx(1.4, abs=0.1)


def test_one_wild_value_is_one_value():
    rng = np.random.default_rng(25)
    old, new = rng.normal(size=4000), rng.normal(0.5, 1, 500)
    clean = score_shift(count_values(old), count_values(new)).shift_sd
    wild = score_shift(count_values(np.append(old, 1e6)), count_values(np.append(new, -1e9))).shift_sd
    assert wild == pytest.approx(clean, abs=0.02)


def test_without_a_tolerance_it_is_the_likelihood_ratio_test():
    old, new = np.array([300.0, 500.0, 200.0]), np.array([40.0, 40.0, 30.0])
    oracle = stats.chi2_contingency(np.stack([old, new]), correction=False, lambda_="log-likelihood")
    assert change_p_values(old, new) == pytest.approx(oracle.pvalue)


def test_evidence_averages_one_at_most_within_the_tolerance():
    """20,000 batches of 40 rows at the tolerance; seed 26."""
    rng = np.random.default_rng(26)
    e_values = [
        np.exp(log_tilt_evidence(ScoreShift(mean, 1.0, 40, 10**6), tolerance_sd=0.1, sizes=(0.3, 0.5)))
        for mean in rng.normal(0.1, 1 / np.sqrt(40), 20000)
    ]
    assert np.mean(e_values, axis=0).max() <= 1.1
    assert np.mean(e_values, axis=0)[:2] == pytest.approx(1, abs=0.15)


def test_columns_that_cannot_be_scored_have_no_shift():
    some = count_values(np.array([1.0, 2.0]))
    assert score_shift(some, EMPTY) is None
    assert score_shift(count_values(np.ones(3)), some) is None
    assert np.isnan(change_p_values(np.ones(3), np.zeros(3), tolerance_sd=0.1))


def test_a_tolerance_below_the_references_own_error_is_refused():
    with pytest.raises(InvalidInputError, match="a reference of 100 rows needs a tolerance"):
        log_tilt_evidence(ScoreShift(0.1, 1, 10, 100), tolerance_sd=0.1, sizes=(0.5,))
    with pytest.raises(InvalidInputError, match="at least 0 standard deviations"):
        shift_p_value(ScoreShift(0.1, 1, 10, 100), tolerance_sd=-0.1)

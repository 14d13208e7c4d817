import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.intervals import clopper_pearson_interval, wilson_interval
from smallcraft.stats.share_bounds import exact_bounds, stratified_level, wilson_bounds

SHARES = st.lists(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=6
)


@given(SHARES, st.sampled_from([0.8, 0.95, 0.99]))
def test_arrays_of_shares_have_the_bounds_of_each_alone(shares, level):
    hits, trials = (np.array(part, dtype=float) for part in zip(*shares, strict=True))
    for bounds, alone in ((exact_bounds, clopper_pearson_interval), (wilson_bounds, wilson_interval)):
        expected = [alone(*share, level=level) for share in shares]
        low, high = bounds(hits, trials, level=level)
        assert low.tolist() == pytest.approx([found.low for found in expected], abs=1e-12)
        assert high.tolist() == pytest.approx([found.high for found in expected], abs=1e-12)


def test_what_was_not_tried_has_no_bounds():
    for bounds in (exact_bounds, wilson_bounds):
        low, high = bounds(np.array([0.0, 1.0]), np.array([0.0, 4.0]))
        assert np.isnan([low[0], high[0]]).all()
        assert 0 < low[1] < 0.25 < high[1] < 1


def test_shares_of_equal_rows_share_the_width_by_the_root_of_their_number():
    from scipy import stats

    each = stratified_level(np.full(16, 30.0), level=0.95)
    assert stats.norm.ppf(0.5 + each / 2) == pytest.approx(stats.norm.ppf(0.975) / 4)
    assert stratified_level(np.array([1000.0, 1.0]), level=0.95) == pytest.approx(0.95, abs=0.02)

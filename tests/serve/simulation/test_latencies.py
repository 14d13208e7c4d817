import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.serve.simulation.latencies import TAIL_BEGINS, LatencyLaw, log_quantiles, normal_quantiles

laws = st.builds(
    lambda median_s, times: LatencyLaw(median_s, median_s * times),
    st.floats(1e-4, 10),
    st.floats(1.05, 100),
)


@given(laws)
def test_a_law_has_the_median_and_the_99th_percentile_it_was_made_from(law):
    assert law.quantile_s(0.5) == pytest.approx(law.median_s)
    assert law.quantile_s(0.99) == pytest.approx(law.p99_s)


@given(laws)
def test_quantiles_rise_and_body_and_tail_meet(law):
    shares = np.linspace(0.001, 0.999, 400)
    quantiles = [law.quantile_s(share) for share in shares]
    assert (np.diff(quantiles) > 0).all()
    assert law.quantile_s(TAIL_BEGINS - 1e-12) == pytest.approx(law.p95_s, rel=1e-6)


def test_the_tail_begins_earlier_than_that_of_a_normal_law_and_is_heavier():
    law = LatencyLaw(0.020, 0.100)
    assert law.p95_s == pytest.approx(0.020 * 5**0.6)
    assert law.tail == pytest.approx(2.5, abs=0.01)
    normal = 0.020 * 5 ** (stats.norm.ppf(0.999) / stats.norm.ppf(0.99))
    assert law.quantile_s(0.999) > 1.4 * normal


@given(laws, st.floats(0.951, 0.9999))
def test_the_share_above_a_quantile_is_what_it_leaves(law, share):
    assert law.share_above(law.quantile_s(share)) == pytest.approx(1 - share)


@given(laws)
def test_a_stretched_tail_has_its_99th_percentile_so_many_times_as_late(law):
    assert law.share_above(1.5 * law.p99_s, stretch=1.5) == pytest.approx(0.01)


@given(laws)
def test_the_body_that_is_drawn_from_is_that_of_the_law(law):
    drawn = np.exp(log_quantiles(law))
    places = [10, 2000, 4000]
    shares = [(place + 0.5) / len(drawn) * TAIL_BEGINS for place in places]
    assert drawn[places] == pytest.approx([law.quantile_s(share) for share in shares])


def test_normal_quantiles_have_mean_0_and_variance_1():
    drawn = normal_quantiles()
    assert drawn.mean() == pytest.approx(0, abs=1e-12)
    assert drawn.var() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("median_s", "p99_s"), [(0.1, 0.05), (0.1, 0.1), (0, 1), (1, float("inf"))])
def test_a_law_without_a_rise_is_refused(median_s, p99_s):
    with pytest.raises(InvalidInputError, match="0 < median < p99"):
        LatencyLaw(median_s, p99_s)


def test_a_share_above_what_is_no_tail_is_refused():
    with pytest.raises(InvalidInputError, match="use `quantile_s`"):
        LatencyLaw(0.02, 0.1).share_above(0.02)

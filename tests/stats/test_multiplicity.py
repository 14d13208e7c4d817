import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from smallcraft.errors import InvalidInputError
from smallcraft.stats.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    claims_by_e_values,
    holm,
)

P_VALUES = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=30)


@given(P_VALUES)
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    np.testing.assert_allclose(
        benjamini_hochberg(p_values), stats.false_discovery_control(p_values), rtol=1e-12
    )


@given(P_VALUES)
def test_each_is_at_least_as_cautious_as_the_next(p_values):
    plain, step, loose = p_values, holm(p_values), benjamini_hochberg(p_values)
    assert np.all(np.minimum(np.asarray(plain) * len(plain), 1) >= step - 1e-15)  # Bonferroni
    assert np.all(step >= loose - 1e-15)
    assert np.all(loose >= np.asarray(plain) - 1e-15)
    assert np.all(step <= 1)


@given(P_VALUES, st.randoms())
def test_order_in_is_order_out(p_values, random):
    places = list(range(len(p_values)))
    random.shuffle(places)
    for adjust in (holm, benjamini_hochberg, benjamini_yekutieli):
        shuffled = adjust([p_values[place] for place in places])
        assert shuffled.tolist() == adjust(p_values)[places].tolist()


def test_the_share_of_false_claims_is_kept_where_plain_p_values_lose_it():
    """80 of 100 tests have nothing to find, 20 lie two and a half standard errors off; seed 5."""
    rng = np.random.default_rng(5)
    shares, plain = [], []
    for _ in range(400):
        scores = rng.standard_normal(100)
        scores[80:] += 2.5
        p_values = stats.norm.sf(scores)
        for claims, kept in ((benjamini_hochberg(p_values) <= 0.1, shares), (p_values <= 0.1, plain)):
            kept.append(claims[:80].sum() / max(1, claims.sum()))
    assert np.mean(shares) <= 0.1
    assert np.mean(plain) > 0.25


def test_one_false_claim_in_a_family_is_kept_to_the_level():
    """Ten tests with nothing to find; seed 6."""
    draws = np.random.default_rng(6).random((2000, 10))
    assert np.mean([holm(row).min() <= 0.05 for row in draws]) <= 0.06
    assert np.mean(draws.min(axis=1) <= 0.05) > 0.3


def test_nothing_tested_gives_nothing():
    assert holm([]).tolist() == benjamini_hochberg([]).tolist() == []
    assert benjamini_yekutieli([]).tolist() == claims_by_e_values([], false_share=0.1).tolist() == []


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg, benjamini_yekutieli])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(adjust, value):
    with pytest.raises(InvalidInputError, match=r"p-values lie in \[0, 1\]"):
        adjust([0.5, value])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_agrees_with_the_step_down_rule(p_values):
    level, order = 0.05, np.argsort(p_values, kind="stable")
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, index in enumerate(order):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected[index] = True
    assert (holm(p_values) <= level).tolist() == rejected.tolist()


def test_holm_refuses_what_is_no_p_value():
    with pytest.raises(InvalidInputError, match=r"p-values lie in \[0, 1\]"):
        holm([0.1, 1.5])


@given(P_VALUES)
def test_benjamini_yekutieli_agrees_with_scipy(p_values):
    np.testing.assert_allclose(
        benjamini_yekutieli(p_values), stats.false_discovery_control(p_values, method="by"), rtol=1e-12
    )


@given(st.lists(st.floats(-3, 12), min_size=1, max_size=12), st.floats(0.02, 0.5))
def test_claims_by_e_values_are_the_largest_set_whose_every_member_is_large_enough(logs, level):
    claimed, m = claims_by_e_values(logs, false_share=level), len(logs)
    order = np.sort(np.exp(logs))[::-1]
    sizes = [k for k in range(1, m + 1) if order[k - 1] >= m / (k * level) * (1 - 1e-9)]
    assert claimed.sum() == max(sizes, default=0)
    assert not claimed.any() or min(np.array(logs)[claimed]) >= max(np.array(logs)[~claimed], default=-np.inf)


def test_claims_by_e_values_keep_the_share_of_false_ones_where_tests_hang_together():
    """50 tests with nothing to find share one number, 10 have something to find; seed 8."""
    rng = np.random.default_rng(8)
    shares, found = [], []
    for _ in range(2000):
        scores = 0.8 * rng.standard_normal() + 0.6 * rng.standard_normal(60)
        scores[50:] += 4
        claimed = claims_by_e_values(3 * scores - 4.5, false_share=0.1)
        shares.append(claimed[:50].sum() / max(1, claimed.sum()))
        found.append(claimed[50:].mean())
    assert np.mean(shares) <= 0.1
    assert np.mean(found) > 0.5


def test_what_is_no_e_value_or_level_is_refused():
    with pytest.raises(InvalidInputError, match="an e-value is NaN"):
        claims_by_e_values([0.0, float("nan")], false_share=0.1)
    with pytest.raises(InvalidInputError, match="false_share must be a fraction"):
        claims_by_e_values([0.0], false_share=10)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.decide import Contender
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.evaluate.choice.superiority import p_of_interval, superiority_claims
from smallcraft.records import Interval, Predictions
from smallcraft.stats.comparisons import Difference, mcnemar_exact
from smallcraft.stats.multiplicity import holm


def model(truth, right, rng, clusters=None):
    predicted = np.where(rng.random(len(truth)) < right, truth, 1 - truth)
    return Predictions(("a", "b"), truth, np.eye(2)[predicted] * 0.8 + 0.1, clusters)


def ladder(shares, n=2000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    return [Contender(f"r{order}", model(truth, s, rng), 1.0, order) for order, s in enumerate(shares)]


def claim(contenders, chosen, **changes):
    return superiority_claims(
        contenders, chosen, **{"metric": "accuracy", "confidence": 0.95, "seed": 0, **changes}
    )


def counts(first, other):
    right, others = (p.predictions.truth == p.predictions.predicted for p in (first, other))
    return int((right & ~others).sum()), int((others & ~right).sum())


def test_every_other_candidate_gets_a_claim_with_its_adjusted_p_value():
    contenders = ladder([0.6, 0.9, 0.905])
    claims = claim(contenders, "r1")
    assert [(made.over, made.is_shown, made.pairs) for made in claims] == [("r0", True, 3), ("r2", False, 3)]
    assert claims[0].sentence.startswith("r1 is shown to be better than r0: +0.")
    assert "after Holm over 3 pairs" in claims[0].sentence
    assert claims[1].sentence.startswith("r1 is not shown to be better or worse than r2: ")
    assert {made.method for made in claims} == {"exact McNemar"}


def test_p_values_are_exact_mcnemar_and_adjusted_over_all_pairs():
    first, second, third = contenders = ladder([0.8, 0.82, 0.85], n=600)
    claims = claim(contenders, "r2")
    pairs = [(third, first), (third, second), (first, second)]
    plain = [mcnemar_exact(*counts(*pair)) for pair in pairs]
    assert [made.p_value for made in claims] == plain[:2]
    assert [made.adjusted for made in claims] == pytest.approx(holm(plain)[:2].tolist())


def test_a_chosen_one_that_is_worse_is_said_to_be():
    (made,) = claim(ladder([0.7, 0.95]), "r0")
    assert (made.is_shown, made.difference.value < 0) == (False, True)
    assert made.sentence.startswith("r0 is shown to be worse than r1: -0.")
    assert "over 1 pair" in made.sentence


def test_the_order_in_which_contenders_are_given_does_not_matter():
    contenders = ladder([0.6, 0.9, 0.905, 0.8])
    assert claim(contenders[::-1], "r2") == claim(contenders, "r2")


def test_one_candidate_alone_claims_nothing():
    assert claim(ladder([0.9]), "r0") == ()


@pytest.mark.parametrize("metric", ["macro_f1", "auroc", "log_loss", "brier"])
def test_other_metrics_read_the_paired_interval(metric):
    contenders = ladder([0.6, 0.9], n=1000)
    (made,) = claim(contenders, "r1", metric=metric)
    sides = (contenders[1].predictions, contenders[0].predictions)
    assert made.difference == quality_difference(*sides, metric=metric, level=0.95, seed=0)
    assert made.method == "paired 95% interval, read as normal"
    assert made.is_shown


def test_rows_of_one_key_are_not_counted_as_rows_that_stand_alone():
    truth = np.repeat(np.arange(40) % 2, 25)
    clusters = np.repeat(np.arange(40), 25)
    # Whole clusters are right or wrong together: 1,000 rows, 40 of them independent.
    sides = [np.repeat(np.arange(40) < right, 25) for right in (30, 26)]
    made = [
        Predictions(("a", "b"), truth, np.eye(2)[np.where(side, truth, 1 - truth)], clusters)
        for side in sides
    ]
    alone = [Predictions(p.classes, p.truth, p.probs) for p in made]

    def p_value(first, other):
        return claim([Contender("x", first, 1.0, 0), Contender("y", other, 1.0, 1)], "x")[0].p_value

    assert p_value(*alone) < 1e-6
    assert p_value(*made) > 0.01


@given(st.floats(-0.2, 0.2), st.floats(0.001, 0.3), st.sampled_from([0.8, 0.9, 0.95]))
def test_the_p_value_of_an_interval_agrees_with_it_at_its_own_level(value, reach, level):
    bounds = Interval(value - reach, value + reach)
    p_value = p_of_interval(Difference(value, bounds), level=level)
    assert 0 <= p_value <= 1
    if abs(abs(value) - reach) > 1e-9:
        assert (p_value <= 1 - level) == (bounds.low > 0 or bounds.high < 0)


def test_an_interval_without_ends_shows_nothing():
    assert p_of_interval(Difference(0.3, Interval(-np.inf, np.inf)), level=0.95) == 1.0
    assert p_of_interval(Difference(0.0, Interval(-0.1, 0.1)), level=0.95) == 1.0
    assert p_of_interval(Difference(0.3, Interval(0.3, 0.3)), level=0.95) == 0.0


@pytest.mark.slow
def test_false_claims_stay_below_alpha_though_the_best_was_picked_on_the_same_rows():
    rng, runs, n, k, false, over_own_pairs = np.random.default_rng(19), 400, 400, 6, 0, 0
    for _ in range(runs):
        truth = rng.integers(0, 2, n)
        contenders = [Contender(f"r{i}", model(truth, 0.8, rng), 1.0, i) for i in range(k)]
        best = max(contenders, key=lambda c: np.mean(c.predictions.predicted == truth))
        claims = claim(contenders, best.rung, confidence=0.9)
        false += any(made.is_shown for made in claims)
        over_own_pairs += holm([made.p_value for made in claims]).min() <= 0.1
    print(f"seed 19: false claims {false / runs:.3f}, over the best's own pairs {over_own_pairs / runs:.3f}")
    assert false / runs <= 0.1
    assert over_own_pairs / runs > 0.13


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InvalidInputError, match="must be among the contenders, got 'z'"):
        claim(ladder([0.9, 0.8]), "z")
    with pytest.raises(InvalidInputError, match=r"write 0.95 for 95%"):
        claim(ladder([0.9, 0.8]), "r0", confidence=95)

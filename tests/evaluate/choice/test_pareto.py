from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.pareto import COST_AXES, Standing, dominates, is_cheaper, pareto_front
from smallcraft.records import Measurement, Predictions

N = 2000
TRUTH = np.random.default_rng(0).integers(0, 2, N)
HOW = {"metric": "accuracy", "confidence": 0.95, "seed": 0}


def model(right, seed=1):
    wrong = np.random.default_rng(seed).random(N) >= right
    predicted = np.where(wrong, 1 - TRUTH, TRUTH)
    return Predictions(("a", "b"), TRUTH, np.eye(2)[predicted] * 0.8 + 0.1)


def cost(name, value, spread=0.05, unit="s", **changes):
    made = Measurement(
        name, value, unit, 5, "t", low=value * (1 - spread), high=value * (1 + spread), level=0.95
    )
    return replace(made, **changes)


def standing(rung, right, scale=1.0, **changes):
    costs = {
        "cpu_s_per_1000": cost("cpu_s_per_1000", scale),
        "p95_ms": cost("p95_ms", 2 * scale, unit="ms"),
        "size_mb": Measurement("size_mb", 10 * scale, "MB", 1, "bytes"),
        "peak_rss_mb": Measurement("peak_rss_mb", 100 * scale, "MB", 1, "VmHWM"),
    }
    return Standing(rung, model(right), {**costs, **changes})


def test_what_is_better_on_every_axis_dominates_all_it_beats():
    found = pareto_front(
        [standing("cheap", 0.7, 2.0), standing("good", 0.9), standing("bad", 0.6, 8.0)], **HOW
    )
    assert found.front == ("good",)
    assert found.dominated == {"cheap": ("good",), "bad": ("cheap", "good")}


def test_the_front_has_the_cheap_and_the_good_and_the_dominated_is_told_by_whom():
    ladder = [standing("cheap", 0.7), standing("dear", 0.7, 8.0), standing("good", 0.9, 4.0)]
    found = pareto_front(ladder, **HOW)
    assert found.front == ("cheap", "good")
    assert found.dominated == {"dear": ("good",)}
    assert found.axes == ("accuracy", *COST_AXES)
    assert found.sentence == (
        "not shown to be beaten on every axis: cheap, good; beaten on every axis: dear (by good)"
    )


@pytest.mark.parametrize("axis", COST_AXES)
def test_one_axis_that_is_not_shown_keeps_both_on_the_front(axis):
    good, bad = standing("good", 0.9), standing("bad", 0.6, 4.0)
    assert dominates(good, bad, **HOW)
    level = replace(bad, costs={**bad.costs, axis: replace(bad.costs[axis], value=0.5, low=0.4, high=0.6)})
    assert not dominates(good, level, **HOW)
    unmeasured = replace(bad, costs={**bad.costs, axis: Measurement(axis, None, "s", 0, "", detail="why")})
    assert not dominates(good, unmeasured, **HOW)
    absent = replace(bad, costs={name: held for name, held in bad.costs.items() if name != axis})
    assert not dominates(good, absent, **HOW)
    assert pareto_front([good, absent], **HOW).front == ("good", "bad")
    assert pareto_front([good, absent], **HOW).dominated == {}


def test_a_quality_that_is_not_shown_to_be_better_keeps_both_on_the_front():
    cheap, dear = standing("cheap", 0.9), standing("dear", 0.9, 4.0)
    assert not dominates(cheap, dear, **HOW)
    nearly = replace(cheap, predictions=model(0.905, seed=2))
    assert not dominates(nearly, dear, **HOW)
    assert pareto_front([cheap, dear], **HOW).front == ("cheap", "dear")


def test_a_single_front_says_so():
    assert pareto_front([standing("one", 0.9)], **HOW).sentence == "not shown to be beaten on every axis: one"


@given(st.permutations(range(4)))
def test_the_order_in_which_candidates_are_given_only_orders_the_answer(order):
    ladder = [standing("a", 0.6), standing("b", 0.8, 0.5), standing("c", 0.9, 3.0), standing("d", 0.7, 9.0)]
    found, other = pareto_front(ladder, **HOW), pareto_front([ladder[i] for i in order], **HOW)
    assert set(found.front) == set(other.front)
    assert {k: set(v) for k, v in found.dominated.items()} == {k: set(v) for k, v in other.dominated.items()}


def test_times_within_what_they_move_between_runs_show_nothing():
    assert is_cheaper(cost("x", 1.0), cost("x", 1.6), confidence=0.95)
    assert not is_cheaper(cost("x", 1.0), cost("x", 1.4), confidence=0.95)
    assert is_cheaper(cost("x", 1.0, unit="MB"), cost("x", 1.4, unit="MB"), confidence=0.95)


def test_bounds_that_overlap_or_are_of_a_lower_confidence_show_nothing():
    assert not is_cheaper(cost("x", 1.0, spread=0.5), cost("x", 2.0, spread=0.5), confidence=0.95)
    assert not is_cheaper(cost("x", 1.0, level=0.8), cost("x", 2.0), confidence=0.95)
    assert is_cheaper(cost("x", 1.0, level=0.9), cost("x", 2.0, level=0.9), confidence=0.95)
    assert not is_cheaper(cost("x", 1.0, high=None), cost("x", 2.0), confidence=0.95)
    assert not is_cheaper(cost("x", 1.0, low=None, high=None), cost("x", 2.0), confidence=0.95)


def test_an_unsteady_latency_shows_nothing():
    unsteady = cost("x", 1.0, detail="A/A unsteady: halves differ by 1.2")
    assert not is_cheaper(unsteady, cost("x", 2.0), confidence=0.95)
    assert not is_cheaper(cost("x", 1.0), replace(unsteady, value=2.0, low=1.9, high=2.1), confidence=0.95)


def test_an_equal_size_is_not_dearer_but_an_equal_time_is_not_cheaper():
    size = Measurement("size_mb", 10.0, "MB", 1, "bytes")
    assert is_cheaper(size, size, confidence=0.95)
    assert not is_cheaper(cost("x", 1.0), cost("x", 1.0), confidence=0.95)
    assert not is_cheaper(size, replace(size, unit="GB"), confidence=0.95)


@pytest.mark.slow
def test_equal_candidates_are_called_dominated_no_more_often_than_alpha():
    # The costs are exact and lower: only the noise of quality can be mistaken for dominance.
    rng, runs, wrongly = np.random.default_rng(23), 3000, 0
    cheap, dear = ({"size_mb": Measurement("size_mb", size, "MB", 1, "bytes")} for size in (1.0, 2.0))
    for _ in range(runs):
        truth = rng.integers(0, 2, 300)
        sides = [np.where(rng.random(300) < 0.8, truth, 1 - truth) for _ in range(2)]
        first, other = (Predictions(("a", "b"), truth, np.eye(2)[side]) for side in sides)
        wrongly += dominates(
            Standing("x", first, cheap), Standing("y", other, dear), axes=("size_mb",), **HOW
        )
    print(f"seed 23: {wrongly / runs:.3f} of equal pairs called dominated")
    assert 0.03 < wrongly / runs <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / runs)


def test_what_makes_no_sense_is_refused():
    one = standing("one", 0.9)
    with pytest.raises(InvalidInputError, match="each rung may stand once"):
        pareto_front([one, one], **HOW)
    with pytest.raises(InvalidInputError, match="at least one cost beside quality"):
        dominates(one, standing("two", 0.8), axes=(), **HOW)
    with pytest.raises(InvalidInputError, match="compared by accuracy"):
        dominates(one, standing("two", 0.8), **{**HOW, "metric": "ece"})

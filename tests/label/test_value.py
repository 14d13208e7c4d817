import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.label.value import Costs, Rates, Skill, repair_of, value_rows

PROBS = np.array([[0.05, 0.9, 0.05], [0.9, 0.05, 0.05], [0.3, 0.4, 0.3]])
GIVEN = np.array([0, 0, -1])
WRONG = np.array([0.9, 0.05, 0.6])
ACTION = ("relabel", "relabel", "label")


def value(**told):
    return value_rows(PROBS, GIVEN, **{"wrong": WRONG, "action": ACTION, **told})


def test_a_label_that_is_probably_wrong_is_worth_more_than_one_that_is_probably_right():
    found = value()
    assert found[0] > 10 * found[1] >= 0


def test_value_is_the_net_number_of_labels_a_vote_repairs():
    """Against what happens: votes drawn, believed by Bayes' rule, labels counted."""
    rng = np.random.default_rng(0)
    prior, right = np.array([0.3, 0.6, 0.1]), 0.8
    truth = rng.choice(3, 200_000, p=prior)
    said = np.where(rng.random(200_000) < right, truth, (truth + rng.integers(1, 3, 200_000)) % 3)
    likely = np.where(np.arange(3)[:, None] == said, right, 0.1) * prior[:, None]
    posterior = likely / likely.sum(axis=0)
    after = posterior.argmax(axis=0)
    gained = (after == truth).mean() - (truth == 0).mean()
    expected = value_rows(
        np.array([[0.0, 6 / 7, 1 / 7]]),
        np.array([0]),
        wrong=np.array([0.7]),
        action=("relabel",),
        rates=Rates(skill=Skill(annotator=right)),
    )
    assert expected[0] == pytest.approx(gained, abs=0.01)


def test_a_vote_that_would_not_be_believed_is_worth_nothing():
    found = value_rows(
        np.array([[0.99, 0.01]]),
        np.array([0]),
        wrong=np.array([0.01]),
        action=("relabel",),
        rates=Rates(skill=Skill(annotator=0.7)),
    )
    assert found.tolist() == [0.0]


def test_weight_slope_and_cost_multiply():
    plain = value()
    assert np.allclose(value(weight=np.array([2.0, 1.0, 1.0])), plain * [2, 1, 1])
    assert np.allclose(value(rates=Rates(slope={"label": 0.5, "relabel": 1.0})), plain * [1, 1, 0.5])
    assert np.allclose(value(rates=Rates(costs=Costs(relabel=4.0))), plain * [0.25, 0.25, 1])


def test_an_adjudicator_is_right_more_often_and_costs_more():
    rates = Rates(costs=Costs(adjudicate=1.0))
    one, other = (value(action=(act,) * 3, rates=rates)[0] for act in ("adjudicate", "relabel"))
    assert one > other > value(action=("adjudicate",) * 3)[0]


def test_any_vote_is_believed_where_there_is_no_label():
    repair = repair_of(PROBS, GIVEN, wrong=WRONG, accuracy=0.8)
    assert repair.fixed[2] == 0.8
    assert repair.broken[2] == 0.0


def test_a_cost_of_nothing_and_parts_of_other_rows_are_refused():
    with pytest.raises(InvalidInputError, match="the cost of 'label' is above 0"):
        value(rates=Rates(costs=Costs(label=0.0)))
    with pytest.raises(InvalidInputError, match="'wrong' holds one entry a row"):
        value(wrong=WRONG[:2])
    with pytest.raises(InvalidInputError, match=r"write 0\.9"):
        repair_of(PROBS, GIVEN, wrong=WRONG, accuracy=90)


def test_many_rows_are_valued_as_each_alone(monkeypatch):
    plain = value()
    monkeypatch.setattr("smallcraft.label.value._MOST_NUMBERS", 3)
    assert np.array_equal(value(), plain)


def test_an_action_never_measured_counts_as_the_measured_ones_do_on_average():
    plain = value()
    assert np.allclose(value(rates=Rates(slope={"relabel": 0.01})), plain * 0.01)
    assert value(rates=Rates(slope={"relabel": -0.2})).tolist() == [0.0] * 3

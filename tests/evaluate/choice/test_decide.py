from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.choice.decide import COST_NOISE_FACTOR, Contender, choose_cheapest, not_inferior
from smallcraft.records import Outcome, Predictions


def answers(truth, predicted, k=2):
    return Predictions(tuple(f"c{i}" for i in range(k)), truth, np.eye(k)[predicted] * 0.8 + 0.2 / k)


def model(truth, right, rng, k=2):
    wrong = rng.random(len(truth)) >= right
    return answers(truth, np.where(wrong, (truth + 1) % k, truth), k)


def choose(contenders, **changes):
    settings = {"metric": "accuracy", "margin": 0.02, "confidence": 0.95, "seed": 0, **changes}
    return choose_cheapest(contenders, **settings)


def ladder(costs, n=2000, shares=(0.5, 0.90, 0.95, 0.95)):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, n)
    same = model(truth, shares[-1], rng)
    names = ("majority", "ngram", "fast", "frozen")
    made = [model(truth, share, rng) for share in shares[:-2]] + [same, same]
    return [
        Contender(name, predictions, cost, order)
        for order, (name, predictions, cost) in enumerate(zip(names, made, costs, strict=True))
    ]


def test_the_cheapest_of_those_not_inferior_is_chosen_and_the_others_lose_with_a_reason():
    decision = choose(ladder([0.001, 0.05, 0.2, 2.0]))
    assert decision.chosen == decision.best == "fast"
    assert decision.tied == ("fast", "frozen")
    assert set(decision.lost) == {"majority", "ngram", "frozen"}
    assert "costs 10 times as much as fast" in decision.lost["frozen"]
    assert "below the best in accuracy [" in decision.lost["ngram"]
    assert "more than 0.02 worse" in decision.lost["ngram"]
    assert "statistically tied within 0.02 with frozen" in decision.sentence


def test_a_cheap_candidate_a_little_below_the_best_wins_and_the_sentence_has_the_cost_ratio():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 4000)
    best = model(truth, 0.95, rng)
    nearly = best.predicted.copy()
    nearly[np.flatnonzero(best.predicted == truth)[:8]] ^= 1
    decision = choose(
        [
            Contender("small", answers(truth, nearly), 0.5, 0),
            Contender("large", best, 2.0, 1),
        ]
    )
    assert (decision.chosen, decision.best) == ("small", "large")
    assert "it costs 0.25 times as much as the best, large" in decision.sentence
    assert "costs 4 times as much as small" in decision.lost["large"]


@given(st.floats(1 / COST_NOISE_FACTOR + 0.01, COST_NOISE_FACTOR - 0.01))
@settings(max_examples=15)
def test_costs_equal_within_noise_leave_the_choice_to_the_ladder(ratio):
    decision = choose(ladder([0.001, 0.05, 1.0, ratio]))
    assert decision.chosen == "fast"
    assert "equal cost within noise" in decision.lost["frozen"]


def test_a_dearer_rung_that_turns_out_cheaper_beyond_noise_is_chosen():
    assert choose(ladder([0.001, 0.05, 1.0, 0.5])).chosen == "frozen"


def test_an_unmeasured_cost_never_beats_a_measured_one():
    decision = choose(ladder([0.001, 0.05, None, 2.0]))
    assert decision.chosen == "frozen"
    assert "its cost was not measured" in decision.lost["fast"]
    assert choose(ladder([None, None, None, None])).chosen == "fast"


@given(st.permutations(range(4)))
@settings(max_examples=10)
def test_the_order_in_which_contenders_are_given_does_not_matter(order):
    contenders = ladder([0.001, 0.05, 0.2, 2.0])
    assert choose([contenders[i] for i in order]) == choose(contenders)


def test_every_contender_is_chosen_or_lost():
    contenders = ladder([0.001, 0.05, 0.2, 2.0], n=200)
    decision = choose(contenders)
    assert {decision.chosen, *decision.lost} == {contender.rung for contender in contenders}
    assert decision.chosen not in decision.lost
    assert set(decision.tied) <= {contender.rung for contender in contenders}


@pytest.mark.parametrize("metric", ["macro_f1", "auroc", "log_loss", "brier"])
def test_every_deciding_metric_never_picks_the_majority_class(metric):
    assert choose(ladder([0.001, 0.05, 0.2, 2.0]), metric=metric).chosen in {"fast", "frozen"}


def test_few_rows_show_nothing_and_the_best_stays():
    decision = choose(ladder([0.001, 0.05, 0.2, 2.0], n=30))
    assert decision.chosen == decision.best
    assert "not shown to be within 0.02" in decision.lost["frozen"]


def test_one_contender_is_chosen_and_the_sentence_says_that_it_stands_alone():
    decision = choose(ladder([0.1, 0.2, 0.3, 0.4])[:1])
    assert decision.chosen == "majority"
    assert "no other candidate" in decision.sentence


@pytest.mark.parametrize(("metric", "k", "runs"), [("accuracy", 2, 1500), ("macro_f1", 3, 400)])
@pytest.mark.slow
def test_a_candidate_exactly_at_the_margin_is_called_good_enough_no_more_often_than_alpha(metric, k, runs):
    rng, n, margin, wrongly = np.random.default_rng(17), 600, 0.03, 0
    for _ in range(runs):
        truth = rng.integers(0, k, n)
        best = np.where(rng.random(n) < 0.95, truth, (truth + rng.integers(1, k, n)) % k)
        # Of the rows that the best has right, so many go wrong that the true difference is the margin.
        slips = (best == truth) & (rng.random(n) < (margin + 0.01) / 0.95)
        repairs = (best != truth) & (rng.random(n) < 0.01 / 0.05)
        worse = np.where(slips, (truth + rng.integers(1, k, n)) % k, np.where(repairs, truth, best))
        comparison = not_inferior(
            answers(truth, worse, k),
            answers(truth, best, k),
            metric=metric,
            margin=margin,
            confidence=0.95,
            seed=int(rng.integers(2**31)),
        )
        wrongly += comparison.outcome is Outcome.PASS
    assert wrongly / runs <= 0.05 + (2.5 * np.sqrt(0.05 * 0.95 / runs) if metric == "macro_f1" else 0.0)


def test_not_inferior_has_three_answers():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 3000)
    good, poor = model(truth, 0.95, rng), model(truth, 0.80, rng)

    def compare(a, b, rows=3000, margin=0.03):
        cut = [Predictions(p.classes, p.truth[:rows], p.probs[:rows]) for p in (a, b)]
        return not_inferior(*cut, metric="accuracy", margin=margin, confidence=0.95, seed=0, against="stable")

    assert compare(good, good).outcome is Outcome.PASS
    assert compare(good, good).sentence.startswith("level with stable in accuracy")
    assert compare(poor, good).outcome is Outcome.FAIL
    assert compare(good, good, rows=20).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"margin": 0.0}, "margin must be above 0"),
        ({"confidence": 95}, "write 0.95 for 95%"),
        ({"confidence": 0.5}, "must be above 0.5"),
        ({"metric": "ece"}, "compared by accuracy"),
    ],
)
def test_settings_out_of_range_are_refused(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        choose(ladder([0.1, 0.2, 0.3, 0.4], n=50), **changes)


def test_contenders_that_make_no_sense_are_refused():
    contenders = ladder([0.1, 0.2, 0.3, -1.0], n=50)
    with pytest.raises(InvalidInputError, match="got none"):
        choose([])
    with pytest.raises(InvalidInputError, match="each rung may stand once"):
        choose([contenders[0], contenders[0]])
    with pytest.raises(InvalidInputError, match="cost of 'frozen' must be at least 0"):
        choose(contenders)


def test_a_decision_says_how_many_were_tried_the_crashed_and_skipped_included():
    decision = choose(ladder([0.001, 0.05, 0.2, 2.0]))
    assert decision.tried == 4
    failed = {"cascade": "crashed: MemoryError", "trees": "skipped: needs feature columns"}
    assert replace(decision, lost={**decision.lost, **failed}).tried == 6

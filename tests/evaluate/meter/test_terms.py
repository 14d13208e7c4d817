import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.canonical import digest_value
from smallcraft.errors import IntegrityError, InvalidInputError, MeteredError
from smallcraft.evaluate.meter.bits import adaptive_bound, bits_of_passes
from smallcraft.evaluate.meter.chain import GENESIS, LedgerEntry
from smallcraft.evaluate.meter.terms import (
    PASSED,
    PassPlan,
    plan_of,
    require_question_left,
    require_registration,
    require_rules_kept,
    require_same_terms,
)

PLAN = PassPlan("accuracy", 0.9, questions=50, passes=2)


def entry(seq, passed=False, plan=PLAN, dataset="d", **changes):
    facts = {"terms": plan.terms, "preregistration": plan.digest, "answer": {PASSED: passed}, **changes}
    bits = facts.pop("bits", plan.bits_of(seq))
    bare = LedgerEntry(seq, GENESIS, "2026-03-01", f"c{seq}", "", dataset, {}, bits, "")
    made = replace(bare, **facts)
    return replace(made, digest=digest_value(made.facts))


@given(st.integers(1, 60), st.data())
@settings(max_examples=60)
def test_the_charges_of_a_series_add_up_to_its_price_and_never_to_more(questions, data):
    passes = data.draw(st.integers(1, questions))
    plan = PassPlan("accuracy", 0.9, questions, passes)
    charges = [plan.bits_of(question) for question in range(1, questions + 1)]
    assert math.fsum(charges) == pytest.approx(plan.bits) == pytest.approx(bits_of_passes(questions, passes))
    assert all(charge >= 0 for charge in charges)
    assert np.all(np.cumsum(charges) <= plan.bits + 1e-9)
    assert charges[:passes] == pytest.approx([1.0] * passes)


@pytest.mark.parametrize(("questions", "passes"), [(5, 1), (6, 2), (7, 3), (4, 4)])
def test_the_price_is_the_log_of_the_series_that_can_happen(questions, passes):
    # Every series of answers that ends with its last pass or its last question, counted one by one.
    def count(asked, given):
        if asked == questions or given == passes:
            return 1
        return count(asked + 1, given) + count(asked + 1, given + 1)

    plan = PassPlan("accuracy", 0.9, questions, passes)
    assert plan.bits == pytest.approx(math.log2(count(0, 0)))


def test_a_value_at_the_bar_passes_and_one_not_measured_does_not():
    assert [PLAN.is_pass(value) for value in (0.9, 0.91, 0.8999, None, math.nan)] == [
        *(True, True),
        *(False, False, False),
    ]
    losses = replace(PLAN, metric="log_loss", sense="at_most")
    assert [losses.is_pass(value) for value in (0.9, 0.5, 0.91, None, math.nan)] == [
        *(True, True),
        *(False, False, False),
    ]


def test_the_bound_of_a_plan_counts_its_whole_price():
    assert PLAN.bound(1000) == adaptive_bound(1000, PLAN.bits)
    assert PLAN.bound(1000, bits_before=5, delta=0.1) == adaptive_bound(1000, PLAN.bits + 5, delta=0.1)


def test_no_pass_of_an_adaptive_series_overstates_by_more_than_the_bound():
    # Models that guess, asked one after the other until one passes at the bar that the bound asks for.
    rng, n, plan = np.random.default_rng(6), 400, PassPlan("accuracy", 0.5, questions=200, passes=1)
    best = rng.binomial(n, 0.5, size=(1000, plan.questions)).max(axis=1) / n
    assert np.mean(best - 0.5 > plan.bound(n)) <= 0.05
    assert np.mean(best - 0.5 > adaptive_bound(n, 0.0)) > 0.3


@pytest.mark.parametrize(
    "changes", [{"passes": 0}, {"passes": 51}, {"questions": 0}, {"bar": math.nan}, {"bar": math.inf}]
)
def test_what_is_no_plan_is_refused(changes):
    with pytest.raises(InvalidInputError, match="a finite bar and 1 <= passes <= questions"):
        replace(PLAN, **changes)


def test_a_sense_or_registration_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="'at_least' or 'at_most', got 'above'"):
        replace(PLAN, sense="above")
    for number in (0, -1, 1.5, True, "1"):
        with pytest.raises(InvalidInputError, match="a whole number from 1 on"):
            require_registration(number)


def test_a_plan_is_read_back_from_its_entry():
    assert plan_of(entry(1)) == PLAN
    assert plan_of(entry(1, terms={})) is None
    assert plan_of(entry(1, terms={"metric": "accuracy", "registration": 1})) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metric": "macro_f1"}, "has metric 'accuracy', not 'macro_f1'"),
        ({"bar": 0.8}, "has bar 0.9, not 0.8"),
        ({"questions": 500}, "has questions 50, not 500"),
        ({"passes": 3}, "has passes 2, not 3"),
        ({"slice": "region=north"}, "has slice 'all', not 'region=north'"),
    ],
)
def test_terms_that_changed_under_one_number_are_refused_with_the_change(changes, words):
    with pytest.raises(MeteredError, match=f"entry 1 of 2026-03-01 {words}; .*pre-registration 2"):
        require_same_terms([entry(1)], "d", replace(PLAN, **changes).terms)


def test_other_terms_under_another_number_or_of_another_data_set_are_let_through():
    changed = replace(PLAN, bar=0.5)
    require_same_terms([entry(1)], "d", replace(changed, registration=2).terms)
    require_same_terms([entry(1)], "another", changed.terms)
    require_same_terms([], "d", changed.terms)
    require_same_terms([entry(1)], "d", PLAN.terms)


def test_a_question_past_the_plan_and_one_after_the_last_pass_are_refused():
    asked = [entry(seq) for seq in range(1, 51)]
    require_question_left(asked[:49], PLAN)
    with pytest.raises(
        MeteredError, match=r"allows 50 questions, this would be the 51st; label a fresh cert"
    ):
        require_question_left(asked, PLAN)
    given = [entry(1, passed=True), entry(2), entry(3, passed=True)]
    require_question_left(given[:2], PLAN)
    with pytest.raises(MeteredError, match=r"allows 2 passes, and entry 3 was the 2nd; label a fresh cert"):
        require_question_left(given, PLAN)


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (112, "112th")]
)
def test_the_refusal_counts_in_words(number, word):
    plan = PassPlan("accuracy", 0.9, questions=max(1, number - 1), passes=1)
    with pytest.raises(MeteredError, match=f"the {word};" if number > 1 else "the 2nd;"):
        require_question_left([entry(1, plan=plan)] * max(1, number - 1), plan)


def test_entries_that_keep_the_rules_are_let_through():
    other = replace(PLAN, metric="macro_f1", registration=2)
    first = [entry(1), entry(2, passed=True)]
    second = [entry(3, plan=other, bits=other.bits_of(1)), entry(4, plan=other, bits=other.bits_of(2))]
    require_rules_kept([*first, *second], "cert.jsonl")


BROKEN = {
    "a price that is too low": ([entry(1, bits=0.0)], r"line 1 .* is charged 0 bits, by its plan it costs 1"),
    "a changed bar": (
        [entry(1), entry(2, plan=replace(PLAN, bar=0.5))],
        r"line 2 .* changes pre-registration of entry 1, which has bar 0.9, not 0.5",
    ),
    "a question too many": (
        [entry(seq, plan=PassPlan("accuracy", 0.9, 2, 1)) for seq in (1, 2, 3)],
        r"line 3 .* should have been refused \(the plan allows 2 questions, this would be the 3rd",
    ),
    "a pass too many": (
        [entry(seq, passed=True) for seq in (1, 2, 3)],
        r"line 3 .* should have been refused \(the plan allows 2 passes",
    ),
    "an answer that tells more": (
        [entry(1, answer={PASSED: True, "accuracy": 0.93})],
        "line 1 .* no answer under",
    ),
    "another digest": ([entry(1, preregistration="sha256:0")], "line 1 .* no answer under"),
    "terms that are no plan": (
        [entry(1, terms={**PLAN.terms, "passes": 0})],
        "line 1 .* terms that are no plan",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_entries_that_no_question_would_have_written_are_found(broken):
    entries, words = BROKEN[broken]
    with pytest.raises(IntegrityError, match=words):
        require_rules_kept(entries, "cert.jsonl")

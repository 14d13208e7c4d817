from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.serve.rollout.two_arms import nothing

from smallcraft.serve.rollout import guesses
from smallcraft.serve.rollout.guardrails import (
    classes_part,
    compare_rate,
    disagreement_part,
    either,
    errors_part,
    escalation_part,
    group_classes,
)
from smallcraft.serve.rollout.plan import RolloutPlan

PLAN = RolloutPlan()


def e_value(question, counts, share=0.1):
    return np.exp(np.minimum(question.ratios(counts, share), 600)) @ question.weights


def with_errors(stable, canary, subjects=(20000, 2000)):
    return replace(nothing(), errors=np.array([stable, canary]), subjects=np.array(subjects))


def mean_over_arms(question, make, events, share, ratio):
    """Exactly, over how many of so many events are the new arm's, `ratio` times as likely there."""
    chance = share * ratio / (share * ratio + 1 - share)
    new = np.arange(events + 1)
    values = np.array([e_value(question, make(events - count, count), share) for count in new])
    return stats.binom.pmf(new, events, chance) @ values


def test_errors_count_against_a_release_beyond_the_margin_and_for_it_below_the_wider_one():
    part = errors_part(PLAN)
    against, (claim,) = part.against, part.claims
    assert e_value(against, with_errors(200, 70)) > 1000
    assert e_value(against, with_errors(200, 20)) < 1
    assert e_value(claim, with_errors(200, 20)) > 20
    assert e_value(claim, with_errors(200, 45)) < 20
    assert mean_over_arms(against, with_errors, 25, 0.1, PLAN.error_margin) == pytest.approx(1, abs=1e-9)


def test_a_margin_of_errors_moves_what_is_held_against_a_release():
    tolerant = errors_part(replace(PLAN, error_margin=3.0)).against
    assert e_value(tolerant, with_errors(200, 60)) < 1
    assert mean_over_arms(tolerant, with_errors, 25, 0.1, 3.0) == pytest.approx(1, abs=1e-9)


def test_a_rate_that_is_tolerated_can_be_shown_where_there_are_no_errors_to_compare():
    (claim,) = errors_part(PLAN).claims
    assert e_value(claim, with_errors(0, 0, (50000, 5000))) > 20
    assert e_value(claim, with_errors(0, 0, (50000, 500))) < 20


def with_classes(stable, canary):
    return replace(nothing(classes=2), classes=np.array([stable, canary]))


def test_a_class_may_neither_swell_nor_shrink():
    part = classes_part(PLAN, np.array([600, 400, 0]))
    assert e_value(part.against, with_classes([5400, 3600, 0], [500, 500, 0])) < 1
    assert e_value(part.against, with_classes([5400, 3600, 0], [200, 800, 0])) > 1000
    assert e_value(part.against, with_classes([5400, 3600, 0], [590, 380, 30])) > 1
    shown = [e_value(claim, with_classes([5400, 3600, 0], [600, 400, 0])) for claim in part.claims]
    assert min(shown) > 20
    swollen = [e_value(claim, with_classes([5400, 3600, 0], [300, 700, 0])) for claim in part.claims]
    assert min(swollen) < 1


def test_abstentions_that_never_were_and_never_come_block_no_promotion():
    part = classes_part(PLAN, np.array([600, 400, 0]))
    many = with_classes([54000, 36000, 0], [6000, 4000, 0])
    assert all(e_value(claim, many) > 20 for claim in part.claims)
    abstaining = with_classes([54000, 36000, 0], [5000, 3500, 1500])
    assert min(e_value(claim, abstaining) for claim in part.claims) < 1


@given(st.lists(st.integers(0, 60), min_size=1, max_size=90).map(lambda seen: np.array([*seen, 3])))
def test_every_class_is_in_one_group_and_groups_have_a_tenth_but_the_rest(seen):
    groups = group_classes(seen)
    assert sorted(place for group, _ in groups for place in group) == list(range(len(seen)))
    assert groups[-1][0] == (len(seen) - 1,)
    assert sum(share for _, share in groups) == pytest.approx(1 if seen.sum() else 0)
    assert sum(share < 0.1 for _, share in groups[:-1]) <= 1
    assert len(groups) <= 12


def test_seventy_seven_even_classes_make_ten_groups():
    groups = group_classes(np.append(np.full(77, 13), 0))
    assert {len(group) for group, _ in groups[:-2]} == {8}
    assert len(groups) == 11


def test_disagreement_is_held_to_what_was_declared():
    part = disagreement_part(PLAN, 0.1)

    def seen(disagreed):
        return replace(nothing(), compared=np.array(200), disagreed=np.array(disagreed))

    assert part.is_paired
    assert e_value(part.against, seen(60)) > 1000
    assert e_value(part.against, seen(20)) < 1
    assert e_value(part.claims[0], seen(16)) > 20
    assert e_value(part.claims[0], seen(45)) < 1

    never = disagreement_part(PLAN, 0.0)
    assert e_value(never.against, seen(1)) < 1
    assert e_value(never.against, seen(12)) > 20
    assert np.isfinite(disagreement_part(PLAN, 1.0).claims[0].ratios(seen(1), 0.5)).all()


def test_escalation_of_both_arms_together_is_no_regression_where_there_is_another_arm():
    """Texts that are harder for all: twice as many rows escalate in either arm."""
    counts = replace(nothing(), rows=np.array([9000, 1000]), escalated=np.array([1800, 200]))
    assert e_value(escalation_part(PLAN, 0.1, 0.1).against, counts) < 1
    assert e_value(escalation_part(PLAN, 0.1, None).against, counts) > 1000


def test_a_rate_is_at_most_one_on_average_at_its_null():
    question = compare_rate(
        lambda counts: counts.disagreed, lambda counts: counts.compared, null=0.2, guessed=guesses.COMMONER
    )
    events = np.arange(31)
    thirty = replace(nothing(), compared=np.array(30))
    values = [e_value(question, replace(thirty, disagreed=np.array(count))) for count in events]
    assert stats.binom.pmf(events, 30, 0.2) @ values == pytest.approx(1, abs=1e-9)


def test_either_of_two_is_their_mean():
    part = errors_part(PLAN)
    counts = with_errors(200, 30)
    joined = either([part.against, part.claims[0]])
    expected = (e_value(part.against, counts) + e_value(part.claims[0], counts)) / 2
    assert e_value(joined, counts) == pytest.approx(expected)
    assert either([part.against]) is part.against

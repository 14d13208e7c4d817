"""Laws inside a section: ranges of fractions and limits hold for every number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from smallcraft.pipeline.data_section import Fractions
from smallcraft.pipeline.sections import BudgetSection, QualitySection
from smallcraft.records import SPLIT_NAMES


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_every_share_between_zero_and_one_is_a_fraction(share):
    assert QualitySection(margin=share).margin == share


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_a_confidence_is_a_fraction_that_can_be_evidence(share):
    if share > 0.5:
        assert QualitySection(confidence=share).confidence == share
    else:
        with pytest.raises(ValidationError, match=r"confidence must be above 0.5, got .*; 0.95 is usual"):
            QualitySection(confidence=share)


def test_a_score_that_cannot_decide_is_refused_as_the_metric():
    with pytest.raises(ValidationError, match=r"compared by accuracy, macro_f1, .* got 'ece'"):
        QualitySection(metric="ece")


@given(st.floats(min_value=1) | st.floats(max_value=0) | st.just(float("nan")))
def test_nothing_else_is_a_fraction(share):
    with pytest.raises(ValidationError, match=r"fraction in|finite number"):
        QualitySection(confidence=share)


@given(st.floats(min_value=1, max_value=100, exclude_min=True, exclude_max=True))
def test_a_percentage_is_answered_with_its_fraction(percent):
    with pytest.raises(ValidationError, match=rf"write {percent / 100:g} for".replace("+", r"\+")):
        QualitySection(confidence=percent)


@given(st.floats(max_value=0))
def test_a_limit_is_above_zero(limit):
    with pytest.raises(ValidationError, match=r"greater than 0|finite number"):
        BudgetSection(size_mb=limit)


@given(st.integers(1, 98), st.integers(1, 98))
def test_shares_of_whole_percents_that_sum_to_a_hundred_are_accepted(train, dev):
    cert = 100 - train - dev
    if cert >= 1:
        fractions = Fractions(train=train / 100, dev=dev / 100, cert=cert / 100)
        assert fractions.cert == cert / 100


def test_shares_are_known_by_the_name_of_their_split():
    shares = Fractions(train=0.5, dev=0.2, cert=0.3).by_split
    assert shares == {"train": 0.5, "dev": 0.2, "cert": 0.3}
    assert tuple(shares) == SPLIT_NAMES


def test_a_plan_needs_a_floor_and_no_more_passes_than_questions():
    assert QualitySection(floor=0.9, plan={"questions": 50}).plan.passes == 1
    with pytest.raises(ValidationError, match=r"plan asks whether the floor is met.*add floor = 0\.90"):
        QualitySection(plan={"questions": 50})
    with pytest.raises(ValidationError, match=r"passes = 3 are more than questions = 2"):
        QualitySection(floor=0.9, plan={"questions": 2, "passes": 3})


@pytest.mark.parametrize("number", [0, -1, 1.5, "1", True])
def test_a_pre_registration_is_counted_from_one(number):
    with pytest.raises(ValidationError, match="preregistration"):
        QualitySection(preregistration=number)

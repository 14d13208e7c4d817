"""Names of candidates: a rung, and behind a colon the form."""

from __future__ import annotations

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.models.forms import FORMS, CandidateName, check_form, parse_candidate


@pytest.mark.parametrize("form", FORMS)
def test_a_name_survives_being_written_and_read(form):
    name = CandidateName("frozen", form)
    assert parse_candidate(str(name)) == name


def test_the_form_that_ships_needs_no_mention():
    assert str(parse_candidate("frozen:int8")) == "frozen"
    assert parse_candidate("frozen").form == "int8"


@pytest.mark.parametrize("name", ["frozen:fp16", "frozen:", "frozen:fp32:fp32"])
def test_a_form_that_does_not_exist_is_refused_with_those_that_do(name):
    with pytest.raises(
        InvalidInputError, match=r"one of int8, fp32, got .*; write 'frozen' or 'frozen:fp32'"
    ):
        parse_candidate(name)


def test_a_rung_that_rounds_nothing_has_no_exact_form():
    check_form(CandidateName("trees"), rounds=False)
    check_form(CandidateName("frozen", "fp32"), rounds=True)
    with pytest.raises(InvalidInputError, match=r"'trees' rounds nothing .* no form 'fp32'; write 'trees'"):
        check_form(CandidateName("trees", "fp32"), rounds=False)

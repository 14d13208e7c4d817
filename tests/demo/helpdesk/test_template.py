import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.template import parse_template
from smallcraft.errors import InvalidInputError


def every_sentence(source):
    template = parse_template(source)
    return {template.expand(Dice(seed, 0), str.upper) for seed in range(200)}


def test_each_alternative_comes_up_and_nothing_else():
    assert every_sentence("a [b|c {slot}|] d") == {"a b d", "a c SLOT d", "a  d"}


def test_brackets_nest():
    assert every_sentence("[x[1|2]|y]") == {"x1", "x2", "y"}


@given(st.text(st.characters(exclude_characters="[]|{}"), max_size=40))
def test_text_without_marks_comes_back_as_it_is(text):
    assert parse_template(text).expand(Dice(0, 0), str.upper) == text


@pytest.mark.parametrize("source", ["a [b|c", "a [b [c] d", "["])
def test_a_missing_bracket_is_named(source):
    with pytest.raises(InvalidInputError, match="add the missing ']'"):
        parse_template(source)


@pytest.mark.parametrize("source", ["a ] b", "a | b", "[a] b]"])
def test_an_extra_bracket_or_bar_is_named(source):
    with pytest.raises(InvalidInputError, match="remove the extra"):
        parse_template(source)


@pytest.mark.parametrize("source", ["a {slot", "a } b", "{two words}"])
def test_a_slot_that_is_not_closed_is_named(source):
    with pytest.raises(InvalidInputError, match="close or remove the brace"):
        parse_template(source)

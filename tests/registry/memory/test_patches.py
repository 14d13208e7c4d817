from __future__ import annotations

import copy
import tomllib

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.registry.memory.patches import Step, apply_patch, diff_values, is_same, parse_patch

KEYS = ("a", "b/c", "~d", "")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "~/"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_the_patch_turns_one_value_into_the_other(before, after):
    kept = copy.deepcopy(before)
    assert is_same(apply_patch(diff_values(before, after), before), after)
    assert before == kept


@given(VALUES)
def test_equal_values_need_no_step(value):
    assert diff_values(value, copy.deepcopy(value)) == ()


@given(VALUES, VALUES)
def test_jsonpatch_applies_our_patches(before, after):
    steps = [step.as_json() for step in diff_values(before, after)]
    assert is_same(jsonpatch.JsonPatch(steps).apply(copy.deepcopy(before)), after)


@given(VALUES, VALUES)
def test_we_apply_the_patches_of_jsonpatch(before, after):
    theirs = jsonpatch.make_patch(before, after).patch
    if any(step["op"] in ("move", "copy") for step in theirs):
        with pytest.raises(InvalidInputError, match="must be one of"):
            parse_patch(theirs)
        return
    # To jsonpatch true is 1 within containers, so it may leave one for the other.
    assert apply_patch(parse_patch(theirs), before) == after


@given(VALUES, VALUES)
def test_a_patch_survives_its_json_form(before, after):
    steps = diff_values(before, after)
    assert parse_patch([step.as_json() for step in steps]) == steps


def test_a_changed_setting_says_what_it_was():
    before = tomllib.loads('[quality]\nmargin = 0.01\n[ladder]\nrungs = ["majority", "ngram"]')
    after = tomllib.loads('[quality]\nmargin = 0.02\n[ladder]\nrungs = ["majority", "fast", "ngram"]')
    assert diff_values(before, after) == (
        Step("add", "/ladder/rungs/1", "fast"),
        Step("test", "/quality/margin", 0.01),
        Step("replace", "/quality/margin", 0.02),
    )


def test_a_patch_refuses_a_value_that_is_not_the_one_it_was_made_for():
    steps = diff_values({"margin": 0.01}, {"margin": 0.02})
    with pytest.raises(
        InvalidInputError, match=r"cannot test '/margin': wanted 0\.01, got 0\.05; the patch belongs"
    ):
        apply_patch(steps, {"margin": 0.05})


@pytest.mark.parametrize(
    ("step", "value", "message"),
    [
        (Step("remove", ""), {}, "the whole value cannot be removed"),
        (Step("replace", "/a", 1), {}, "there is no 'a'"),
        (Step("add", "/3", 1), [1], "the list has 1 items"),
        (Step("replace", "/-", 1), [1], "'-' is no place in a list"),
        (Step("replace", "/01", 1), [1, 2], "'01' is no place"),
        (Step("add", "/a/b", 1), {"a": 5}, "int has no parts"),
        (Step("add", "a", 1), {}, "must begin with '/'"),
    ],
)
def test_a_step_that_fits_nowhere_is_refused(step, value, message):
    with pytest.raises(InvalidInputError, match=message):
        apply_patch([step], value)


def test_appending_to_a_list():
    assert apply_patch([Step("add", "/-", 2), Step("add", "/0", 0)], [1]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "must be a list"),
        ([{"op": "move", "path": "/a", "from": "/b"}], "operation 1 .* got"),
        ([{"op": "add", "path": "/a"}], "'add', must have a value"),
        ([{"op": "add", "value": 1}], "with a path"),
    ],
)
def test_what_is_no_patch_is_refused(document, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_patch(document)


def test_true_is_not_one_but_one_is_one_point_zero():
    assert not is_same(True, 1)
    assert not is_same([False], [0])
    assert is_same({"a": [1, 2.0]}, {"a": [1.0, 2]})

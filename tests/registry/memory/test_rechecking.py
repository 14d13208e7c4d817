from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.registry.memory.rechecking import drawing_versions, first_discrepancy

DRAWN = {"difference": 0.02, "low": 0.01, "high": 0.03, "is_drawn": True}
EXACT = {**DRAWN, "is_drawn": False}


def differs(said, given_value, *, alike=True):
    return first_discrepancy({"m": [said]}, {"m": [given_value]}, are_draws_alike=alike)


def test_equal_documents_do_not_differ():
    assert differs(DRAWN, copy.deepcopy(DRAWN)) is None
    assert differs({"n": 1}, {"n": 1.0}) is None


@given(st.sampled_from(["difference", "low", "high"]), st.floats(1e-3, 10))
def test_a_number_edited_by_hand_is_found_and_named(key, by):
    found = differs({**DRAWN, key: DRAWN[key] + by}, DRAWN)
    assert found.path == f"m/0/{key}"
    assert (found.said, found.given) == (str(DRAWN[key] + by), str(DRAWN[key]))


def test_the_first_in_order_of_keys_is_named():
    assert first_discrepancy({"b": 1, "a": 2}, {"b": 2, "a": 1}, are_draws_alike=True).path == "a"


@pytest.mark.parametrize(
    ("said", "given_value", "said_text", "given_text"),
    [
        ({"a": 1}, {}, "1", "nothing"),
        ({}, {"a": 1}, "nothing", "1"),
        ({"a": True}, {"a": 1}, "True", "1"),
        ({"a": None}, {"a": 0}, "None", "0"),
        ({"a": "x" * 500}, {"a": "y"}, "x" * 117 + "...", "y"),
    ],
)
def test_absent_fields_and_other_types_differ(said, given_value, said_text, given_text):
    found = differs(said, given_value)
    assert (found.said, found.given) == (said_text, given_text)


def test_a_list_that_is_longer_differs_where_it_ends():
    assert first_discrepancy({"m": [1, 2]}, {"m": [1]}, are_draws_alike=True).path == "m/1"


def test_drawn_bounds_may_move_under_other_versions_and_hardly_under_the_same():
    moved = {**DRAWN, "low": 0.011}
    assert differs(moved, DRAWN, alike=False) is None
    assert differs(moved, DRAWN, alike=True).path == "m/0/low"
    assert differs({**DRAWN, "low": 0.013}, DRAWN, alike=False).path == "m/0/low"
    assert differs({**EXACT, "low": 0.011}, EXACT, alike=False).path == "m/0/low"


def test_the_difference_itself_may_never_move():
    assert differs({**DRAWN, "difference": 0.0201}, DRAWN, alike=False).path == "m/0/difference"


def test_versions_of_what_draws_are_known():
    assert set(drawing_versions()) == {"numpy", "scipy"}
    assert "unknown" not in drawing_versions().values()

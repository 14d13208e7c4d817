from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json
from smallcraft.pipeline.reproducing.outputs import first_place

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(["name", "a"]), values, max_size=2)
    ),
    max_leaves=10,
)


@given(JSON, JSON)
def test_a_place_is_named_exactly_where_two_values_are_not_the_same(recorded, now):
    assert (first_place(recorded, now) == "") == (canonical_json(recorded) == canonical_json(now))


@pytest.mark.parametrize(
    ("recorded", "now", "place"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, "a/1: 2, now 3"),
        ({"a": [1, 2]}, {"a": [1]}, "a: 2 entries, now 1 entries"),
        ({"a": None}, {}, "a: null, now nothing"),
        (
            [{"rung": "ngram", "measurements": [{"name": "f1", "slice": "class=x", "value": 1}]}],
            [{"rung": "ngram", "measurements": [{"name": "f1", "slice": "class=x", "value": 2}]}],
            "ngram/measurements/f1 of class=x/value: 1, now 2",
        ),
        ("a" * 80, "b", '"' + "a" * 59 + '..., now "b"'),
    ],
)
def test_a_place_is_named_as_people_name_it(recorded: Any, now: Any, place: str):
    assert first_place(recorded, now) == place


def test_everything_that_came_of_a_build_is_compared(tiny_again):
    names = [item.what for item in tiny_again.outputs]
    assert names[:2] == ["bundle", "bundle/bundle.json"]
    for what in (
        "candidate majority",
        "candidate ngram",
        "quality on dev",
        "answers on dev",
        "choice",
        "audits",
        "cert's answer",
        "data checks",
        "what cert told",
        "verdicts",
    ):
        assert what in names
    assert all(item.same for item in tiny_again.outputs)

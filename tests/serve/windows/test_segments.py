"""Segments of rows: from the model's columns, from the sender's record, or from the request's parameters."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.serve.protocol.opening import open_infer, open_predict
from smallcraft.serve.questions import ModelFacts
from smallcraft.serve.windows.segments import Segments

SPEC = InputSpec(numbers=("size",), categories=("plan",))
FACTS = ModelFacts("m", "1", "sha256:0", "multiclass", SPEC, ("a", "b"), has_stages=False)


def inputs(*plans, sizes=None):
    numbers = np.array(sizes or [0.0] * len(plans)).reshape(-1, 1)
    return Inputs(len(plans), None, numbers, (list(plans),))


def of(column, told, rows, *, most=100, opener=open_predict):
    return list(Segments(column, most=most).of(opener(json.dumps(told).encode()), rows, FACTS))


def test_without_a_column_all_rows_are_one_segment():
    assert Segments(None, most=1).of(open_predict(b"{}"), inputs("a", "b"), FACTS) is None


def test_a_column_of_the_model_names_the_segment():
    assert of("plan", {"rows": [{}, {}]}, inputs("free", None)) == ["free", "unknown"]
    assert of("size", {"rows": [{}] * 3}, inputs(*"abc", sizes=[3.0, 2.5, np.nan])) == ["3", "2.5", "unknown"]


def test_a_column_that_only_the_record_has_names_it_too():
    rows = [{"region": "north"}, {"region": True}, {}, {"region": ["a"]}, "a text alone"]
    told = of("region", {"rows": rows}, inputs(*"abcde"))
    assert told == ["north", "true", "unknown", "unknown", "unknown"]
    assert of("region", {"region": "south"}, inputs("a")) == ["south"]


def test_parameters_name_it_where_the_rows_do_not():
    told = {"parameters": {"region": "west"}}
    assert of("region", told, inputs("a", "b"), opener=open_infer) == ["west", "west"]
    assert of("region", {**told, "rows": [{"region": "east"}, {}]}, inputs("a", "b")) == ["east", "west"]


def test_further_segments_are_one_and_known_ones_stay():
    segments = Segments("plan", most=2)
    opened = open_predict(b"{}")
    first = list(segments.of(opened, inputs("a", "b", "c", None), FACTS))
    assert first == ["a", "b", "other", "unknown"]
    assert list(segments.of(opened, inputs("d", "b", "a"), FACTS)) == ["other", "b", "a"]
    # Of another release they are others.
    assert list(segments.of(opened, inputs("d"), replace(FACTS, version="2", digest="sha256:1"))) == ["d"]


def test_rows_that_were_never_read_are_in_no_segment_of_their_own():
    one, several = Segments(None, most=1), Segments("plan", most=1)
    assert one.of_nothing == "all"
    assert several.of_nothing == "unknown"


@pytest.mark.parametrize("value", ["", "x" * 10_000, 1e308, float("inf")])
def test_whatever_is_sent_is_a_short_name(value):
    [name] = of("region", {"region": value if value != float("inf") else None}, inputs("a"))
    assert 0 < len(name) <= 80

"""Alarms as JSON: every field comes back, and the schema describes them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarm_form import alarm_form, alarm_json, parse_alarm
from smallcraft.observe.alarms import Closing, Ending, Explanation, Harm, HarmVerdict, close

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/alarm.json").read_text("utf-8"))


@pytest.fixture
def all_forms(alarm):
    bare = replace(
        alarm,
        explanation=Explanation(),
        harm=Harm(HarmVerdict.HARMFUL, "losses rose"),
        log_e=None,
        review="x.jsonl",
    )
    return [alarm, bare, close(alarm, Closing(9, "Ada", "a holiday", Ending.ACCEPTED))]


def test_an_alarm_comes_back_as_it_was(all_forms):
    for each in all_forms:
        assert parse_alarm(alarm_json(each)) == each


def test_alarms_are_as_the_schema_says(all_forms):
    for each in all_forms:
        jsonschema.validate(alarm_form(each), SCHEMA)


def test_the_schema_refuses_what_no_alarm_has(alarm):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**alarm_form(alarm), "extra": 1}, SCHEMA)


def test_evidence_past_all_numbers_has_a_number(alarm):
    assert alarm_form(replace(alarm, log_e=5000.0))["e_value"] == 1e300


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("nonsense", "JSON object"),
        ("[]", "JSON object"),
        ('{"format": 9}', "format 1"),
        ('{"format": 1}', "fields"),
    ],
)
def test_what_is_no_alarm_is_refused(data, said):
    with pytest.raises(InvalidInputError, match=said):
        parse_alarm(data)

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.pipeline.reproducing.comparing import noise, reproduction, unknown

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "reproduce.json"


@pytest.mark.parametrize(("verdict", "code"), [("identical", 0), ("within noise", 0), ("diverged", 2)])
def test_only_a_divergence_has_an_exit_code(verdict, code):
    assert reproduction(verdict=verdict).exit_code == code


@pytest.mark.parametrize(
    "changes", [{}, {"verdict": "identical", "first_difference": None, "noise": None, "kept": "there"}]
)
def test_the_json_keeps_to_its_schema(changes):
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(reproduction(**changes).as_json(), allow_nan=False))
    Draft202012Validator(schema).validate(document)
    assert set(document) == set(schema["required"])


def test_a_gap_or_bound_that_is_not_finite_is_no_number_in_json():
    document = reproduction(noise=noise(record_gap=math.inf, low=-math.inf)).as_json()
    told = json.loads(json.dumps(document, allow_nan=False))["noise"]
    assert (told["record_gap"], told["low"], told["high"]) == (None, None, 0.002)


@pytest.mark.parametrize(
    ("changes", "is_inside"),
    [
        ({}, True),
        ({"low": 0.0001}, False),
        ({"high": -0.0001}, False),
        ({"low": -0.006, "high": 0.006}, False),
        ({"record_gap": 0.02}, False),
        ({"record_gap": math.inf}, False),
        ({"same_choice": False}, False),
        ({"strayed": ("ngram recall of class=x: 1 on record",)}, False),
    ],
)
def test_noise_contains_0_is_narrower_than_the_margin_and_agrees_with_the_record(changes, is_inside):
    assert noise(**changes).is_inside is is_inside


def test_what_was_not_compared_neither_differs_nor_is_the_same():
    assert not unknown("BLAS kernel").differs
    assert unknown("BLAS kernel").same is None

"""Schemas of messages, and the one that is published."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.serve.protocol.models import tensor

from smallcraft.serve.protocol.schemas import COMPONENTS, standalone

PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "schemas" / "predict.json"


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_schema_is_one(name):
    Draft202012Validator.check_schema(COMPONENTS[name])
    Draft202012Validator.check_schema(standalone(name))


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_schema_of_its_own_refers_to_nothing_outside_itself(name):
    text = json.dumps(standalone(name))
    referred = set(re.findall(r'"\$ref": "([^"]+)"', text))
    assert referred == {f"#/$defs/{each}" for each in standalone(name)["$defs"]}


def test_the_published_schema_is_the_servers(update_goldens):
    schema = {"$schema": Draft202012Validator.META_SCHEMA["$id"], **standalone("predict_reply")}
    if update_goldens:
        PUBLISHED.write_text(json.dumps(schema, indent=2) + "\n", "utf-8")
    assert json.loads(PUBLISHED.read_text("utf-8")) == schema, "run `make goldens`"


def test_a_reply_with_another_field_is_no_reply():
    validator = Draft202012Validator(standalone("predict_reply"))
    row = {"value": 1.0, "abstained": False, "escalated": False, "release": "a@1", "arm": "stable"}
    assert validator.is_valid(row)
    assert not validator.is_valid(row | {"label": "a"})
    assert not validator.is_valid({name: value for name, value in row.items() if name != "arm"})


def test_a_request_needs_inputs():
    validator = Draft202012Validator(standalone("infer_request"))
    assert validator.is_valid({"inputs": [tensor("a", [1], "INT8")], "parameters": {"key": 7}})
    assert not validator.is_valid({"inputs": []})
    assert not validator.is_valid({"inputs": [tensor("a", [1], "INT4")]})

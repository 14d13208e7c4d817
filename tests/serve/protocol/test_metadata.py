"""What a server says about itself."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from tests.serve.protocol.models import CLASSES, NUMBERS, SAID, TEXT

from smallcraft.serve.protocol.metadata import (
    model_metadata,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from smallcraft.serve.protocol.schemas import standalone


def content_of(message, schema, status=200):
    content = json.loads(message.body)
    Draft202012Validator(standalone(schema)).validate(content)
    assert message.status == status
    return content


def test_a_server_names_its_extensions():
    content = content_of(server_metadata("1.2.3"), "server")
    assert content == {
        "name": "smallcraft",
        "version": "1.2.3",
        "extensions": ["binary_tensor_data", "classification"],
    }


def test_a_model_lists_its_tensors():
    content = content_of(model_metadata(TEXT, versions=["3", "4"], heads=["intent"]), "model")
    assert content["versions"] == ["3", "4"]
    assert content["inputs"] == [{"name": "message", "datatype": "BYTES", "shape": [-1]}]
    assert {"name": "probabilities", "datatype": "FP64", "shape": [-1, 3]} in content["outputs"]
    assert json.loads(content["properties"]["classes"]) == list(CLASSES)
    assert json.loads(content["properties"]["heads"]) == ["intent"]


def test_numbers_together_have_the_order_of_the_properties():
    content = content_of(model_metadata(NUMBERS, versions=["3"]), "model")
    assert content["inputs"] == [{"name": "features", "datatype": "FP64", "shape": [-1, 3]}]
    assert json.loads(content["properties"]["columns"]) == ["age", "hours", "gain"]


@pytest.mark.parametrize("task", SAID)
def test_every_models_metadata_is_what_its_schema_says(task):
    content_of(model_metadata(SAID[task][0], versions=[]), "model")


def test_readiness_says_what_is_missing():
    assert content_of(server_live(), "live") == {"live": True}
    assert content_of(server_ready(), "ready") == {"live": True, "ready": True}
    assert content_of(model_ready("a"), "ready") == {"name": "a", "ready": True}
    assert content_of(server_ready(why_not="a is loading"), "ready", 503)["error"] == "a is loading"
    assert content_of(model_ready("a", why_not="it is loading"), "ready", 503)["ready"] is False

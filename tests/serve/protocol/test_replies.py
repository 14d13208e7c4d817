"""Replies, as the unmodified client reads them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from tests.serve.protocol.models import CLASSES, LABELS, PROBS, SAID, TEXT, asked, predicted, tensor
from tritonclient.http import InferenceServerClient
from tritonclient.utils import triton_to_np_dtype

from smallcraft.serve.answering import split_reply
from smallcraft.serve.protocol.interface import interface_of
from smallcraft.serve.protocol.outputs import output_values
from smallcraft.serve.protocol.replies import write_reply
from smallcraft.serve.protocol.schemas import standalone

MESSAGES = tensor("message", ["a", "b"])


def headers(message):
    return {name.decode(): value.decode() for name, value in message.headers}


def received(message):
    """A reply as the client of Triton reads it."""
    assert headers(message)["content-length"] == str(len(message.body))
    length = headers(message).get("inference-header-content-length")
    return InferenceServerClient.parse_response_body(
        message.body, header_length=None if length is None else int(length)
    )


def question_for(model, **fields):
    spec = model.facts.spec
    entry = MESSAGES if spec.text else tensor("age", [1.0, 2.0], "FP64")
    return asked(model, entry, **fields)


@pytest.mark.parametrize("is_binary", [True, False])
@pytest.mark.parametrize("task", SAID)
def test_the_client_reads_every_output_in_every_form(task, is_binary):
    model, reply = SAID[task]
    question = question_for(model, id="r1", parameters={"binary_data_output": is_binary})
    message = write_reply(question, reply, model, arm="canary")
    result = received(message)
    assert [output["name"] for output in result.get_response()["outputs"]] == list(model.outputs)
    for name, spec in model.outputs.items():
        values = result.as_numpy(name)
        assert values.dtype == np.dtype(triton_to_np_dtype(spec.datatype))
        assert list(values.shape) == [2, *spec.shape[1:]]
        got = [value.decode() if isinstance(value, bytes) else value for value in values.ravel().tolist()]
        assert got == list(output_values(name, reply, model))


@pytest.mark.parametrize("task", SAID)
def test_raw_replies_one_after_the_other_are_each_as_if_it_were_the_first(task):
    model, reply = SAID[task]
    question = question_for(model, parameters={"binary_data_output": True})
    first, second = split_reply(reply, [1, 1])
    for said in (reply, first, second, first, reply, second):
        for arm in ("stable", "canary"):
            fresh = interface_of(model.facts)
            wanted = write_reply(question._replace(outputs=fresh.all_binary), said, fresh, arm=arm)
            found = write_reply(question, said, model, arm=arm)
            assert (found.body, found.headers) == (wanted.body, wanted.headers)
            told = received(found).get_response()
            # With a name of its own it is written from the beginning each time.
            named = received(write_reply(question._replace(id="r1"), said, model, arm=arm)).get_response()
            assert {**told, "id": "r1"} == named


def test_raw_and_json_outputs_may_stand_together_in_any_order():
    outputs = [
        {"name": "probabilities", "parameters": {"binary_data": True}},
        {"name": "abstained"},
        {"name": "label", "parameters": {"binary_data": True, "classification": 2}},
        {"name": "confidence", "parameters": {"binary_data": True}},
    ]
    message = write_reply(question_for(TEXT, outputs=outputs), LABELS, TEXT, arm="stable")
    result = received(message)
    np.testing.assert_array_equal(result.as_numpy("probabilities"), PROBS)
    np.testing.assert_array_equal(result.as_numpy("abstained"), [False, True])
    np.testing.assert_array_equal(result.as_numpy("confidence"), [0.7, 0.4])
    assert result.as_numpy("label").tolist() == [
        [b"0.7:1:card: lost", "0.2:2:größe".encode()],
        [b"0.4:0:cancel", b"0.35:1:card: lost"],
    ]
    assert headers(message)["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("form", ["tensors", "row", "rows"])
def test_a_reply_says_which_release_spoke(form):
    rows = {"tensors": None, "row": {"text": "a"}, "rows": {"rows": ["a", "b"]}}[form]
    question = question_for(TEXT) if rows is None else predicted(TEXT, rows)
    message = write_reply(question, LABELS, TEXT, arm="canary")
    content = json.loads(message.body)
    said = content["parameters"] if form == "tensors" else content
    assert (said["release"], said["arm"]) == ("helpdesk@3", "canary")
    assert (headers(message)["x-release"], headers(message)["x-arm"]) == ("helpdesk@3", "canary")
    assert headers(message)["content-type"] == "application/json"
    assert message.status == 200


def test_the_id_comes_back_as_it_was_sent():
    reply = json.loads(write_reply(question_for(TEXT, id="größe 1"), LABELS, TEXT, arm="stable").body)
    assert (reply["id"], reply["model_name"], reply["model_version"]) == ("größe 1", "helpdesk", "3")
    assert "id" not in json.loads(write_reply(question_for(TEXT), LABELS, TEXT, arm="stable").body)


@pytest.mark.parametrize("task", SAID)
def test_a_reply_is_what_its_schema_says(task):
    model, reply = SAID[task]
    content = json.loads(write_reply(question_for(model, id="a"), reply, model, arm="stable").body)
    Draft202012Validator(standalone("infer_reply")).validate(content)


def test_the_numbers_of_a_reply_are_exact():
    outputs = [{"name": "probabilities"}]
    content = json.loads(write_reply(question_for(TEXT, outputs=outputs), LABELS, TEXT, arm="stable").body)
    (output,) = content["outputs"]
    assert output == {
        "name": "probabilities",
        "datatype": "FP64",
        "shape": [2, 3],
        "data": PROBS.ravel().tolist(),
    }


def test_a_class_that_the_bundle_does_not_list_is_encoded_too():
    """A hierarchical decision answers with nodes above the classes."""
    assert "greetings" not in CLASSES
    outputs = [{"name": "label", "parameters": {"binary_data": True}}]
    labels = type(LABELS.decisions)(
        ("greetings", None), LABELS.decisions.confidence, LABELS.decisions.abstained
    )
    reply = type(LABELS)(PROBS, labels, LABELS.escalated)
    message = write_reply(question_for(TEXT, outputs=outputs), reply, TEXT, arm="stable")
    assert received(message).as_numpy("label").tolist() == [b"greetings", b""]

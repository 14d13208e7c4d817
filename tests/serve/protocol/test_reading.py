"""Requests as questions: those of the unmodified client, and whatever a hostile one may send."""

from __future__ import annotations

import json
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.protocol.models import MIXED, NUMBERS, PRICES, SETS, TAGS, TEXT, assert_clear, opened, tensor
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from smallcraft.errors import InvalidInputError
from smallcraft.serve.protocol.opening import open_infer, open_predict
from smallcraft.serve.protocol.reading import choose_head, read_question

MODELS = (TEXT, NUMBERS, MIXED, TAGS, PRICES, SETS)


def sent(model, inputs, **options):
    """A question as the client of Triton writes it."""
    body, json_length = InferenceServerClient.generate_request_body(inputs, **options)
    length = None if json_length is None else b"%d" % json_length
    return read_question(open_infer(bytes(body), json_length=length), model)


def client_input(name, values, datatype, binary):
    return InferInput(name, list(values.shape), datatype).set_data_from_numpy(values, binary_data=binary)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_the_client_asks_with_every_kind_of_column(binary, shape):
    inputs = [
        client_input("message", np.array(["a", "größe"], dtype=object).reshape(shape), "BYTES", binary),
        client_input("age", np.array([1.5, 2.5], dtype=np.float32).reshape(shape), "FP32", binary),
        client_input("job", np.array([b"nurse", b"cook"], dtype=object).reshape(shape), "BYTES", binary),
        client_input("is_new", np.array([True, False]).reshape(shape), "BOOL", binary),
    ]
    question = sent(MIXED, inputs, request_id="r1", parameters={"key": "k"})
    assert (question.id, question.key, question.inputs.texts) == ("r1", "k", ["a", "größe"])
    np.testing.assert_array_equal(question.inputs.numbers, [[1.5], [2.5]])
    assert question.inputs.categories == (["nurse", "cook"], ["true", "false"])
    assert {output.is_binary for output in question.outputs} == {True}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint32, np.int64])
def test_json_and_binary_mode_of_the_client_ask_the_same(dtype):
    values = (np.arange(6).reshape(2, 3) / 3 * 7).astype(dtype)
    datatype = {"float16": "FP16", "float32": "FP32", "float64": "FP64", "int8": "INT8"}.get(
        np.dtype(dtype).name, np.dtype(dtype).name.upper()
    )
    asked = [
        sent(NUMBERS, [client_input("features", values, datatype, binary)]).inputs.numbers
        for binary in (True, False)
    ]
    np.testing.assert_array_equal(asked[0], values.astype(np.float64))
    np.testing.assert_array_equal(asked[0], asked[1])


def test_the_client_names_its_outputs():
    question = sent(
        TEXT,
        [client_input("message", np.array(["a"], dtype=object), "BYTES", False)],
        outputs=[
            InferRequestedOutput("label", binary_data=False),
            InferRequestedOutput("probabilities", class_count=2),
        ],
    )
    assert [(o.name, o.is_binary, o.top) for o in question.outputs] == [
        ("label", False, 0),
        ("probabilities", True, 2),
    ]


def test_a_head_is_chosen_by_name():
    heads = {"": TEXT, "intent": TAGS}
    assert choose_head(opened(parameters={"head": "intent"}), heads) is TAGS
    assert choose_head(opened(), heads) is TEXT
    with pytest.raises(InvalidInputError, match="got 'intnt'; it has 'intent' - did you mean 'intent'"):
        choose_head(opened(parameters={"head": "intnt"}), heads)
    with pytest.raises(InvalidInputError, match="got ''; it has 'intent'; name one of them"):
        choose_head(opened(), {"intent": TAGS})
    with pytest.raises(InvalidInputError, match="got 'a'; it has none; leave it out"):
        choose_head(opened(parameters={"head": "a"}), {"": TEXT})


# --- whatever a hostile client may send ----------------------------------------------

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "message", "age", "features", "BYTES", "FP32", "label", "\x00", "x" * 300]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
SHAPES = st.lists(st.sampled_from([-1, 0, 1, 2, 3, 257, 2**63]) | JSON, max_size=3)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "binary_data_size": st.sampled_from([-1, 0, 1, 4, 8, 12, 2**64]) | JSON,
        "binary_data": JSON,
        "classification": st.sampled_from([-1, 0, 1, 9]) | JSON,
        "binary_data_output": JSON,
        "shared_memory_region": JSON,
        "key": JSON,
    },
)
INPUTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["message", "age", "job", "is_new", "hours", "gain", "features"]) | JSON,
        "shape": SHAPES | JSON,
        "datatype": st.sampled_from(["BYTES", "FP16", "FP32", "FP64", "INT8", "INT64", "UINT64", "BOOL"])
        | JSON,
        "data": st.lists(JSON, max_size=4) | JSON,
        "parameters": PARAMETERS | JSON,
    },
)
OUTPUTS = st.fixed_dictionaries(
    {"name": st.sampled_from(["label", "labels", "tags", "value", "probabilities"]) | JSON},
    optional={"parameters": PARAMETERS | JSON},
)
ENVELOPES = st.fixed_dictionaries(
    {"inputs": st.lists(INPUTS, max_size=4) | JSON},
    optional={"id": JSON, "parameters": PARAMETERS | JSON, "outputs": st.lists(OUTPUTS, max_size=3) | JSON},
)
ROWS = st.dictionaries(st.sampled_from(["text", "message", "age", "job", "is_new", "hours", "gain"]), JSON)


def assert_understood_or_refused(body, model, *, json_length=None, is_plain=False):
    """Whatever comes is a question that fits the model, or an error that says what to do."""
    try:
        request = open_predict(body) if is_plain else open_infer(body, json_length=json_length)
        question = read_question(request, model)
    except InvalidInputError as refusal:
        assert_clear(refusal)
        return
    inputs, spec = question.inputs, model.facts.spec
    assert 1 <= inputs.n <= 256
    assert inputs.numbers.shape == (inputs.n, len(spec.numbers))
    assert not np.isinf(inputs.numbers).any()
    assert (inputs.texts is None) == (spec.text is None)
    assert [len(column) for column in inputs.categories] == [inputs.n] * len(spec.categories)
    assert all(type(text) is str for text in inputs.texts or [])
    assert all(value is None or type(value) is str for value in chain(*inputs.categories))


@given(ENVELOPES, st.binary(max_size=24), st.sampled_from(MODELS), st.integers(-2, 2))
@settings(max_examples=150)
def test_any_tensors_are_understood_or_refused(envelope, raw, model, slip):
    head = json.dumps(envelope).encode()
    length = b"%d" % max(len(head) + slip, 0)
    assert_understood_or_refused(head + raw, model, json_length=length)
    assert_understood_or_refused(head, model)


@given(
    ROWS | st.fixed_dictionaries({"rows": st.lists(ROWS | JSON, max_size=3) | JSON}), st.sampled_from(MODELS)
)
@settings(max_examples=100)
def test_any_rows_are_understood_or_refused(content, model):
    assert_understood_or_refused(json.dumps(content).encode(), model, is_plain=True)


@given(st.data(), st.sampled_from([TEXT, NUMBERS]))
@settings(max_examples=100)
def test_a_request_with_any_byte_changed_is_understood_or_refused(data, model):
    entry = (
        tensor("message", ["abc"]) if model is TEXT else tensor("features", [1.5, 2.0, 3.0], "FP64", [1, 3])
    )
    body = bytearray(json.dumps({"inputs": [entry], "outputs": [{"name": "label"}]}).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert_understood_or_refused(bytes(body), model)

from __future__ import annotations

import socket
import time
from threading import Thread

import pytest
from tests.evaluate.harness.openers.toy_models import (
    LABELS,
    TEXTS,
    names,
    number_questions,
    serving,
    text_questions,
)

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.asking import ask_model
from smallcraft.evaluate.harness.openers import BUILTIN, inference_url
from smallcraft.evaluate.harness.openers.opener import OpenOptions

OPENER = BUILTIN["inference_url"]
BY_HEART = dict(zip(TEXTS, LABELS, strict=True))


def labels_of(inputs):
    said = [BY_HEART[text] for text in inputs[0]["data"]]
    return {"outputs": [{"name": "label", "datatype": "BYTES", "shape": [len(said)], "data": said}]}


def table_of(inputs, *, nested: bool = False, where: str = "output"):
    rows = [[0.1, 0.9] if BY_HEART[text] == "pos" else [0.7, 0.3] for text in inputs[0]["data"]]
    data = rows if nested else [value for row in rows for value in row]
    output = {"name": "probabilities", "datatype": "FP32", "shape": [len(rows), 2], "data": data}
    said = {"parameters": {"classes": ["neg", "pos"]}}
    return {"outputs": [output | (said if where == "output" else {})]} | (said if where == "reply" else {})


def test_text_goes_as_bytes_and_labels_come_back_a_batch_at_a_time():
    seen: list[dict] = []
    with serving(labels_of, seen=seen) as address:
        asked = ask_model(OPENER.open(address, OpenOptions()), text_questions(), batch=4)
    assert names(asked.answers) == LABELS
    assert asked.answers.labels_only
    assert [body["inputs"] for body in seen] == [
        [{"name": "message", "shape": [len(part)], "datatype": "BYTES", "data": part}]
        for part in (TEXTS[:4], TEXTS[4:])
    ]
    assert asked.cost.name == "wall_s_per_1000"
    assert asked.cost.value is not None


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("where", ["output", "reply"])
def test_a_table_may_be_flat_or_nested_and_say_its_classes_in_two_places(nested, where):
    with serving(lambda inputs: table_of(inputs, nested=nested, where=where)) as address:
        found = OPENER.open(address, OpenOptions()).answer(text_questions())
    assert names(found) == LABELS
    assert found.probs[0].tolist() == pytest.approx([0.1, 0.9])


def test_a_table_without_classes_takes_them_from_the_option_or_is_refused():
    with serving(lambda inputs: table_of(inputs, where="nowhere")) as address:
        with pytest.raises(InvalidInputError, match="write --classes a,b,c"):
            OPENER.open(address, OpenOptions()).answer(text_questions())
        found = OPENER.open(address, OpenOptions(classes=("neg", "pos"))).answer(text_questions())
    assert names(found) == LABELS


def test_inputs_are_called_what_the_metadata_call_them():
    seen: list[dict] = []
    metadata = {"name": "toy", "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1]}]}
    with serving(labels_of, metadata=metadata, seen=seen) as address:
        OPENER.open(address, OpenOptions()).answer(text_questions())
    assert seen[0]["inputs"][0]["name"] == "text"


def test_features_go_as_a_tensor_each():
    seen: list[dict] = []
    reply = {"outputs": [{"name": "label", "datatype": "BYTES", "shape": [2], "data": ["pos", "neg"]}]}
    with serving(lambda inputs: reply, seen=seen) as address:
        model = OPENER.open(address, OpenOptions())
        assert names(model.answer(number_questions(age=[1.0, 2.5], job=["cook", None]))) == ["pos", "neg"]
        with pytest.raises(InvalidInputError, match="'age' has no value in row 2 of a batch"):
            model.answer(number_questions(age=[1.0, None]))
    assert seen[0]["inputs"] == [
        {"name": "age", "shape": [2], "datatype": "FP64", "data": [1.0, 2.5]},
        {"name": "job", "shape": [2], "datatype": "BYTES", "data": ["cook", ""]},
    ]


def test_columns_that_the_model_asks_for_by_name():
    metadata = {"inputs": [{"name": "age"}, {"name": "job"}]}
    with serving(labels_of, metadata=metadata) as address:
        model = OPENER.open(address, OpenOptions())
        assert model.reads == ("age", "job")
        with pytest.raises(InvalidInputError, match="the model reads 'job'"):
            model.answer(number_questions(age=[1.0], height=[2.0]))


def output(**parts):
    return {"outputs": [{"name": "label", "datatype": "BYTES", "shape": [6], "data": LABELS} | parts]}


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        ({}, "output 'probabilities' or 'label', got none"),
        ({"outputs": [{"name": "scores", "data": [1]}]}, "got scores"),
        ({"outputs": "x"}, "got none"),
        ([1, 2], "must answer with an object, got list"),
        (output(data=LABELS[:5], shape=[5]), "for each of 6 rows, got 5 values"),
        (output(shape=[7]), r"says its shape is \[7\]"),
        (output(data=LABELS * 2, shape=[6, 2]), "one value a row, got 2"),
        (output(data=[*LABELS[:5], None]), "row 6"),
        (output(data=[]), "got 0 values"),
        (
            output(
                name="probabilities",
                data=[float("nan")] * 12,
                shape=[6, 2],
                parameters={"classes": ["a", "b"]},
            ),
            "row 1 must hold prob",
        ),
        (
            output(name="probabilities", data=["x"] * 12, shape=[6, 2], parameters={"classes": ["a", "b"]}),
            "table of numbers",
        ),
    ],
)
def test_answers_that_cannot_be_used_are_refused(reply, what):
    with serving(lambda inputs: reply) as address, pytest.raises(InvalidInputError, match=what):
        OPENER.open(address, OpenOptions()).answer(text_questions())


def test_an_error_of_the_server_is_told_in_its_own_words():
    with (
        serving(lambda inputs: {"error": "model not ready"}, status=503) as address,
        pytest.raises(InvalidInputError, match=r"status 503: .*model not ready"),
    ):
        OPENER.open(address, OpenOptions()).answer(text_questions())


@pytest.mark.parametrize("raw", [b"<html>", b"", b"[" * 100_000])
def test_what_is_no_json_is_refused(raw):
    with (
        serving(labels_of, raw=raw) as address,
        pytest.raises(InvalidInputError, match="must answer in JSON"),
    ):
        OPENER.open(address, OpenOptions()).answer(text_questions())


def test_an_answer_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(inference_url, "LARGEST_ANSWER", 50)
    with serving(labels_of) as address, pytest.raises(InvalidInputError, match="more than 50 bytes"):
        OPENER.open(address, OpenOptions()).answer(text_questions())


def test_nobody_there_and_one_who_does_not_answer_in_time():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        begun = time.perf_counter()
        with pytest.raises(InvalidInputError, match=r"did not answer within 0.2 s.*--timeout"):
            OPENER.open(f"http://127.0.0.1:{port}/v2/models/toy", OpenOptions(timeout=0.2))
        assert time.perf_counter() - begun < 5
    with pytest.raises(NotFoundError, match="nobody answers at"):
        OPENER.open(f"http://127.0.0.1:{port}/v2/models/toy", OpenOptions())


def test_one_who_does_not_speak_http_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(b"220 mail.example ready\r\n")
            connection.close()

        thread = Thread(target=greet)
        thread.start()
        with pytest.raises(InvalidInputError, match="does not speak HTTP"):
            OPENER.open(f"http://127.0.0.1:{listening.getsockname()[1]}/v2/models/toy", OpenOptions())
        thread.join()


@pytest.mark.parametrize("name", ["a b", "ä", "a\tb"])
def test_an_address_that_cannot_be_sent_is_refused(name):
    with pytest.raises((InvalidInputError, NotFoundError), match="correct the address"):
        OPENER.open(f"http://127.0.0.1:9/v2/models/{name}", OpenOptions())


@pytest.mark.parametrize(
    "address",
    ["http://host", "http://host:80/predict", "http://:80/v2/models/x", "http://h:99999/v2/models/x"],
)
def test_what_is_no_address_of_a_model_is_refused(address):
    with pytest.raises(InvalidInputError, match="http://host:8080/v2/models/NAME"):
        OPENER.open(address, OpenOptions())

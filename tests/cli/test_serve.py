"""`serve`: what a person sees and may ask; what cannot be served is said before anything starts."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import require, why_no_program
from tests.projects import copy_project
from tests.serving_projects import PATIENCE_S, serving

from smallcraft.api import load
from smallcraft.pipeline.workspace import open_registry

TEXTS = ["please refund my invoice", "the parcel of the courier"]


@pytest.fixture(scope="module")
def served(storied_built, tmp_path_factory):
    folder = copy_project(storied_built, tmp_path_factory.mktemp("served") / "p")
    with serving(folder, "rows@2") as found:
        yield found


def test_it_says_what_is_served_where_and_what_to_do_next(served):
    assert served.said.startswith(f"rows@2 at {served.address}\n")
    for next_step in ("/predict", "/openapi.json", "/metrics", "smallcraft rollout start", "Ctrl-C"):
        assert next_step in served.said
    last = served.said.splitlines()[-1]
    assert last == f"next  curl {served.address}/predict -d '" + '{"message": "write your text here"}' + "'"


def test_a_plain_question_has_the_released_answer(served):
    predictor = load("rows@2", project=served.project)
    for text, label in zip(TEXTS, predictor.predict(TEXTS), strict=True):
        found = served.ask("/predict", {"text": text})
        assert (found["label"], found["release"], found["arm"]) == (label, "rows@2", "stable")


def test_the_open_inference_protocol_has_the_released_probabilities(served):
    tensor = {"name": "message", "datatype": "BYTES", "shape": [2], "data": TEXTS}
    found = served.ask("/v2/models/rows/infer", {"inputs": [tensor]})
    probs = next(output for output in found["outputs"] if output["name"] == "probabilities")
    expected = load("rows@2", project=served.project).predict_proba(TEXTS)
    np.testing.assert_array_equal(np.reshape(probs["data"], probs["shape"]), expected)


def test_a_question_that_does_not_fit_is_told_what_would(served):
    assert "message" in served.ask("/predict", {"txet": "hello"})["error"]
    assert "rows" in served.ask("/v2/models/rosw/infer", {"inputs": []})["error"]


def test_a_second_server_of_the_same_folder_is_refused(served, told):
    message = told("serve", "rows@2", "-p", served.project, "--port", "0", code=1)
    assert "another server uses the state folder" in message


@pytest.mark.slow
def test_without_a_name_the_stable_release_is_served_and_ctrl_c_ends_it_in_order(storied_built, tmp_path):
    folder = copy_project(storied_built, tmp_path / "p")
    (folder / "tokens.txt").write_text("a-token-of-many-letters\n", encoding="utf-8")
    with serving(folder, "--in-process", "--token-file", str(folder / "tokens.txt")) as found:
        assert found.said.startswith("rows@1 at ")
        assert "error" in found.ask("/predict", {"text": TEXTS[0]})
        told = found.ask("/predict", {"text": TEXTS[0]}, authorization="Bearer a-token-of-many-letters")
        assert told["release"] == "rows@1"
        found.process.send_signal(signal.SIGINT)
        assert found.process.wait(PATIENCE_S) == 0
    assert not (folder / ".smallcraft/serving/serving.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rows@9"], "rows has no version '9'"),
        (["rows@1", "rows@2"], "one release of each model answers"),
        (["rows@1", "--head", "billing"], "write billing=billing@stable"),
        (["rows@1", "--port", "70000"], "port must be from 0 to 65535"),
        (["rows@1", "--routers", "0"], "routers and open_requests must be 1 or more, got 0"),
        (["rows@1", "--token-file", "no-such-file"], "must be a text file with a token a line"),
        (["rows@1", "--on", "there"], "a server is on 'here' or 'ray', got 'there'; write --on ray"),
        (["rows@1", "--on", "ray://head:10001"], "make this machine one (`ray start --address HOST:6379`)"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_remedy(arguments, said, storied_built, told, tmp_path):
    message = told("serve", *arguments, "-p", storied_built, "--state", tmp_path / "state", code=1)
    assert message.startswith("error: ")
    assert said in message


@pytest.mark.ray
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--in-process"], "a server on Ray has no --in-process"),
        (["--traces", "http://127.0.0.1:4318/v1/traces"], "a server on Ray has no --traces"),
        (["--replicas", "0"], "routers and replicas must be 1 or more, got 3 and 0"),
        (["--cpus", "0"], "processors of a process must be above 0"),
    ],
)
def test_what_cannot_be_served_on_ray_is_refused_before_a_cluster_is_looked_for(
    arguments, said, storied_built, told, tmp_path
):
    state = tmp_path / "state"
    command = ("serve", "rows@1", "--on", "ray", *arguments, "-p", storied_built, "--state", state)
    assert said in told(*command, code=1)
    assert not (state / "serving.json").exists()


@pytest.mark.parametrize(
    "arguments", [("--memory-mb", "0"), ("--trace-ratio", "2"), ("--trace-ratio", "-1"), ("--port", "x")]
)
def test_a_number_that_is_out_of_range_is_refused_with_the_option(arguments, told):
    message = told("serve", *arguments, code=1)
    assert f"'{arguments[0]}'" in message
    assert "Traceback" not in message


def test_without_a_registry_the_command_that_makes_one_is_told(told, tmp_path):
    (tmp_path / "smallcraft.toml").write_text(
        '[data]\npath = "rows.csv"\ntext = "m"\nlabel = "l"\n', encoding="utf-8"
    )
    assert "run `smallcraft build` to make one" in told("serve", "-p", tmp_path, code=1)


def test_a_release_with_a_changed_byte_is_never_served(storied, told):
    blobs = Path(storied, ".smallcraft/registry/blobs/sha256")
    files = [file for file in open_registry(storied).find("rows@2").files if file.path.startswith("bundle/")]
    served = [blobs / file.digest.removeprefix("sha256:") for file in files]
    largest = max((path for path in served if path.exists()), key=lambda path: path.stat().st_size)
    largest.chmod(0o644)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(bytes(data))
    message = told("serve", "rows@2", "-p", storied, "--port", "0", code=4)
    assert message.startswith("broken: ")


def test_curl_has_an_answer(served):
    require(why_no_program("curl", "curl"))
    command = shlex.split(served.said.splitlines()[-1])[1:]
    assert command[0] == "curl"
    command.insert(1, "-s")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["release"] == "rows@2"

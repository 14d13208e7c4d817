"""The front door as an ASGI application: under our own connections and under plain ASGI."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from contextlib import ExitStack

import numpy as np
import pytest
import tritonclient.http as triton
from tests.serve.http_threads import front
from tests.serve.router.scenes import Scene, hang_up
from tests.serve.running import Answer, row
from tests.serve.worker_threads import numbers_answerer, worker_thread

from smallcraft.serve.app import App
from smallcraft.serve.protocol.messages import json_message
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.router.arms import Local
from smallcraft.serve.worker.blackbox import BlackBox

INFER = "/v2/models/m/infer"


@pytest.fixture(scope="module")
def answerer(tmp_path_factory):
    return numbers_answerer(tmp_path_factory.mktemp("bundle"))


def make(tmp_path, answerer, **settings) -> tuple[App, Scene]:
    """An application over a model in the process itself."""
    made = Scene()

    async def supervisor(goal, rollout, accept):
        return json_message({"goal": goal, "rollout": rollout, "accept": accept})

    facts = answerer.heads[""]
    made.model.use_local(facts.digest, Local(answerer, BlackBox(tmp_path / "box")))
    assert made.model.follow(Assignment(1, NamedRelease("m@1", facts.digest)))
    app = App("r1", {"m": made.model}, made.desk, made.counters, ask_supervisor=supervisor, **settings)
    return app, made


def call(app: App, path: str, body: bytes = b"", *headers: tuple[bytes, bytes], method: str = "") -> Answer:
    """One request as plain ASGI has it, its body in two pieces."""
    events = [
        {"type": "http.request", "body": body[:5], "more_body": True},
        {"type": "http.request", "body": body[5:], "more_body": False},
    ]
    sent = []

    async def receive():
        return events.pop(0)

    async def send(event):
        sent.append(event)

    scope = {
        "type": "http",
        "method": method or ("POST" if body else "GET"),
        "path": path,
        "headers": list(headers),
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, sent[1]["body"])


@pytest.fixture
def app(tmp_path, answerer):
    return make(tmp_path, answerer)[0]


BODY = json.dumps(row()).encode()


def test_an_answer_says_who_gave_it_and_names_its_request(app):
    answer = call(app, INFER, BODY)
    assert answer.status == 200
    assert answer.headers["x-release"] == "m@1"
    assert answer.headers["x-arm"] == "stable"
    assert answer.headers["x-request-id"].startswith("r1-")
    named = call(app, INFER, BODY, (b"x-request-id", b"abc-7"))
    assert named.headers["x-request-id"] == "abc-7"


def test_a_name_that_is_none_is_replaced(app):
    for name in (b"", b"a b", b"x" * 129, b"\xff"):
        assert call(app, INFER, BODY, (b"x-request-id", name)).headers["x-request-id"].startswith("r1-")


def test_the_plain_face_answers_the_same(app):
    plain = call(app, "/predict", json.dumps({f"x{place}": 0.5 for place in range(4)}).encode())
    assert plain.status == 200
    assert plain.json["release"] == "m@1"
    assert plain.json["label"].startswith("class ")


def test_what_does_not_fit_is_told_with_the_remedy(app):
    for body, status in ((b"{", 400), (b"[]", 400), (b'{"inputs": 3}', 400)):
        answer = call(app, INFER, body)
        assert answer.status == status
        assert set(answer.json) == {"error"}


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/nowhere", "GET", 404),
        ("/v2/models/other/infer", "POST", 404),
        ("/v2/models/m/versions/9/infer", "POST", 404),
        ("/v2/models/other", "GET", 404),
        ("/v2/models/m/versions/9", "GET", 404),
        (INFER, "GET", 405),
        ("/metrics", "POST", 405),
    ],
)
def test_what_is_not_there_is_told(app, path, method, status):
    assert call(app, path, BODY if method == "POST" else b"", method=method).status == status


def test_the_server_tells_about_itself(app):
    assert call(app, "/v2").json["name"] == "smallcraft"
    assert call(app, "/v2/health/live").json == {"live": True}
    assert call(app, "/v2/health/ready").json["ready"]
    assert call(app, "/v2/models/m").json["versions"] == ["1"]
    assert call(app, "/v2/models/m/versions/1/ready").json["ready"]
    assert INFER.replace("/m/", "/{model}/") in call(app, "/openapi.json").json["paths"]


def test_a_model_that_is_not_loaded_is_not_ready(app, tmp_path, answerer):
    app, made = make(tmp_path, answerer)
    made.model.split = None
    assert call(app, "/v2/health/live").status == 200
    assert call(app, "/v2/health/ready").status == 503
    assert call(app, "/v2/models/m/ready").status == 503
    assert call(app, "/v2/models/m").status == 503
    assert call(app, INFER, BODY).status == 503


def test_what_only_the_supervisor_knows_is_asked_for(app):
    metrics = call(app, "/metrics", b"", (b"accept", b"text/plain"))
    assert metrics.json == {"goal": "metrics", "rollout": "", "accept": "text/plain"}
    assert call(app, "/v2/rollouts/m-2-abc/verdict").json["rollout"] == "m-2-abc"


TOKENS = ("a-token-of-some-length", "another-token-of-some")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"Bearer a-token-of-some-length", 200),
        (b"bearer  another-token-of-some ", 200),
        (b"Bearer a-token-of-some-lengt", 401),
        (b"Bearer ", 401),
        (b"Basic a-token-of-some-length", 401),
        (None, 401),
    ],
)
def test_without_a_token_nothing_is_told_but_that_the_server_lives(tmp_path, answerer, sent, status):
    app, _ = make(tmp_path, answerer, tokens=TOKENS)
    headers = () if sent is None else ((b"authorization", sent),)
    for path, body in ((INFER, BODY), ("/metrics", b""), ("/v2/models/m", b"")):
        answer = call(app, path, body, *headers)
        assert answer.status == status
        assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)
    assert call(app, "/v2/health/ready").status == 200


def test_a_body_over_the_limit_is_refused_under_any_server(tmp_path, answerer):
    app, made = make(tmp_path, answerer, most_bytes=100)
    assert call(app, INFER, b"x" * 101).status == 413
    packed = gzip.compress(b"x" * 10_000)
    assert len(packed) < 100
    assert call(app, INFER, packed, (b"content-encoding", b"gzip")).status == 400
    assert made.counters.refusals == {"body": 1, "invalid": 1}


def test_a_compressed_body_is_read(app):
    answer = call(app, INFER, gzip.compress(BODY), (b"content-encoding", b"gzip"))
    assert answer.status == 200


def test_a_request_that_breaks_the_server_inside_is_told_no_more(app):
    async def broken(model, request):
        raise ZeroDivisionError("a secret")

    app._desk.answer = broken
    answer = call(app, INFER, BODY)
    assert answer.status == 500
    assert "secret" not in answer.body.decode()


@pytest.fixture(scope="module")
def port(tmp_path_factory, answerer):
    """Our own front, and a model behind a worker."""
    folder = tmp_path_factory.mktemp("front")
    with ExitStack() as stack:
        worker = stack.enter_context(worker_thread(folder, answerer))
        made = Scene()
        app = App("r1", {"m": made.model}, made.desk, made.counters, ask_supervisor=None)
        served = stack.enter_context(front(app))
        loop = served.server.servers[0].get_loop()

        async def begin():
            assert await made.reach(worker)
            assert made.follow(worker)

        asyncio.run_coroutine_threadsafe(begin(), loop).result(30)
        yield served.port
        asyncio.run_coroutine_threadsafe(hang_up(made), loop).result(30)


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "json"])
def test_an_unchanged_client_of_the_protocol_is_answered(port, answerer, is_binary):
    rows = np.random.default_rng(4).normal(size=(3, 4))
    with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("m")
        assert client.get_model_metadata("m")["platform"] == "smallcraft_bundle"
        given = triton.InferInput("features", [3, 4], "FP64")
        given.set_data_from_numpy(rows, binary_data=is_binary)
        wanted = [
            triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("label", "probabilities")
        ]
        result = client.infer("m", [given], outputs=wanted, request_id="mine")
    expected = answerer.answer(given_inputs(rows))
    assert result.get_response()["id"] == "mine"
    assert result.as_numpy("probabilities").tobytes() == expected.probs.tobytes()
    labels = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label")]
    assert labels == list(expected.decisions.labels)


def given_inputs(rows):
    from smallcraft.bundle.inputs import Inputs

    return Inputs(len(rows), None, rows, ())


def test_many_clients_at_once_are_each_given_their_own(port, answerer):
    wrong = []

    def ask(number: int) -> None:
        rows = np.full((1, 4), 0.01 * number)
        expected = answerer.answer(given_inputs(rows)).probs
        with triton.InferenceServerClient(f"127.0.0.1:{port}") as client:
            for _ in range(5):
                given = triton.InferInput("features", [1, 4], "FP64")
                given.set_data_from_numpy(rows)
                found = client.infer("m", [given]).as_numpy("probabilities")
                if found.tobytes() != expected.tobytes():
                    wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []

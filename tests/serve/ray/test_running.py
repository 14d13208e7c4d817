"""A whole server on Ray: unchanged clients, releases that are bad in one way each, killed processes."""

from __future__ import annotations

import contextlib
import http.client
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from tests.serve.ray.clusters import RATE, RunningOnRay, running_on_ray
from tests.serve.running import PLAN, counted, more_answers, row, until
from tests.serve.test_app import given_inputs

from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.processes.whereabouts import read_whereabouts
from smallcraft.serve.ray.running import serve_on_ray
from smallcraft.serve.ray.settings import RaySettings
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.state.opening import find_receipts

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROWS = [row(place / 3 - 2) for place in range(12)]
# A quarter of these is what faults wait for.
MIXED = [row(0.25), row(), row(1.0), row(-1.0)]


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "json"])
def test_an_unchanged_client_of_the_protocol_is_answered(server: RunningOnRay, releases, is_binary):
    rows = np.random.default_rng(4).normal(size=(3, 4))
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}", network_timeout=60.0) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("m")
        assert client.get_model_metadata("m")["platform"] == "smallcraft_bundle"
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        given = triton.InferInput("features", [3, 4], "FP64")
        given.set_data_from_numpy(rows, binary_data=is_binary)
        wanted = [
            triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("label", "probabilities")
        ]
        result = client.infer("m", [given], outputs=wanted, request_id="mine")
        with pytest.raises(triton.InferenceServerException, match="features"):
            client.infer("m", [triton.InferInput("featurs", [1, 4], "FP64").set_data_from_numpy(rows[:1])])
    expected = open_model(releases["1"]).answerer.answer(given_inputs(rows))
    assert result.get_response()["id"] == "mine"
    assert result.as_numpy("probabilities").tobytes() == expected.probs.tobytes()
    labels = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label")]
    assert labels == list(expected.decisions.labels)


def test_what_does_not_fit_is_refused_with_the_remedy(server: RunningOnRay):
    for body, path, status in (
        (b"{", "/v2/models/m/infer", 400),
        (row(), "/v2/models/n/infer", 404),
        (None, "/v2/models/m/infer", 405),
        (b"x" * (2 << 20), "/v2/models/m/infer", 413),
    ):
        answer = server.ask(body, path)
        assert (answer.status, set(answer.json)) == (status, {"error"})


def tried_out(server: RunningOnRay, source, *bodies: object, rate: float = RATE) -> str:
    """Roll a release out under load until it is rolled back; why, and no client has noticed."""
    with server.load(*bodies, rate=rate) as load:
        rollout = server.roll_out(source, PLAN)
        cause = server.until_phase("rolled_back")["last_cause"]
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
    assert server.status()["weight"] == 0.0
    receipts = find_receipts(server.settings.state / "m", rollout)
    assert receipts[-1].cause == cause
    assert all(replay(receipt).agrees for receipt in receipts)
    return str(cause)


def test_a_release_that_fails_requests_is_rolled_back_over_three_ingresses(server: RunningOnRay, releases):
    assert len(server.ingress()) == 3
    assert "requests with errors, stable 0 of" in tried_out(server, releases["3"], *MIXED)


def test_a_release_that_answers_otherwise_is_rolled_back(server: RunningOnRay, releases):
    cause = tried_out(server, releases["5"], *ROWS)
    assert "canary answered 'class" in cause or "confidence" in cause


def test_a_release_that_is_slower_is_rolled_back(server: RunningOnRay, releases):
    # As much as its two replicas manage: else requests wait until nobody waits for them.
    assert "took longer than" in tried_out(server, releases["4"], *ROWS, rate=8.0)


def test_a_release_that_does_not_load_gets_nothing(server: RunningOnRay, releases):
    assert "it does not load" in tried_out(server, releases["2"], *ROWS)


def test_a_release_whose_replicas_die_is_rolled_back_and_no_request_fails(server: RunningOnRay, releases):
    # Whichever shows first: errors, time-outs while Serve starts replicas again, or three deaths.
    assert tried_out(server, releases["6"], *MIXED)


def test_a_killed_replica_of_the_stable_release_fails_no_request(server: RunningOnRay):
    server.until_ended()
    before = until(lambda: len(found := server.replicas("m@1")) == 2 and found)
    with server.load(*ROWS) as load:
        until(lambda: load.so_far().n >= 40)
        server.kill_one(before[0])
        until(lambda: set(server.replicas("m@1")) - set(before))
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}


def test_a_killed_ingress_costs_a_client_one_retry_and_its_counts_of_a_moment(server, releases):
    server.roll_out(releases["7"], PLAN)
    with server.load(*ROWS) as load:
        server.until_phase("canary")
        load.stop()
    start, asked, retried = server.settled(), 0, 0
    killed = server.ingress()[0]
    for number in range(200):
        if number == 60:
            server.kill_one(killed)
        asked += 1
        if answered(server) is None:
            retried += 1
            assert answered(server) == 200
    until(lambda: len(server.ingress()) == 3)
    # One request at a time, so one was with it at most; a second of them was counted and not told yet.
    assert retried <= 1
    until(lambda: counted(server) - start >= asked - 60)
    assert counted(server) - start <= asked + retried


def answered(server: RunningOnRay) -> int | None:
    """The status of one request; None where it was lost with a process."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        status = server.ask(row()).status
        return None if status >= 500 else status
    return None


def test_a_fine_release_is_promoted_by_its_evidence_and_all_ends_in_order(last_server, releases):
    # So easily shown that it takes a minute: what is tried is the way there, not the bars.
    plan = replace(
        PLAN,
        mature_requests=(30,),
        watch_requests=30,
        shadow_requests=10,
        baseline_requests=50,
        latency_floor_s=1.0,
        tolerated_errors=0.2,
        non_inferior_latency=16.0,
        non_inferior_drift=16.0,
        shown=3.0,
    )
    server = last_server
    with server.load(*ROWS) as load:
        server.roll_out(releases["7"], plan)
        assert "every guardrail was shown to be no worse" in server.until_phase("done")["last_cause"]
        until(lambda: server.replicas("m@7") and not server.replicas("m@1"))
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
    answer = server.ask(row())
    assert (answer.headers["x-release"], answer.headers["x-arm"]) == ("m@7", "stable")
    where = read_whereabouts(server.settings.state)
    assert server.stop() == 0
    until(lambda: not server.processes())
    assert not Path(where.run).exists()
    assert not (server.settings.state / "serving.json").exists()


def test_what_is_of_one_machine_is_refused_before_anything_starts(tmp_path, releases):
    settings = ServeSettings(models=(releases["1"],), state=tmp_path, in_process=True)
    with pytest.raises(InvalidInputError, match="a server on Ray has no --in-process"):
        serve_on_ray(settings, RaySettings())


def test_a_stable_release_that_does_not_load_is_told_and_nothing_is_left_running(tmp_path, releases):
    with (
        pytest.raises(SmallcraftError, match="it does not load"),
        running_on_ray(tmp_path, (releases["1"],), faults={"1": {"unloadable": True}}, replicas=1, routers=1),
    ):
        raise AssertionError("it serves what it could not load")

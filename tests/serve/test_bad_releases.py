"""Releases that are bad in one way each: they are found out, nobody fails, and the reason is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.serve.loading.hostile import harmless_graph, write_graph_bundle
from tests.serve.running import PLAN, Running, more_answers, row, running, sources, until
from tests.serve.toy_bundles import write_numbers_bundle

from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.processes.settings import WorkerLimits
from smallcraft.serve.router.desk import Patience

# Each release is another version of one model, so that one server can try them all.
FAULTS = {
    "2": {"unloadable": True},
    "3": {"fails_at": 0.25},
    "4": {"leaks": 1 << 20},
    "5": {"hangs_after": 200},
}
LIMIT = 150 << 20


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    first, second = sources(tmp_path_factory.mktemp("bundles"))
    return {"1": first, **{version: replace(second, version=version) for version in "2345"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory, releases):
    with running(
        tmp_path_factory.mktemp("server"),
        (releases["1"],),
        faults=FAULTS,
        workers=WorkerLimits(memory_bytes=LIMIT, batch_s=1.0, leave_s=1.0),
        patience=Patience(answer_s=30.0, canary_s=0.3),
    ) as server:
        yield server


def try_out(server: Running, source, *bodies: object, rate: float = 400.0) -> str:
    """Roll a release out under load until it is rolled back; why that was."""
    with server.load(*bodies, rate=rate) as load:
        server.roll_out(source, PLAN, unsafe_repeat=True)
        cause = server.until_phase("rolled_back")["last_cause"]
        more_answers(load, "stable")
        assert set(load.stop().ends) == {"200"}
    # It gets nothing any more, and its worker is gone.
    until(lambda: {worker["release"] for worker in server.order("status")["workers"]} == {"m@1"})
    assert server.status()["weight"] == 0.0
    return str(cause)


def test_one_that_does_not_load_stays_at_nothing(server: Running, releases):
    assert "it does not load" in try_out(server, releases["2"])
    assert [receipt["to"]["weight"] for receipt in server.receipts()] == [0, 0]


def test_one_that_is_not_what_was_recorded_stays_at_nothing(server: Running, releases):
    wrong = replace(releases["2"], version="9", digest="sha256:" + "9" * 64)
    assert "could not be loaded" in try_out(server, wrong)


def test_one_that_does_not_answer_its_own_test_stays_at_nothing(server: Running, tmp_path):
    wrong = np.array([[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]])
    folder = write_graph_bundle(tmp_path / "bundle", harmless_graph(), golden=wrong)
    assert "must answer its own test" in try_out(server, source_of_folder(folder, "m", "6"))


def test_one_that_answers_with_no_numbers_is_rolled_back_and_no_client_sees_them(server: Running, tmp_path):
    # Beyond what float32 holds for rows larger than those of its own test.
    folder, _ = write_numbers_bundle(tmp_path, seed=1, numbers=4, classes=3, size=1e33)
    source = source_of_folder(folder, "m", "7")
    # It answers one kind of row alone, so what it is sure of stands out as well.
    cause = try_out(server, source, row(0.5), row(1e7))
    assert "errors" in cause or "confidence" in cause


def test_one_that_fails_is_rolled_back_on_evidence(server: Running, releases):
    assert "errors" in try_out(server, releases["3"], row(0.5), row(0.25))


def test_one_that_outgrows_its_memory_is_rolled_back(server: Running, releases):
    assert "its limit is 150 MiB" in try_out(server, releases["4"], rate=100.0)


def test_one_that_stands_still_is_rolled_back(server: Running, releases):
    assert try_out(server, releases["5"])


def test_a_stable_release_that_leaks_is_replaced_and_no_request_fails(tmp_path, releases):
    limits = WorkerLimits(memory_bytes=LIMIT)
    faults = {"1": {"leaks": 1 << 20}}
    with running(tmp_path, (releases["1"],), faults=faults, workers=limits) as server:
        before = server.worker("m@1")
        with server.load(rate=60.0) as load:
            until(lambda: server.worker("m@1") != before and not Path(f"/proc/{before}").exists())
            more_answers(load, "stable")
            assert set(load.stop().ends) == {"200"}

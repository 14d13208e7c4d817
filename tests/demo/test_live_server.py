"""The tour's server and rollouts, over a small project: real processes on the loopback."""

from __future__ import annotations

import os

import pytest
from tests.projects import copy_project, message_rows, release_twice
from tests.serving_projects import until

from smallcraft.demo.live_server import live_server
from smallcraft.demo.rollouts import roll_out
from smallcraft.errors import InvalidInputError, SmallcraftError
from smallcraft.pipeline.workspace import open_registry
from smallcraft.serve.processes.admin import ask_server

pytestmark = pytest.mark.slow
QUICK = (
    "[rollout]\nstart = 0.2\nstages = [0.2]\ndwell_s = 0.5\nbaseline_requests = 100\nshadow_requests = 20\n"
)
TEXTS = message_rows(50, seed=5)["message"]


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Two releases; not to be changed."""
    return release_twice(tmp_path_factory.mktemp("released") / "p", more=QUICK)


def test_an_ill_release_goes_back_without_a_failed_question_and_the_server_ends_with_its_owner(
    released, own_keys, tmp_path
):
    folder = copy_project(released, tmp_path / "p")
    told = []
    with live_server(folder, "rows@1") as server:
        pid = ask_server(server.served.state, {"command": "status"})["pid"]
        found = roll_out(server, "rows@2", TEXTS, illness={"fails": 0.5}, tell=told.append)
        with pytest.raises(InvalidInputError, match="was rolled back"):
            roll_out(server, "rows@2", TEXTS, tell=told.append)
    assert found.phase == "rolled_back"
    assert "with errors" in found.receipts[-1].cause
    assert found.is_replayed
    assert tuple(told) == found.receipts
    assert found.answered.failed == 0
    assert found.answered.by_release["rows@1"] > 100
    assert open_registry(folder).find("rows@stable").entry.label == "rows@1"
    until(lambda: not is_running(pid))


def test_a_server_that_does_not_start_is_said(released, own_keys, tmp_path, capfd):
    folder = copy_project(released, tmp_path / "p")
    with pytest.raises(SmallcraftError, match="rows@9 did not start"), live_server(folder, "rows@9"):
        pass
    assert "no version '9'" in capfd.readouterr().err


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

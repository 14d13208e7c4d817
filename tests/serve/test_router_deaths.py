"""Requests that kill the very router that answers them: refused after two deaths, by the next ones."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
from tests.serve.faulty_router import POISON
from tests.serve.running import Running, row, running, sources, until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    releases = sources(tmp_path_factory.mktemp("bundles"))
    command = (sys.executable, "-P", str(Path(__file__).with_name("faulty_router.py")))
    folder = tmp_path_factory.mktemp("server")
    with running(folder, releases[:1], in_process=True, router_command=command) as server:
        yield server


def test_a_request_that_kills_its_router_is_refused_after_two_deaths(server: Running):
    deaths = 0
    for _ in range(2):
        [before] = server.order("status")["routers"]
        with contextlib.suppress(OSError):
            server.ask(row(POISON))
        until(lambda before=before: [pid for pid in server.order("status")["routers"] if pid != before])
        deaths += 1
    # A client waits in the queue of the socket until the next router is there.
    assert server.ask(row(POISON)).status == 422
    assert server.ask(row()).status == 200
    assert deaths == 2

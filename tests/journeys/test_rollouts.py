"""Live rollouts of real releases under load: a good one is promoted, ill ones go back, receipts agree.

Two releases of one project, a server as users start it, a load generator on the loopback. The ill releases
are the good one with a worker that fails, or stalls, now and then.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.serving.load import BackgroundLoad
from benchmarks.serving.messages import Reply, Target, request_bytes
from benchmarks.serving.plans import Closed
from tests.projects import copy_project, message_rows, release_twice
from tests.serving_projects import ServedHere, serving

from smallcraft.api import load
from smallcraft.cli.main import run
from smallcraft.pipeline.serving import served_project
from smallcraft.pipeline.workspace import open_registry
from smallcraft.serve.rollout.receipts import Receipt
from smallcraft.serve.rollout.replaying import replay
from smallcraft.serve.state.opening import find_receipts

pytestmark = pytest.mark.slow

# A busy machine wakes the process with less to do late now and then; the stalls below are far longer.
QUICK = """
[rollout]
latency_floor_s = 0.05
start = 0.2
stages = [0.2, 0.5]
dwell_s = 1.0
baseline_requests = 500
watch_requests = 500
"""
# As `smallcraft serve`, with workers that fall ill as the file says.
ILL = """
import sys
from dataclasses import replace
from pathlib import Path
from smallcraft.cli.main import run
from smallcraft.demo.ill_worker import worker_command
from smallcraft.pipeline import serving
as_usual = serving.serve_settings
illness = worker_command(Path({illness!r}))
serving.serve_settings = lambda *given, **more: replace(as_usual(*given, **more), worker_command=illness)
sys.exit(run(sys.argv[1:]))
"""
TEXTS = message_rows(200, seed=5)["message"]


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """Two releases; not to be changed."""
    return release_twice(tmp_path_factory.mktemp("released") / "p", more=QUICK)


@contextmanager
def under_load(served: ServedHere) -> Iterator[BackgroundLoad]:
    """Eight clients that ask without a pause; every reply is compared with the release that it names."""
    labels = {name: load(name, project=served.project).predict(TEXTS) for name in ("rows@1", "rows@2")}

    def check(place: int, reply: Reply) -> str:
        told = json.loads(reply.body)
        expected = labels[told["release"]][place]
        return "" if told["label"] == expected else f"{told} for {TEXTS[place]!r}, not {expected}"

    port = int(served.address.rpartition(":")[2])
    requests = [request_bytes("/predict", json.dumps({"text": text}).encode()) for text in TEXTS]
    with BackgroundLoad(Target("127.0.0.1", port), requests, Closed(8, 300.0), check=check) as generator:
        yield generator


def rolled_out(folder: Path, illness: dict[str, float]) -> tuple[int, list[Receipt]]:
    """The exit code of a rollout of rows@2 under load, and its receipts."""
    told = folder / "illness.json"
    told.write_text(json.dumps({"2": illness}), encoding="utf-8")
    program = ILL.format(illness=str(told))
    with serving(folder, "rows@stable", program=program) as served, under_load(served) as generator:
        code = run(["rollout", "start", "rows@2", "--wait", "-p", str(folder)])
        report = generator.stop()
    assert report.n > 1000
    assert report.n_failed == 0, report.ends
    assert report.wrong == ()
    receipts = find_receipts(served_project(folder).state_of())
    assert all(replay(receipt).agrees for receipt in receipts)
    return code, list(receipts)


def means_stable(folder: Path) -> str:
    return open_registry(folder).find("rows@stable").entry.label


def test_a_release_that_is_no_worse_is_promoted_and_the_log_says_why(released, own_keys, tmp_path):
    folder = copy_project(released, tmp_path / "fine")
    code, receipts = rolled_out(folder, {})
    assert code == 0, receipts[-1].cause
    assert "no worse" in receipts[-1].cause
    assert means_stable(folder) == "rows@2"
    (moved,) = [
        entry for entry in open_registry(folder).log().entries if entry.version == 2 and entry.kind == "alias"
    ]
    assert "receipt sha256:" in str(moved.reason)


def test_two_percent_more_errors_go_back_and_no_client_sees_one(released, own_keys, tmp_path):
    folder = copy_project(released, tmp_path / "errors")
    code, receipts = rolled_out(folder, {"fails": 0.02})
    assert code == 2, receipts[-1].cause
    assert receipts[-1].form["metric"] == "errors"
    assert means_stable(folder) == "rows@1"


def test_a_slow_tail_goes_back(released, own_keys, tmp_path):
    folder = copy_project(released, tmp_path / "tail")
    code, receipts = rolled_out(folder, {"stalls": 0.03, "for_s": 0.2})
    assert code == 2, receipts[-1].cause
    assert receipts[-1].form["metric"] == "latency", receipts[-1].cause
    assert means_stable(folder) == "rows@1"

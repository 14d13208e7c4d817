"""A soak checks every reply of a mix, and finds memory that grows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from benchmarks.serving.hostile import HostileReport, Hostility, Victim
from benchmarks.serving.messages import request_bytes
from benchmarks.serving.soak import SoakPlan, SoakReport, by_program, mix, soak
from benchmarks.serving.tally import Tally
from tests.benchmarks.serving.scripted import ScriptedServer, echo

NO_LOAD = Tally().report(wall_s=1.0, cpu_s=None)


def test_each_request_of_a_mix_meets_its_own_check():
    seen = []
    parts = [
        (
            [request_bytes(f"/{name}", b"%d" % number) for number in range(count)],
            lambda place, _, name=name: seen.append((name, place)) or "",
        )
        for name, count in (("a", 5), ("b", 3))
    ]
    made = mix(parts, seed=1)
    for place, request in enumerate(made.requests):
        made.check(place, None)
        name, number = seen[-1]
        assert request.startswith(f"POST /{name} ".encode())
        assert request.endswith(b"\r\n\r\n%d" % number)
    assert len(set(seen)) == 8
    assert made.requests == mix(parts, seed=1).requests != mix(parts, seed=2).requests


@pytest.mark.parametrize(
    ("memory", "growth"),
    [
        (np.full(100, 80.0), 0.0),
        (np.r_[np.linspace(10, 80, 15), np.full(85, 80.0)], 0.0),  # warming up is no growth
        (np.linspace(100, 200, 100), 0.569697),
        (np.r_[np.full(99, 80.0), 500.0], 0.0),  # nor is one look
    ],
)
def test_growth_is_between_two_spans_of_the_warm_server(memory, growth):
    assert SoakReport(NO_LOAD, HostileReport({}), {"worker": memory}).growth == pytest.approx(
        growth, abs=0.01
    )


def test_good_and_hostile_clients_meet_the_server_side_by_side(tmp_path):
    looks = itertools.count(1)
    good = mix(
        [([request_bytes("/good", b"x")], lambda _, reply: "" if reply.body == b"x" else "no")], seed=0
    )
    plan = SoakPlan(
        seconds=0.5,
        rate=100,
        hostility=Hostility(at_once=2, pause_s=0.01, kinds=("leaves_in_request", "garbage_behind")),
        sample_s=0.05,
    )
    with ScriptedServer(echo, tmp_path / "s") as server:
        victim = Victim(server.target, "/bad", request_bytes("/bad", b"y"))
        report = soak(victim, good, plan, memory_mb=lambda: {"router": float(next(looks))})
    assert report.load.n > 10
    assert report.load.n_wrong == report.load.n_failed == 0
    assert report.hostile.ends["leaves_in_request"]["left"] > 0
    assert report.whole_mb.tolist() == list(range(1, len(report.whole_mb) + 1))
    assert len(report.whole_mb) > 1


def test_a_program_that_comes_later_took_nothing_before():
    found = by_program([{"router": 1.0}, {"router": 2.0, "worker": 3.0}])
    assert {name: looks.tolist() for name, looks in found.items()} == {
        "router": [1.0, 2.0],
        "worker": [0.0, 3.0],
    }

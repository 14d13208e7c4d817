"""Our own server, with a rollout under way, meets good and hostile clients side by side."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.serving.__main__ import in_words, is_good
from benchmarks.serving.hostile import SLOW, HostileReport, Hostility
from benchmarks.serving.messages import Reply
from benchmarks.serving.ours import phase_of, roll_out_twin, serving_ours
from benchmarks.serving.own_mix import check_plain_face, own_mix, victim_of, with_own_answers
from benchmarks.serving.soak import SoakPlan, SoakReport, soak
from benchmarks.serving.tally import LOST, Tally
from benchmarks.serving.work import Work, make_linear_work

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")
QUICK = sorted({"bad_head", "malformed_json", "malformed_binary", "leaves_in_request", "leaves_before_reply"})


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Work:
    return make_linear_work(tmp_path_factory.mktemp("work"))


@pytest.mark.slow
def test_our_server_answers_as_its_bundle_while_hostile_clients_are_refused(work):
    assert not set(QUICK) & SLOW
    hostility = Hostility(at_once=2, kinds=QUICK, attempts=200)
    plan = SoakPlan(seconds=2.0, rate=60, hostility=hostility, sample_s=0.2)
    with serving_ours("isolated", work) as (server, target, state):
        roll_out_twin(server, target, state, work)
        report = soak(victim_of(target, work), own_mix(work, seed=0), plan, memory_mb=server.own_memory_mb)
        phase = phase_of(state)
    assert (report.load.n_wrong, report.load.n_failed) == (0, 0), report.load.wrong
    assert (report.hostile.unexpected, phase) == ({}, "canary")
    assert report.load.of_arm("stable").sum() > report.load.of_arm("canary").sum()
    assert report.load.of_arm("stable").sum() + report.load.of_arm("canary").sum() == report.load.n > 30


def report_of(statuses=(200,), wrong=0, memory=(100.0,) * 20, ends=None):
    tally = Tally()
    for status in statuses:
        tally.end(0, status, 0.001, 0.0)
    for _ in range(wrong):
        tally.refuse(0, "no")
    return SoakReport(
        tally.report(wall_s=1.0, cpu_s=0.1), HostileReport(ends or {}), {"worker": np.array(memory)}
    )


@pytest.mark.parametrize(
    ("change", "phase", "good"),
    [
        ({}, "canary", True),
        ({"statuses": (200, LOST)}, "canary", False),
        ({"statuses": (200, 503)}, "canary", False),
        ({"wrong": 1}, "canary", False),
        ({"memory": np.linspace(100, 120, 50)}, "canary", False),
        ({"memory": np.linspace(100, 103, 50)}, "canary", True),
        ({"memory": (100.0,)}, "canary", False),  # too few looks to say
        ({"ends": {"slow_head": {"tolerated": 1}}}, "canary", False),
        ({"ends": {"slow_head": {"408": 9}}}, "canary", True),
        ({}, "rolled_back", False),
    ],
)
def test_a_soak_is_good_when_nothing_is_wrong_with_it(change, phase, good):
    report = report_of(**change)
    assert is_good(report, phase) is good
    assert phase in in_words(report, phase)


def test_the_plain_face_is_compared_with_the_bundle(work):
    own = with_own_answers(work)
    order = np.argsort(-own.right[0])
    told = [{"label": own.classes[code], "probability": own.right[0][code]} for code in order[:4]]
    check = check_plain_face(own)

    def said(label, confidence, alternatives):
        body = {"label": label, "confidence": confidence, "alternatives": alternatives}
        return check(0, Reply(200, b"", json.dumps(body).encode()))

    first = told[0]
    assert said(first["label"], first["probability"], told[1:]) == ""
    assert said(told[1]["label"], first["probability"], told[1:]) != ""
    assert said(first["label"], first["probability"] + 1e-9, told[1:]) != ""
    assert said(first["label"], first["probability"], told[:0:-1]) != ""
    assert "status 500" in check(0, Reply(500, b"", b""))


def test_own_answers_are_the_bundles_and_near_the_peers(work):
    own = with_own_answers(work)
    assert own == replace(work, right=own.right)
    assert 0 < np.abs(own.right - work.right).max() < work.tolerance

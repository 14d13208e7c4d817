"""`smallcraft selftest`: every promise kept, in under a minute, and what it says when one is broken."""

from __future__ import annotations

import json

import pytest

import smallcraft.pipeline.selftest.run as selftest
from smallcraft.cli.main import run
from smallcraft.pipeline.selftest.promise import Promise


@pytest.mark.slow
def test_every_promise_is_kept_and_the_object_says_so(capsys):
    assert run(["selftest", "--json", "--seed", "3"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert (told["seed"], told["broken"], len(told["promises"])) == (3, 0, len(selftest.PROMISES))
    assert {promise["stage"] for promise in told["promises"]} == {
        *("preprocessing", "training", "metrics", "records", "whole")
    }
    assert captured.err.count("kept  ") == len(selftest.PROMISES)


def test_a_broken_promise_is_told_with_its_reason_and_exits_with_2(monkeypatch, capsys):
    def fall_over(folder, seed):
        raise RuntimeError("no more paper")

    monkeypatch.setattr(selftest, "PROMISES", (Promise("whole", "the sky is blue", fall_over),))
    assert run(["selftest"]) == 2
    printed = capsys.readouterr().out
    assert "BROKEN whole: the sky is blue (RuntimeError: no more paper)" in printed
    assert "0 of 1 promises kept" in printed
    assert printed.splitlines()[-1] == "next  smallcraft doctor"


def test_a_seed_below_0_is_an_error_and_no_broken_promise(capsys):
    assert run(["selftest", "--seed", "-1"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--seed" in captured.err

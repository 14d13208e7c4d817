"""The command: a run that was stopped goes on, and peers meet the same windows."""

from __future__ import annotations

import pytest
from benchmarks.children import drift_windows
from benchmarks.drift.contestants import OURS, Peer
from benchmarks.drift.kept import read
from benchmarks.drift.streams import changed_windows, digest_of, windows
from benchmarks.peers import Environment

from benchmarks.drift import __main__ as command
from benchmarks.drift import measure

ALWAYS = Peer(
    Environment("always", ("numpy==2.4.6",)), "drift_windows", {"always": "an alarm in every window"}
)


@pytest.fixture
def quick(monkeypatch):
    """Few windows of few streams, and a peer that always alarms, asked in this process."""

    def ask(peer, job):
        return drift_windows.answer_windows(job, lambda *_: lambda several: {"always": [True] * len(several)})

    monkeypatch.setattr(measure, "_ask", ask)
    monkeypatch.setattr(command, "PEERS", (ALWAYS,))
    for name, value in {
        "STREAMS": 1,
        "PEER_STREAMS": 2,
        "PEER_WINDOWS": 4,
        "streams_of": lambda _: 1,
    }.items():
        monkeypatch.setattr(command, name, value)
    for module in (measure, command, drift_windows):
        monkeypatch.setattr(module, "MONTH", 4)
    monkeypatch.setattr(measure, "HORIZON", 3)
    monkeypatch.setattr(command, "HORIZON", 3)
    monkeypatch.setattr("benchmarks.drift.ours.MONTH", 4)
    monkeypatch.setattr("benchmarks.drift.cells.MONTH", 4)


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, quick, capsys):
    command.run(["iid"], [OURS], seed=2, folder=tmp_path)
    first = read("iid", folder=tmp_path)
    assert first[0].cell.undecided == (43,)
    capsys.readouterr()
    command.run(["iid", "wider"], [OURS, "always"], seed=2, goes_on=True, folder=tmp_path)
    ran = [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert ran == ["wider, smallcraft", "iid, always", "wider, always"]
    assert read("iid", folder=tmp_path)[:1] == first
    assert read("iid", folder=tmp_path)[1].cell.alarms == (4,)
    assert read("wider", folder=tmp_path)[1].cell.delays == (1, 1)
    command.run(["iid", "wider"], [OURS, "always"], seed=2, goes_on=True, folder=tmp_path)
    assert capsys.readouterr().err == ""


def test_a_peer_that_met_other_windows_is_refused(quick, monkeypatch):
    monkeypatch.setattr(measure, "digest_of", lambda _: "another")
    with pytest.raises(RuntimeError, match="always met other windows of iid"):
        measure.peer_quiet(ALWAYS, "iid", seed=0, several=4)


def test_a_peer_is_asked_about_the_windows_after_the_month_that_it_may_learn_from(monkeypatch):
    monkeypatch.setattr(drift_windows, "MONTH", 3)
    met = []

    def prepare(reference, past):
        met.append(("past", digest_of(past)))

        def judge(several):
            met.append(("judged", digest_of(iter(several), first=2)))
            return {"none": [False] * len(several)}

        return judge

    job = {"world": "iid", "seed": 1, "stream": 0, "windows": 2}
    answer = drift_windows.answer_windows(job, prepare)
    drawn = windows("iid", seed=1, stream=0)
    assert met[0] == ("past", digest_of(drawn))
    assert met[1] == ("judged", digest_of(drawn, first=2))
    assert answer["alarms"] == {"none": 0}
    changed = drift_windows.answer_windows(
        {"changes": ["wider"], "seed": 1, "streams": [0], "horizon": 2}, prepare
    )
    assert met[3] == ("judged", digest_of(changed_windows("wider", seed=1, stream=0), first=2))
    assert changed["delays"] == {"wider": {"none": [None]}}


def test_a_misspelt_scene_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["idd"])
    assert "there is no scene 'idd'" in capsys.readouterr().err

"""The tour when a gate stops it, and how it ends; `tests/docs/test_guides.py` takes the whole of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from smallcraft.cli.demo import _end, _gap
from smallcraft.cli.main import run
from smallcraft.demo import weeks
from smallcraft.records import Measurement


@pytest.mark.slow
def test_a_tour_that_a_gate_stops_ends_with_that_gates_exit_code(tmp_path, monkeypatch, capsys):
    tight = weeks.TOUR_FILE.replace("size_mb = 30", "size_mb = 0.0001").replace(', "fast"', "")
    monkeypatch.setattr(weeks, "TOUR_FILE", tight)
    assert run(["demo", str(tmp_path / "demo"), "--rows", "1200"]) == 2
    out = capsys.readouterr().out
    assert "not released" in out
    assert "4. Audits" not in out


def test_a_gap_that_noise_may_explain_says_so():
    def gap(high):
        return Measurement("accuracy_gap", -0.05, "fraction", 90, "", -0.12, high, "dev", "region=south")

    assert _gap(gap(-0.01)) == ", 0.050 below the rest [0.010, 0.120]"
    assert _gap(gap(0.02)) == ", 0.050 below the rest [-0.020, 0.120] (more rows would tell it from noise)"
    assert _gap(None) == ""


def test_the_last_line_names_the_report_and_the_one_before_how_to_look(tmp_path, capsys):
    found = SimpleNamespace(report=tmp_path / "report.html")
    assert _end(Path("demo"), found, [], leave_open=False) == 0
    *_, all_found, look, report = capsys.readouterr().out.splitlines()
    assert all_found == "everything that was planted was found"
    assert look == "look at it: smallcraft dashboard -p demo"
    assert report == f"report: {tmp_path / 'report.html'}"


def test_what_was_planted_and_not_found_is_named_and_ends_the_tour_with_an_error(tmp_path, capsys):
    found = SimpleNamespace(report=tmp_path / "report.html")
    assert _end(Path("demo"), found, ["near copies", "a good release"], leave_open=False) == 1
    assert "planted and not found: near copies, a good release" in capsys.readouterr().out


def test_left_open_the_dashboard_runs_on_over_the_folder_of_the_tour(tmp_path, monkeypatch):
    shown = []
    pages = SimpleNamespace(run_dashboard=shown.append)
    monkeypatch.setitem(sys.modules, "smallcraft.cli.dashboard", pages)
    found = SimpleNamespace(report=tmp_path / "report.html")
    assert _end(tmp_path, found, [], leave_open=True) == 0
    assert shown == [tmp_path]


@pytest.mark.slow
def test_the_dashboard_of_a_tour_answers_until_ctrl_c_which_ends_it_well(built):
    ending = (
        "import sys; from pathlib import Path; from types import SimpleNamespace as Found\n"
        "from smallcraft.cli.demo import _end\n"
        "folder = Path(sys.argv[1])\n"
        "sys.exit(_end(folder, Found(report=folder / 'report.html'), [], leave_open=True))"
    )
    command = [sys.executable, "-u", "-c", ending, str(built)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = next(line for line in process.stdout if "http://" in line).split(" at ")[1].strip()
            with urllib.request.urlopen(address, timeout=60) as reply:
                assert reply.status == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()

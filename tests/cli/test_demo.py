"""The tour, on a corpus of 1,200 rows and the rungs that need no weights."""

from __future__ import annotations

import pytest
from tests.projects import write_project

from smallcraft.cli.main import run
from smallcraft.demo.helpdesk import corpus


def small_corpus(more=""):
    def write(folder, *, seed):
        assert seed == 7
        return write_project(folder, more=more) / "smallcraft.toml"

    return write


@pytest.mark.slow
def test_the_tour_finds_the_faults_releases_answers_and_catches_a_changed_byte(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(corpus, "write", small_corpus())
    assert run(["demo", str(tmp_path / "demo")]) == 0
    out = capsys.readouterr().out
    for words in (
        *("1,200 messages, 20 intents", "exact copies: found", "released tickets@1", "->", "holds ledger"),
        *("corrected ", "released tickets@2, which 'stable' means", "(person)", "relabelled"),
        *("one byte changed -> ", "does not match", f"report: {tmp_path / 'demo' / 'report.html'}"),
    ):
        assert words in out
    assert run(["verify", "-p", str(tmp_path / "demo")]) == 0


@pytest.mark.slow
def test_a_tour_that_a_gate_stops_ends_with_that_gates_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(corpus, "write", small_corpus("[budget]\nsize_mb = 0.0001"))
    assert run(["demo", str(tmp_path / "demo")]) == 2
    out = capsys.readouterr().out
    assert "not released" in out
    assert "Ask the release" not in out

"""The tour when a gate stops it; `tests/docs/test_guides.py` takes the whole of it, beside the README."""

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
def test_a_tour_that_a_gate_stops_ends_with_that_gates_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(corpus, "write", small_corpus("[budget]\nsize_mb = 0.0001"))
    assert run(["demo", str(tmp_path / "demo")]) == 2
    out = capsys.readouterr().out
    assert "not released" in out
    assert "Ask the release" not in out

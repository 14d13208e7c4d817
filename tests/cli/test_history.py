from __future__ import annotations

import json

import pytest
from tests.projects import change_project

from smallcraft.cli.main import run
from smallcraft.pipeline.workspace import Workspace, open_registry


@pytest.fixture
def twice(small, capsys):
    """Two releases: the second after a change of the seed."""
    change_project(small, "[data]", "seed = 1\n[data]")
    assert run(["build", "-p", str(small), "--json"]) == 0
    capsys.readouterr()
    return small


def test_releases_are_listed_newest_first_shown_and_compared(twice, capsys):
    assert run(["log", "-p", str(twice), "--json"]) == 0
    assert [line["release"] for line in json.loads(capsys.readouterr().out)] == ["rows@2", "rows@1"]
    assert run(["log", "-p", str(twice)]) == 0
    out = capsys.readouterr().out
    assert out.index("rows@2") < out.index("rows@1")
    for release, seed in (("rows@1", 0), ("latest", 1)):
        assert run(["show", release, "-p", str(twice), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["facts"]["environment"]["seed"] == seed


def test_one_release_is_shown_line_by_line(small_built, capsys):
    assert run(["show", "-p", str(small_built)]) == 0
    out = capsys.readouterr().out
    assert "release: rows@1\n" in out
    assert "gate better_than_majority: PASS" in out
    assert open_registry(small_built).read("latest").manifest_digest in out


def test_the_card_is_markdown_that_names_what_is_missing(small_built, capsys):
    assert run(["card", "-p", str(small_built)]) == 0
    out = capsys.readouterr().out
    assert "rows@1" in out
    assert "intended use" in out
    assert "better" in out


def test_verify_lists_what_held_and_where_the_log_stands(small_built, capsys):
    assert run(["verify", "-p", str(small_built)]) == 0
    out = capsys.readouterr().out
    for step in ("layout", "log", "releases", "blobs", "index", "ledger", "bundles"):
        assert f"holds {step}:" in out
    assert run(["verify", "-p", str(small_built), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["head"] in out


def test_verify_of_a_folder_needs_no_project(small_built, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["verify", str(Workspace(small_built).registry)]) == 0
    assert run(["verify", str(next(Workspace(small_built).bundles.glob("ngram-*")))]) == 0
    assert "holds bundle: sha256:" in capsys.readouterr().out


def test_a_ledger_that_was_removed_is_broken_with_exit_code_4(small, capsys):
    for path in Workspace(small).root.glob("ledger.jsonl*"):
        path.unlink()
    assert run(["verify", "-p", str(small)]) == 4
    assert capsys.readouterr().err.startswith("broken: ledger.jsonl is missing, and rows@1")


@pytest.mark.parametrize("verb", ["show", "card"])
def test_a_release_that_is_not_there_is_named(small_built, verb, capsys):
    assert run([verb, "rows@7", "-p", str(small_built)]) == 1
    assert "rows" in capsys.readouterr().err

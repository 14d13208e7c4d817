"""The verb: its words and exit codes; what a rebuild is worth belongs to `pipeline.reproducing`."""

from __future__ import annotations

import json

import pytest

from smallcraft.cli.main import run


def test_a_release_that_is_not_there_is_an_error_with_its_remedy(small, capsys):
    assert run(["reproduce", "tickets@9", "-p", str(small)]) == 1
    assert "error: " in capsys.readouterr().err


@pytest.mark.slow
def test_a_release_of_this_machine_is_identical_in_words_and_in_json(small, capsys):
    assert run(["reproduce", "-p", str(small)]) == 0
    assert "identical" in capsys.readouterr().out
    assert run(["reproduce", "-p", str(small), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "identical"


def test_a_rebuild_is_kept_only_in_an_empty_folder(small, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("important")
    assert run(["reproduce", "-p", str(small), "--keep", str(taken)]) == 1
    assert "is kept in an empty folder" in capsys.readouterr().err
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]

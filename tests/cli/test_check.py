from __future__ import annotations

import json
import re

import pytest
from tests.projects import MESSAGES, message_rows, save_rows, write_messages

from smallcraft.cli.main import run


@pytest.fixture
def leaking(tmp_path):
    """A project whose cert rows all stand in train too: the leakage check FAILs."""
    folder = write_messages(tmp_path / "p", data=f'{MESSAGES}\ncert = "cert.csv"')
    save_rows(folder / "cert.csv", {name: values[:30] for name, values in message_rows(150).items()})
    return folder


def test_findings_are_shown_and_are_no_error_unless_asked(leaking, capsys):
    assert run(["check", "-p", str(leaking)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"FAIL +leakage: .*2\d of 30 cert rows copy train", out)
    assert re.search(r"leakage, cert row \d+: row \d+ of cert copies row \d+ of train exactly", out)
    assert "more; `--json` lists them" in out
    assert run(["check", "-p", str(leaking), "--strict"]) == 2


def test_strict_says_nothing_against_sound_data(small_built, capsys):
    assert run(["check", "-p", str(small_built), "--strict"]) == 0
    assert "PASS      leakage" in capsys.readouterr().out


def test_the_help_says_what_strict_does(capsys):
    run(["check", "--help"])
    assert "Exit with 2 when any check FAILs" in " ".join(capsys.readouterr().out.split())


def test_json_is_one_object_with_every_finding_and_the_rest_goes_to_stderr(leaking, capsys):
    assert run(["check", "-p", str(leaking), "--json", "--strict"]) == 2
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    checks = {check["check"]: check for check in document["checks"]}
    assert checks["leakage"]["outcome"] == "FAIL"
    assert len(checks["leakage"]["findings"]) >= 20
    assert document["splits"]["cert"]["rows"] == 30
    assert any("cert is cert.csv" in note for note in document["notes"])
    assert "splitting into train, dev and cert" in captured.err


def test_a_check_writes_to_its_own_folders_only(leaking, capsys):
    before = {path: path.read_bytes() for path in leaking.rglob("*") if path.is_file()}
    run(["check", "-p", str(leaking)])
    assert {path: path.read_bytes() for path in before} == before
    new = {path.relative_to(leaking).parts[0] for path in leaking.rglob("*") if path not in before}
    assert new <= {"check", ".smallcraft"}
    assert "check/check.html" in capsys.readouterr().out


def test_options_of_a_bare_file_are_refused_for_a_project(leaking, capsys):
    assert run(["check", "-p", str(leaking), "--label", "intent"]) == 1
    assert "write `smallcraft check FILE --label NAME`" in capsys.readouterr().err


def test_where_there_is_nothing_to_check_the_next_step_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["check"]) == 1
    assert "smallcraft init" in capsys.readouterr().err

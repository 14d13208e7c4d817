"""A release built again through the command line: exit codes, what is printed, and what is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.projects import QUICK_LADDER, build_quietly, change_project, command, write_messages

from smallcraft.cli.main import run
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.keys.keyring import config_folder

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "reproduce.json"


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 messages in a release; not to be changed."""
    more = f'{QUICK_LADDER}[audits]\nrun = ["failures"]\n'
    folder = write_messages(tmp_path_factory.mktemp("messages") / "p", more=more)
    assert run(["build", "--json", "-p", str(folder)]) == 0
    return folder


@pytest.fixture(autouse=True)
def own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the user's keys and pins, so that copies of one project may go separate ways."""
    folder = tmp_path_factory.mktemp("keys") / "config"
    shutil.copytree(config_folder(os.environ), folder)
    monkeypatch.setenv("SMALLCRAFT_CONFIG", str(folder))


@pytest.fixture
def project(messages: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(messages, tmp_path / "p"))


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> str:
    capsys.readouterr()
    assert run(["reproduce", *arguments]) == code
    return capsys.readouterr().out


def test_a_release_is_identical_and_exit_code_0(messages, capsys):
    told = printed(capsys, "rows@1", "-p", str(messages), code=0)
    assert "identical: the rebuilt bundle is that of rows@1 byte for byte" in told
    assert "outputs: " in told
    assert "differs" not in told


def test_a_changed_row_is_exit_code_2_and_its_json_keeps_to_the_schema(project, capsys):
    path = project / "rows.csv"
    path.write_text(path.read_text("utf-8").replace("parcel", "crate", 1), "utf-8")
    document = json.loads(printed(capsys, "-p", str(project), "--json", code=2))
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert (document["release"], document["verdict"]) == ("rows@1", "diverged")
    assert document["first_difference"]["what"] == "data"


def test_data_that_are_gone_are_exit_code_1_with_what_to_do(project, capsys):
    (project / "rows.csv").unlink()
    assert run(["reproduce", "-p", str(project)]) == 1
    error = capsys.readouterr().err
    assert "error: rows@1 cannot be built again from rows.csv" in error
    assert "put back the data that it was built from" in error


def test_a_release_whose_bytes_were_changed_is_exit_code_4(project, capsys):
    registry = open_registry(project)
    release = registry.read("latest")
    digest = next(file.digest for file in release.files if file.path == "smallcraft.toml")
    blob = Workspace(project).registry / "blobs" / "sha256" / digest.removeprefix("sha256:")
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes().replace(b"ngram", b"ngrma"))
    assert run(["reproduce", "-p", str(project)]) == 4
    assert capsys.readouterr().err.splitlines()[-1].startswith("broken: ")


def test_nothing_released_is_exit_code_1(tmp_path, capsys):
    write_messages(tmp_path / "p")
    assert run(["reproduce", "-p", str(tmp_path / "p")]) == 1
    assert "smallcraft build" in capsys.readouterr().err


def test_a_budget_of_time_is_told_as_not_promised(project, capsys):
    change_project(project, "[audits]", "[budget]\nlatency_p95_ms = 500\n[audits]")
    assert build_quietly(project, capsys)["release"] == "rows@2"
    told = printed(capsys, "-p", str(project), code=0)
    assert "identical: " in told
    assert "not promised: the verdict of [budget] latency_p95_ms = 500 rests on what this machine" in told


def test_ctrl_c_leaves_nothing_behind(messages, tmp_path):
    process = subprocess.Popen(
        command("reproduce", "-p", str(messages)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("smallcraft-reproduce-*/.smallcraft")):
        assert process.poll() is None, "it ended before it began to build"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert list(tmp_path.glob("smallcraft-reproduce-*")) == []

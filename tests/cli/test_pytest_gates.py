"""The plug-in in real pytest runs, found through the entry point that pyproject.toml declares."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from smallcraft.cli.pytest_gates import FORMAT, item_name
from smallcraft.pipeline import gate_files
from smallcraft.records import Outcome, Verdict

ROOT = Path(__file__).parents[2]
VERDICTS = (
    Verdict("quality", Outcome.PASS, "accuracy 0.95 is at least 0.9", measurement="accuracy"),
    Verdict("size_mb", Outcome.FAIL, "size_mb 40 MB is not at most 30", measurement="size_mb"),
    Verdict("fair", Outcome.UNDECIDED, "not shown", "about 420 more rows", True, "tpr_gap", "sex=Female"),
    Verdict("robust", Outcome.UNDECIDED, "not shown", "about 90 more rows", False, "flip_rate", "all"),
)


@pytest.fixture
def site(tmp_path):
    """An installed package's metadata with the entry points of this one, and nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / "site" / "declared-0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: declared\nVersion: 0.0\n", "utf-8")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines, ""]), "utf-8")
    return info.parent


@pytest.fixture
def run(site, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()

    def run_pytest(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments]
        path = os.pathsep.join((str(site), str(ROOT / "src")))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        return subprocess.run(
            command, cwd=folder, env=kept | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
        )

    run_pytest.folder = folder
    return run_pytest


def write(folder, verdicts=VERDICTS, name="gates.json"):
    (folder / name).write_text(gate_files.render_json("helpdesk@3", verdicts), "utf-8")
    return name


def test_each_verdict_is_a_test_that_says_what_the_gate_said(run):
    done = run("--smallcraft-gates", write(run.folder))
    assert done.returncode == 1
    for name, said in (
        ("quality::accuracy::all", "PASSED"),
        ("size_mb::size_mb::all", "FAILED"),
        ("fair::tpr_gap::sex=Female", "FAILED"),
        ("robust::flip_rate::all", "SKIPPED"),
    ):
        assert re.search(rf"^gates\.json::{name} {said}", done.stdout, re.MULTILINE), done.stdout
    assert "FAIL: size_mb 40 MB is not at most 30" in done.stdout
    assert "UNDECIDED: not shown; would settle it: about 420 more rows" in done.stdout
    assert "2 failed, 1 passed, 1 skipped" in done.stdout


def test_they_run_beside_the_tests_there_are_once_each_and_can_be_chosen(run):
    (run.folder / "test_own.py").write_text("def test_own():\n    assert True\n", "utf-8")
    name = write(run.folder, VERDICTS[:1])
    assert "collected 2 items" in run("--smallcraft-gates", name).stdout
    chosen = run("--smallcraft-gates", name, "-k", "quality")
    assert (chosen.returncode, "1 passed, 1 deselected" in chosen.stdout) == (0, True)


def test_a_run_that_does_not_ask_is_as_it_would_be_and_loads_nothing_of_ours(run):
    write(run.folder)
    (run.folder / "test_own.py").write_text(
        "import sys\n\n\ndef test_own():\n"
        "    ours = {name for name in sys.modules if name.startswith('smallcraft')}\n"
        "    assert ours == {'smallcraft', 'smallcraft.cli', 'smallcraft.cli.pytest_gates'}\n"
        "    assert not {'numpy', 'typer', 'polars'} & set(sys.modules)\n",
        "utf-8",
    )
    done = run("-W", "error")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_all_that_pass_end_with_success(run):
    done = run("--smallcraft-gates", write(run.folder, VERDICTS[:1]), "-W", "error")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "which cannot be read: No such file"),
        ("not json", "which is not JSON"),
        ("[]", "whose format is not smallcraft-gate/1"),
        (json.dumps({"format": FORMAT, "verdicts": []}), "whose verdicts are none"),
        (json.dumps({"format": FORMAT, "verdicts": [{"gate": "a"}]}), "whose verdicts are none"),
    ],
)
def test_a_file_that_is_not_ours_is_one_usage_error(run, content, message):
    if content is not None:
        (run.folder / "gates.json").write_text(content, "utf-8")
    done = run("--smallcraft-gates", "gates.json")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    assert "--smallcraft-gates wants what `smallcraft gate --output-json FILE` wrote, got " in line
    assert message in line
    assert "Traceback" not in done.stdout + done.stderr


def test_names_are_those_of_the_junit_file_and_stay_on_one_line():
    odd = Verdict("a", Outcome.PASS, "", measurement="", slice="team=R & D\n\x1b[31m")
    assert item_name({"gate": "a", "measurement": "", "slice": "all"}) == "a::-::all"
    told = gate_files.gated_json("s", [odd])["verdicts"][0]
    assert item_name(told) == "a::-::team=R & D\\n\\x1b[31m"
    assert FORMAT == gate_files.FORMAT

"""The ready files for pipelines call the command as it is, and keep what it writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from benchmarks.peers import CHECK_JSONSCHEMA

from smallcraft.cli.main import run
from smallcraft.pipeline.posting import FORGES

ACTION = Path(__file__).parents[2] / "action.yml"
SCHEMAS = {
    "github-actions.yml": "github-workflows",
    "gitlab-ci.yml": "gitlab-ci",
    "action.yml": "github-actions",
}
CI = Path(__file__).parents[2] / "docs" / "ci"
FILES = sorted(CI.glob("*.yml"))


def test_there_is_one_for_each_of_the_two():
    assert [file.name for file in FILES] == ["github-actions.yml", "gitlab-ci.yml"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_calls_the_command_with_options_that_there_are_and_keeps_every_file(file, capsys):
    text = file.read_text("utf-8")
    (command,) = re.findall(r"smallcraft (gate --.*)", text)
    assert run(["gate", "--help"]) == 0
    shown = capsys.readouterr().out
    options = re.findall(r"(--[a-z-]+) (\S+)", command)
    assert [option for option, _ in options] == ["--junit", "--output-json", "--markdown", "--post"]
    for option, kept in options:
        assert option.rstrip("}") in shown
        if option == "--post":
            assert kept.rstrip("}") in FORGES
            continue
        assert re.search(rf"^\s+(- )?{re.escape(kept)}$", text, re.MULTILINE), f"{kept} is not kept"
    assert "\t" not in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_files_are_kept_when_the_gate_fails_too(file):
    always = {"github-actions": "if: ${{ !cancelled() }}", "gitlab-ci": "when: always"}
    assert always[file.stem] in file.read_text("utf-8")


@pytest.mark.peer
@pytest.mark.parametrize("file", [*FILES, ACTION], ids=lambda file: file.stem)
def test_it_fits_the_public_schema_of_its_kind(file, peer_python, tmp_path):
    python = peer_python(CHECK_JSONSCHEMA)

    def check(path):
        command = [str(python), "-m", "check_jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[file.name]}"]
        return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)

    good = check(file)
    assert good.returncode == 0, good.stdout + good.stderr
    told = yaml.safe_load(file.read_text("utf-8"))
    told["gates" if file.stem == "gitlab-ci" else "jobs" if file.stem == "github-actions" else "runs"] = 3
    (tmp_path / file.name).write_text(yaml.safe_dump(told), encoding="utf-8")
    assert check(tmp_path / file.name).returncode == 1, "the schema takes anything"


def steps_of_the_action():
    return yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]


def test_what_a_user_writes_reaches_the_shell_as_values_only():
    for step in steps_of_the_action():
        assert "${{" not in step["run"]


@pytest.mark.parametrize(
    ("code", "outcome", "comment"), [(0, "PASS", "true"), (2, "FAIL", "false"), (3, "UNDECIDED", "true")]
)
def test_the_action_ends_as_the_gate_does_and_says_so(code, outcome, comment, tmp_path):
    """The step's own script, run by bash; the command writes what `gate` would, and keeps its words."""
    words = tmp_path / "words"
    program = tmp_path / "bin/smallcraft"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"open({str(words)!r}, 'w').write('\\n'.join(sys.argv[1:]))\n"
        f"open('gates.json', 'w').write(json.dumps({{'outcome': {outcome!r}}}))\n"
        f"open('summary.md', 'w').write('### gate')\nsys.exit({code})\n"
    )
    program.chmod(0o755)
    (step,) = [step for step in steps_of_the_action() if step.get("id") == "gate"]
    settings = {
        "PATH": f"{program.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RELEASE": "$(touch pwned); help desk@1",
        "PROJECT": "models/help desk",
        "COMMENT": comment,
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "page"),
    }
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert (tmp_path / "output").read_text() == f"outcome={outcome}\nexit-code={code}\n"
    assert (tmp_path / "page").read_text() == "### gate"
    said = words.read_text().split("\n")
    assert said[-2:] == ["--", "$(touch pwned); help desk@1"]
    assert said[said.index("--project") + 1] == "models/help desk"
    assert ("--post" in said) is (comment == "true")
    assert not (tmp_path / "pwned").exists()


def test_the_action_calls_the_command_with_options_that_there_are(capsys):
    (step,) = [step for step in steps_of_the_action() if step.get("id") == "gate"]
    assert run(["gate", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in re.findall(r"--[a-z-]+", step["run"]):
        assert option in shown

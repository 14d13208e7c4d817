"""Words become calls and errors become exit codes, in one place."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from tests.projects import command, run_command

from smallcraft import errors
from smallcraft.cli import main
from smallcraft.cli.main import ExitCode, run

ERRORS = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, errors.SmallcraftError)
]


def failing_with(monkeypatch, error):
    def fail(path):
        raise error

    monkeypatch.setattr("smallcraft.pipeline.config.load_config", fail)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_its_exit_code_and_one_line_on_stderr(kind, monkeypatch, capsys):
    failing_with(monkeypatch, kind("wanted a, got b; write a"))
    code = run(["build"])
    captured = capsys.readouterr()
    is_broken = issubclass(kind, errors.IntegrityError)
    assert code == (ExitCode.BROKEN if is_broken else ExitCode.ERROR) == (4 if is_broken else 1)
    assert captured.err == f"{'broken' if is_broken else 'error'}: wanted a, got b; write a\n"
    assert captured.out == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), typer.Abort()])
def test_an_interrupted_command_says_how_to_go_on(error, monkeypatch, capsys):
    failing_with(monkeypatch, error)
    assert run(["build"]) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_a_disk_that_refuses_is_one_line_too(monkeypatch, capsys):
    failing_with(monkeypatch, PermissionError(13, "Permission denied", "/answers.csv"))
    assert run(["build"]) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("error: ")
    assert "'/answers.csv'; free space there" in captured


def test_a_fault_of_our_own_is_not_dressed_up_as_a_users_error(monkeypatch):
    failing_with(monkeypatch, ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        run(["build"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bild"], "bild"),
        (["build", "--fast"], "--fast"),
        (["build", "extra"], "extra"),
        (["predict", "-i", "rows.csv"], "--output"),
        (["demo", "--seed", "many"], "'--seed'"),
        (["predict", "-i", "a.csv", "-o", "b.csv", "--abstain-below", "half"], "'--abstain-below'"),
    ],
)
def test_a_command_that_is_not_understood_is_an_error_that_names_the_word(arguments, words, capsys):
    assert run(arguments) == 1
    assert words in capsys.readouterr().err


def test_without_a_verb_the_verbs_are_listed(capsys):
    run([])
    captured = capsys.readouterr()
    for verb in (
        *("init", "check", "build", "evaluate", "gate", "cost", "predict", "doctor", "demo"),
        *("log", "show", "diff", "card", "verify", "alias", "export", "push", "pull", "registry"),
    ):
        assert f"\n  {verb} " in captured.out + captured.err


def test_the_upkeep_verbs_stand_below_registry(capsys):
    run(["registry"])
    captured = capsys.readouterr()
    for verb in ("retire", "gc", "scrub", "reindex", "rotate-key", "restore-ledger", "upgrade"):
        assert f"\n  {verb} " in captured.out + captured.err
    assert run(["registry", "bild"]) == 1
    assert run(["registry", "gc", "--grace-days", "-1"]) == 1


def test_help_is_no_error(capsys):
    assert run(["--help"]) == 0
    assert run(["build", "--help"]) == 0
    assert "Check the data, climb the ladder" in capsys.readouterr().out


def test_a_process_ends_with_the_exit_code(tmp_path):
    done = run_command("build", "-p", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: there is no project file")


def test_a_reader_who_leaves_early_is_no_traceback():
    with subprocess.Popen(
        command("init", "--schema"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        assert writer.stderr.read() == ""
    assert writer.returncode == 1


def test_help_loads_nothing_that_is_slow():
    code = "import sys; from smallcraft.cli.main import run; run(['--help'])"
    code += "\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (
        set(done.stderr.split()) & {"numpy", "polars", "scipy", "sklearn", "onnxruntime", "pydantic"} == set()
    )


def test_each_exit_code_has_one_meaning():
    codes = {code.name: code.value for code in main.ExitCode}
    assert codes == {"PASS": 0, "ERROR": 1, "FAIL": 2, "UNDECIDED": 3, "BROKEN": 4, "INTERRUPTED": 130}

"""An installation without any extra: every core command works, the others say what they lack."""

from __future__ import annotations

import os
import subprocess
import zipfile

import pytest
from benchmarks.matrix.tiny_round import go_round, write_project
from tests.bare import bare_command, core_requirements, installed_with, make_bare, run_bare

from smallcraft.cli.main import app

OPTIONAL = {"httptools", "orjson", "prometheus_client", "uvicorn", "xxhash", "starlette", "obstore", "ray"}


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """The interpreter of an environment with the core alone."""
    return make_bare(tmp_path_factory.mktemp("bare") / "env")


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("bare-project"))


def every_command() -> list[list[str]]:
    found = [[], *([command.name] for command in app.registered_commands)]
    for group in app.registered_groups:
        verbs, name = group.typer_instance, group.typer_instance.info.name
        found += [[name], *([name, one.name or one.callback.__name__] for one in verbs.registered_commands)]
    return found


def test_the_environment_has_the_core_and_nothing_of_the_extras(bare):
    assert {"numpy", "polars", "typer"} <= set(installed_with(core_requirements()))
    found = f"import importlib.util as u; print([m for m in {sorted(OPTIONAL)} if u.find_spec(m)])"
    done = subprocess.run([str(bare), "-I", "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_tells_its_help_without_any_extra(bare, tmp_path):
    commands = every_command()
    assert len(commands) > 30
    program = (
        "from smallcraft.cli.main import run\n"
        f"print([words for words in {commands} if run([*words, '--help']) != 0])\n"
    )
    done = subprocess.run(
        [str(bare), "-P", "-W", "error", "-c", program],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serve",), "pip install 'smallcraft[serve]'"),
        (("rollout", "start", "rows@1"), "pip install 'smallcraft[serve]'"),
        (("dashboard",), "pip install 'smallcraft[dashboard]'"),
        (("pull", "s3://bucket/registry"), "pip install 'smallcraft[scale]'"),
        (("evaluate", "rows.csv", "--model", "model.skops"), "pip install 'smallcraft[harness]'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_that_needs_an_extra_says_which(bare, project, arguments, message):
    with zipfile.ZipFile(project / "model.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
    done = run_bare(bare, *arguments, cwd=project)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_traces_without_their_extra_are_refused_before_a_server_starts(tmp_path, project):
    python = make_bare(tmp_path / "env", extras=["serve"])
    done = run_bare(python, "serve", "--traces", "http://127.0.0.1:1/v1/traces", cwd=project)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'smallcraft[traces]'")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_project_goes_once_round_without_any_extra(bare, tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = list(go_round(bare_command(bare), tmp_path, environ=environ))
    assert (tmp_path / "answers.csv").exists()
    assert done[-1].arguments[0] == "drift"


@pytest.mark.slow
def test_every_promise_is_kept_without_any_extra(bare, tmp_path):
    done = run_bare(bare, "selftest", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "promises kept" in done.stdout

"""A pipeline's first minute: a fresh clone of a project, its gates, exit codes 0, 2, 3 and 4."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.projects import change_project, command, run_command, write_project

GATE = (
    '[gates.each_intent]\nrule = "at_least"\nmeasurement = "recall"\nslice = "class=*"\n'
    "limit = {}\nrequired = true\n[ladder]"
)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a person", "-c", "user.email=person@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A demo project under version control: project file, rows, registry and ledger, as a team keeps them."""
    folder = write_project(tmp_path_factory.mktemp("team") / "helpdesk")
    assert run_command("build", "-p", str(folder)).returncode == 0
    for left_out in ("cache", "bundles", "last-build.json", "build.lock"):
        path = folder / ".smallcraft" / left_out
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "helpdesk")
    return folder


@pytest.fixture
def clone(repository, tmp_path) -> Path:
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    return tmp_path / "clone"


def gate(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The verb in a process of its own; over a minute is a failure."""
    return subprocess.run(
        command("gate", *options), capture_output=True, text=True, check=False, cwd=folder, timeout=60
    )


def test_a_fresh_clone_passes_and_leaves_files_for_the_pipeline(clone):
    done = gate(clone, "--junit", "gates.xml", "--output-json", "gates.json", "--markdown", "summary.md")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tickets@1\nPASS")
    assert json.loads((clone / "gates.json").read_text())["outcome"] == "PASS"
    plugin = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(clone))
    beside = subprocess.run(
        [command()[0], *plugin, "--smallcraft-gates", "gates.json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=clone,
    )
    assert beside.returncode == 0, beside.stdout + beside.stderr
    assert " passed" in beside.stdout


def test_a_fresh_clone_with_a_smaller_budget_fails_with_2(clone):
    change_project(clone, "[ladder]", "[budget]\nsize_mb = 0.001\n[ladder]")
    done = gate(clone)
    assert done.returncode == 2
    assert "FAIL      size_mb" in done.stdout


def test_a_fresh_clone_with_too_few_rows_for_a_gate_is_undecided_with_3(clone):
    change_project(clone, "[ladder]", GATE.format(0.3))
    done = gate(clone)
    assert done.returncode == 3
    assert "would settle it: about" in done.stdout
    assert "more labelled rows of class=" in done.stdout


def test_a_clone_in_which_a_stored_byte_changed_is_refused_with_4(clone):
    manifest = next(
        path
        for path in sorted((clone / ".smallcraft" / "registry" / "blobs" / "sha256").iterdir())
        if b'"verdicts"' in path.read_bytes()
    )
    manifest.chmod(0o644)
    manifest.write_bytes(manifest.read_bytes().replace(b'"PASS"', b'"FAIL"', 1))
    done = gate(clone)
    assert done.returncode == 4
    assert done.stderr.startswith("broken: ")

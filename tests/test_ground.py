"""The ground that everything stands on: one door, pinned versions, the licence, decisions in their form."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DOORS = {"demo", "test", "check", "fix", "bench", "goldens", "torch", "weights"}
APART = {"torch"}  # installed first and alone, so that its build fits the machine


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def requirements() -> list[Requirement]:
    extras = project()["optional-dependencies"]
    return [Requirement(line) for lines in (project()["dependencies"], *extras.values()) for line in lines]


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def own_files() -> Iterator[Path]:
    """Every file of the checkout but those that `.gitignore` leaves out."""
    left_out = {line.strip("/") for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()} | {".git"}
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(folder, name) for name in files if name not in left_out)


def run_make(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    # A surrounding `make test` must not pass its own flags on.
    inherited = {k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(
        ["make", *arguments], cwd=cwd, capture_output=True, text=True, check=False, env=inherited | variables
    )


# --- one door ----------------------------------------------------------------------------------------


def test_every_door_is_listed_by_make_help():
    listed = run_make("help", cwd=ROOT)
    assert listed.returncode == 0, listed.stderr
    assert set(re.findall(r"^  make (\w+)", listed.stdout, re.MULTILINE)) >= DOORS


def test_every_door_named_in_the_contributing_guide_exists():
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = set(re.findall(r"^  make (\w+)", run_make("help", cwd=ROOT).stdout, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)`", guide)) <= listed


def test_check_runs_every_tool_and_then_the_tests():
    planned = run_make("--dry-run", "check", cwd=ROOT).stdout
    steps = [
        planned.index(tool)
        for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest")
    ]
    assert steps == sorted(steps)


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """A checkout with a `bin` folder that holds the shell's tools and no Python."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in ("make", "bash", "sed", "head", "expand", "touch", "rm"):
        found = shutil.which(tool)
        assert found, f"{tool} is not installed"
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def make_python(folder: Path, name: str, *, suits: bool) -> None:
    """A stand-in interpreter that only answers the version question and notes when a venv is asked for."""
    script = folder / "bin" / name
    script.write_text(
        f"#!/bin/bash\n"
        f'case "$1" in\n'
        f"  -c) exit {0 if suits else 1} ;;\n"
        f"  --version) echo {name} ;;\n"
        f'  -m) echo "venv by {name}"; exit 7 ;;\n'
        f"esac\n"
    )
    script.chmod(0o755)


def test_a_machine_without_a_suitable_python_is_told_what_is_missing(bare_checkout):
    make_python(bare_checkout, "python3", suits=False)
    answer = run_make("test", cwd=bare_checkout, PATH=str(bare_checkout / "bin"))
    assert answer.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13 with its venv module, and none was found" in answer.stderr
    assert "venv by" not in answer.stdout


def test_the_first_suitable_python_is_taken_and_a_broken_one_passed_over(bare_checkout):
    make_python(bare_checkout, "python3.13", suits=False)
    make_python(bare_checkout, "python3.12", suits=True)
    make_python(bare_checkout, "python3", suits=True)
    answer = run_make("test", cwd=bare_checkout, PATH=str(bare_checkout / "bin"))
    assert "venv by python3.12" in answer.stdout
    assert "venv by python3\n" not in answer.stdout


def test_a_failure_on_the_way_ends_the_run(bare_checkout):
    make_python(bare_checkout, "python3", suits=True)
    answer = run_make("check", cwd=bare_checkout, PATH=str(bare_checkout / "bin"))
    assert answer.returncode != 0
    assert not (bare_checkout / ".venv").exists()


def test_the_build_machine_runs_every_step_and_stops_at_the_first_that_fails(tmp_path):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text(
        "torch docs axe types:\n\t@echo $@ CI=$$CI\ncheck:\n\t@echo check; exit 3\n"
    )
    # Packages are not installed by a test: it looks at what would be asked for.
    for name in ("apt-get", "sudo"):
        asked = tmp_path / "bin" / name
        asked.parent.mkdir(exist_ok=True)
        asked.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/asked"\n[ {name} = apt-get ] || "$@"\n')
        asked.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k not in {"CI", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    kept["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{kept['PATH']}"
    answer = subprocess.run(
        [tmp_path / ".ci" / "run"], cwd="/", capture_output=True, text=True, check=False, env=kept
    )
    assert answer.stdout.splitlines() == [
        "torch CI=true",
        "docs CI=true",
        "axe CI=true",
        "types CI=true",
        "check",
    ]
    assert answer.returncode != 0
    asked = [line for line in (tmp_path / "asked").read_text().splitlines() if line.startswith("apt-get")]
    assert [line.split()[1] for line in asked] == ["update", "install"]
    assert {"skopeo", "golang-go", "golang-golang-x-mod-dev"} <= set(asked[1].split())


@pytest.mark.parametrize(("on_build_machine", "ending"), [("false", "2 skipped"), ("true", "2 errors")])
def test_a_test_without_its_data_skips_for_a_person_and_fails_on_a_build_machine(
    tmp_path, on_build_machine, ending
):
    (tmp_path / "test_data.py").write_text(
        "import pytest\n@pytest.mark.realdata\ndef test_marked(): pass\ndef test_asking(shared_data): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = realdata\n")
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rs",
            "-p",
            "tests.conftest",
            "-c",
            tmp_path / "pytest.ini",
            tmp_path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"CI": on_build_machine, "SMALLCRAFT_SHARED_DATA": str(tmp_path / "absent")},
    )
    assert ending in answer.stdout
    assert answer.stdout.count("the real data sets are not here; put them in ../shared/data") >= 1


# --- versions ----------------------------------------------------------------------------------------


def test_every_requirement_is_pinned():
    wanted = {canonicalize_name(requirement.name) for requirement in requirements()}
    assert wanted - APART - {"smallcraft"} - set(constraints()) == set()


def test_every_pin_is_exact_and_within_what_is_required():
    pins = constraints()
    assert [str(pin) for pin in pins.values() if not re.fullmatch(r"==[0-9][\w.]*", str(pin.specifier))] == []
    outside = [
        str(requirement)
        for requirement in requirements()
        if (pin := pins.get(canonicalize_name(requirement.name)))
        and not requirement.specifier.contains(str(pin.specifier).removeprefix("=="))
    ]
    assert outside == []


def test_torch_is_installed_in_the_version_that_the_extra_requires():
    (wanted,) = [str(r) for r in requirements() if r.name == "torch"]
    assert f"TORCH := {wanted}\n" in (ROOT / "Makefile").read_text("utf-8")


def test_no_requirement_comes_from_anywhere_but_an_index():
    assert [str(r) for r in (*requirements(), *constraints().values()) if r.url] == []


# --- papers ------------------------------------------------------------------------------------------


def test_the_licence_is_the_one_that_the_package_declares():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert project()["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert all(f"\n   {number}. " in text for number in range(1, 10))
    assert "END OF TERMS AND CONDITIONS" in text


def test_decisions_are_numbered_without_gaps():
    assert [path.name[:4] for path in DECISIONS] == [f"{n:04}" for n in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_options_choice_and_cost(path):
    text = path.read_text("utf-8")
    assert re.match(rf"# {int(path.name[:4])}\. \S", text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Options", "Choice", "What it costs"]


def test_the_changelog_opens_with_what_is_not_yet_released():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[0] == "[Unreleased]"


def test_the_layers_in_the_contributing_guide_are_those_that_are_enforced():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert "```\n" + "\n".join(layers) + "\n```" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_no_file_names_a_place_on_somebodys_machine():
    places = re.compile(rb"(?<![\w.$}/])/(?:root|home/\w+|Users/\w+|work)/")
    named = [str(f.relative_to(ROOT)) for f in own_files() if places.search(f.read_bytes())]
    assert named == []

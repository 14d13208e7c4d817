"""The environments of the matrix below `.matrix`: resolved once, made once, used again.

Leaves to others: which interpreter (`interpreters`), what is tried in one (`trials`).
Always: what stands in an environment is what its file of pins says; one that was stopped half-way is made
again; `lowest` has the lower bound of every direct dependency of pyproject.toml, `newest` the last version
that there is. Torch is no part of it, nor what only people who work on smallcraft install.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import resolver
from benchmarks.process import ROOT
from benchmarks.resolver import ResolverFailedError

MATRIX = ROOT / ".matrix"
PYTHONS = ("3.11", "3.12", "3.13")
RESOLUTIONS: Mapping[str, str] = {"lowest": "lowest-direct", "newest": "highest"}
LEFT_OUT = frozenset({"train", "docs", "dev"})
# What the tests of the matrix import besides, at whatever version fits the pins.
TEST_TOOLS = (
    *("pytest>=8.3", "pytest-xdist>=3.6", "hypothesis>=6.120", "httpx2>=2.0", "jsonschema>=4.23"),
    *("rfc8785>=0.1.4", "jsonpatch>=1.33", "cyclonedx-python-lib>=11.0", "open-inference-openapi>=2.0.0.1"),
)
_STAMP = ".made"


class EnvironmentFailedError(RuntimeError):
    """An environment could not be resolved or made."""


@dataclass(frozen=True)
class Cell:
    """One environment of the matrix.

    Attributes:
        python: Such as `3.12`.
        versions: `lowest` or `newest`.
    """

    python: str
    versions: str

    @property
    def name(self) -> str:
        """As it is asked for and kept: `3.12-lowest`."""
        return f"{self.python}-{self.versions}"


CELLS = tuple(Cell(python, versions) for python in PYTHONS for versions in RESOLUTIONS)


@dataclass(frozen=True)
class Made:
    """An environment that is there and whole.

    Attributes:
        folder: Where it is.
        pins: Package to version, of everything that smallcraft drew in.
    """

    folder: Path
    pins: Mapping[str, str]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def digest(self) -> str:
        """Of the pins: another choice of versions is another environment."""
        return hashlib.sha256(repr(sorted(self.pins.items())).encode()).hexdigest()


def project_tables() -> Mapping[str, list[str]]:
    """Extra to requirements, as pyproject.toml has them; the core's under the empty name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def tried_extras() -> list[str]:
    """The extras that stand in every environment of the matrix."""
    return sorted(set(project_tables()) - LEFT_OUT - {""})


def direct_packages() -> list[str]:
    """What pyproject.toml itself names for the core and these extras, by its normal name."""
    tables = project_tables()
    named = (one for extra in ("", *tried_extras()) for one in tables[extra])
    return sorted({normal_name(re.split(r"[\[<>=;!~ ]", one, maxsplit=1)[0]) for one in named})


def normal_name(name: str) -> str:
    """As indexes compare names (PEP 503).

    >>> normal_name("Huggingface_Hub")
    'huggingface-hub'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def make_environment(cell: Cell, python: Path, *, is_anew: bool = False) -> Made:
    """Resolve and make an environment, unless it is there.

    Args:
        cell: Which.
        python: The interpreter it is made from.
        is_anew: Whether to look for versions again.

    Raises:
        EnvironmentFailedError: Some version is not to be had, or does not install on this Python.
    """
    pins_file = _resolve(cell, python, is_anew=is_anew)
    made = Made(MATRIX / cell.name, read_pins(pins_file.read_text(encoding="utf-8")))
    stamp = made.folder / _STAMP
    content = f"{made.digest} {python} {' '.join(TEST_TOOLS)}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == content:
        return made
    shutil.rmtree(made.folder, ignore_errors=True)
    run_uv(["venv", "--quiet", "--python", str(python), str(made.folder)], cell.name)
    install = ["pip", "install", "--quiet", "--python", str(made.python)]
    run_uv([*install, "--requirement", str(pins_file), *TEST_TOOLS], cell.name)
    run_uv([*install, "--no-deps", "--editable", str(ROOT)], cell.name)
    stamp.write_text(content, encoding="utf-8")
    return made


def read_pins(text: str) -> dict[str, str]:
    """Package to version of a file with a pin a line.

    >>> read_pins("numpy==2.1.0\\n# a word\\nuvloop==0.21.0 ; sys_platform != 'win32'\\n")
    {'numpy': '2.1.0', 'uvloop': '0.21.0'}
    """
    return dict(re.findall(r"^([\w.-]+)==([\w.!+-]+)", text, flags=re.MULTILINE))


def _resolve(cell: Cell, python: Path, *, is_anew: bool) -> Path:
    """The pins of a cell; found again when pyproject.toml has other bounds."""
    asked = repr(sorted(project_tables().items())) + str(python)
    name = f"{cell.name}-{hashlib.sha256(asked.encode()).hexdigest()[:8]}.txt"
    path = MATRIX / "pins" / name
    if path.exists() and not is_anew:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    extras = [word for extra in tried_extras() for word in ("--extra", extra)]
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    run_uv(
        [
            *("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--resolution"),
            *(RESOLUTIONS[cell.versions], "--python", str(python), *extras),
            *("--output-file", str(fresh), str(ROOT / "pyproject.toml")),
        ],
        cell.name,
    )
    return fresh.replace(path)


def run_uv(arguments: Sequence[str], what: str) -> None:
    """Run the resolver.

    Args:
        arguments: Its own.
        what: Which environment it is for, for messages.

    Raises:
        EnvironmentFailedError: It failed.
    """
    try:
        resolver.run_uv(arguments)
    except ResolverFailedError as error:
        raise EnvironmentFailedError(f"the environment {what} could not be made: {error}") from error

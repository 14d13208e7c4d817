"""An environment that has only what the core of smallcraft asks for, or that and some extras.

Made without an index: an empty environment with links to what is installed here and belongs to the core.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
import venv
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


def core_requirements(extras: Sequence[str] = ()) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    added = (one for extra in extras for one in project["optional-dependencies"][extra])
    return [*project["dependencies"], *added]


def installed_with(requirements: Sequence[str]) -> dict[str, Distribution]:
    """Name to distribution of everything that these draw in."""
    found: dict[str, Distribution] = {}
    seen, waiting = set(), [Requirement(one) for one in requirements]
    while waiting:
        wanted = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if (name, *sorted(wanted.extras)) in seen:
            continue
        seen.add((name, *sorted(wanted.extras)))
        found[name] = distribution(name)
        waiting += _drawn_in(found[name], wanted.extras or {""})
    return found


def make_bare(folder: Path, *, extras: Sequence[str] = ()) -> Path:
    """The interpreter of an environment of the core and these extras; smallcraft itself is the source."""
    venv.create(folder, symlinks=True, with_pip=False)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    for name, one in installed_with(core_requirements(extras)).items():
        assert one.files is not None, name
        for top in {file.parts[0] for file in one.files} - {"..", "__pycache__"}:
            link, real = site / top, Path(str(one.locate_file(top)))
            if real.exists() and not link.exists():
                link.symlink_to(real)
    (site / "smallcraft").symlink_to(ROOT / "src" / "smallcraft")
    return folder / "bin" / "python"


def bare_command(python: Path) -> list[str]:
    """`smallcraft` there; a warning is an error."""
    return [str(python), "-P", "-W", "error", "-c", "from smallcraft.cli.main import main; main()"]


def run_bare(python: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command, which sees nothing of this environment."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [*bare_command(python), *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _drawn_in(one: Distribution, extras: Iterator[str] | set[str]) -> list[Requirement]:
    asked = [Requirement(line) for line in one.requires or ()]
    return [
        wanted
        for wanted in asked
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)
    ]

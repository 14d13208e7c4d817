"""`python -m benchmarks.matrix.wheel`: the wheel as strangers get it, in environments that know no checkout.

Steps: (1) wheel and source are built; (2) the wheel holds the package and nothing else; (3) without extras it
is installed, whole by its requirements, and goes once round a small project and through `smallcraft demo` in
an empty folder; (4) each extra alone, then all together, is installed and whole by its requirements.
Leaves to others: Python versions and bounds (`benchmarks.matrix`).
Not covered: the extra `[train]`, whose torch is installed first and alone; documentation and development.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.matrix.environments import MATRIX, EnvironmentFailedError, run_uv, tried_extras
from benchmarks.matrix.tiny_round import RoundBrokenError, go_round
from benchmarks.process import ROOT

PACKAGE = ROOT / "src" / "smallcraft"


def main() -> int:
    """Every step; 1 at the first that fails."""
    folder = MATRIX / "wheel"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        wheel = build_wheel(folder / "dist")
        _say(f"built {wheel.name} and its source")
        different = differences(wheel)
        if different:
            _say(f"FAILED: {', '.join(different)}")
            return 1
        _say("it holds every file of the package, and nothing else")
        _use_bare(install(wheel, folder / "bare"))
        for extras in (*((extra,) for extra in tried_extras()), tuple(tried_extras())):
            install(wheel, folder / "extras", extras=extras)
            _say(f"[{','.join(extras)}] installs, and nothing is missing or in conflict")
    except (EnvironmentFailedError, RoundBrokenError) as error:
        _say(f"FAILED: {error}")
        return 1
    return 0


def build_wheel(folder: Path) -> Path:
    """Wheel and source distribution in a folder; the wheel's path."""
    run_uv(["build", "--quiet", "--out-dir", str(folder), str(ROOT)], "of the wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def differences(wheel: Path, package: Path = PACKAGE) -> list[str]:
    """What the wheel lacks of the package, and what it holds besides; empty for a right one.

    Args:
        wheel: The file.
        package: The folder that it is built from.
    """
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {f"{package.name}/{path.relative_to(package).as_posix()}" for path in files}
    return [
        *(f"it lacks {name}" for name in sorted(wanted - held)),
        *(f"it holds {name}, which is no part of the package" for name in sorted(held - wanted)),
    ]


def install(wheel: Path, folder: Path, *, extras: Sequence[str] = ()) -> Path:
    """A new environment with the wheel; the folder of its programs.

    Raises:
        EnvironmentFailedError: Something cannot be had, is missing, or is in conflict.
    """
    shutil.rmtree(folder, ignore_errors=True)
    named = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
    what = f"of the wheel with {', '.join(extras) or 'no extra'}"
    python = str(folder / "bin" / "python")
    run_uv(["venv", "--quiet", "--python", sys.executable, str(folder)], what)
    run_uv(["pip", "install", "--quiet", "--python", python, named], what)
    run_uv(["pip", "check", "--quiet", "--python", python], what)
    return folder / "bin"


def _use_bare(programs: Path) -> None:
    smallcraft = str(programs / "smallcraft")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory(prefix="smallcraft-wheel-") as name:
        commands = len(list(go_round([smallcraft], Path(name, "tiny"), environ=environ)))
        _say(f"without any extra: {commands} commands went once round a small project")
        empty = Path(name, "empty")
        empty.mkdir()
        own = {**environ, "SMALLCRAFT_CONFIG": str(Path(name, "keys"))}
        done = subprocess.run(
            [smallcraft, "demo"], cwd=empty, env=own, capture_output=True, text=True, check=False
        )
    if done.returncode != 0 or done.stderr.strip():
        raise RoundBrokenError(
            f"smallcraft demo ended with {done.returncode}: {done.stderr[-1500:] or done.stdout[-1500:]}"
        )
    _say("without any extra: smallcraft demo went through and found everything that was planted")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

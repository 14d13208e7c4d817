"""`python -m benchmarks.matrix`: tries smallcraft on each Python with the lowest and the newest dependencies.

python -m benchmarks.matrix                      every environment that has something new to say
python -m benchmarks.matrix 3.12-lowest          some of them
python -m benchmarks.matrix --anew               every one, with versions looked for again
python -m benchmarks.matrix --page               nothing is tried, docs/matrix.md is written from what is kept

What passed is not tried again until the code or a version changes; stopped, the same command goes on. A
Python that this machine lacks is skipped with the command that brings it, and is a failure where CI=true.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from benchmarks.machine import now_text
from benchmarks.matrix.environments import (
    CELLS,
    Cell,
    EnvironmentFailedError,
    Made,
    direct_packages,
    make_environment,
)
from benchmarks.matrix.interpreters import AbsentPythonError, find_python
from benchmarks.matrix.kept import KeptCell, digest_code, keep, read
from benchmarks.matrix.page import render_table, write_page
from benchmarks.matrix.trials import Tried, try_cell


def main(arguments: list[str]) -> int:
    """Try what was asked for; 1 when an environment failed, or one is missing where CI=true."""
    names = [cell.name for cell in CELLS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.matrix", description="Each Python, lowest and newest dependencies."
    )
    parser.add_argument("cells", nargs="*", metavar="cell", help=f"some of {', '.join(names)}; default: all")
    parser.add_argument("--anew", action="store_true", help="look for versions again, try everything again")
    parser.add_argument("--page", action="store_true", help="only write docs/matrix.md from what is kept")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.cells if name not in names]
    if unknown:
        parser.error(f"there is no environment {unknown[0]!r}; there are {', '.join(names)}")
    failed: list[str] = []
    if not asked.page:
        wanted = [cell for cell in CELLS if cell.name in (asked.cells or names)]
        failed = [cell.name for cell in wanted if not try_one(cell, is_anew=asked.anew)]
    write_page()
    _say(render_table(read()))
    if failed:
        _say(f"FAILED: {', '.join(failed)}; the same command tries these again")
    return 1 if failed else 0


def try_one(cell: Cell, *, is_anew: bool) -> bool:
    """Make one environment and try it, unless it passed with this very code; what came of it is kept."""
    try:
        python = find_python(cell.python)
    except AbsentPythonError as reason:
        is_build_machine = os.environ.get("CI", "").lower() in {"true", "1"}
        _say(f"{cell.name}: {'FAILED' if is_build_machine else 'skipped'}: {reason}")
        return not is_build_machine
    try:
        made = make_environment(cell, python, is_anew=is_anew)
    except EnvironmentFailedError as reason:
        _say(f"{cell.name}: FAILED: {reason}")
        unmade = (Tried("made", is_passed=False, said=str(reason), seconds=0.0),)
        keep(cell.name, KeptCell(now_text(), cell.python, digest_code(), {}, "", unmade))
        return False
    kept = read().get(cell.name)
    is_known = kept is not None and (kept.code, kept.environment) == (digest_code(), made.digest)
    if kept is not None and kept.is_passed and is_known and not is_anew:
        _say(f"{cell.name}: passed {kept.date}, nothing has changed since")
        return True
    found = _record(made, _try(cell, made))
    keep(cell.name, found)
    return found.is_passed


def _try(cell: Cell, made: Made) -> tuple[Tried, ...]:
    trials = []
    for trial in try_cell(cell, made):
        word = "passed" if trial.is_passed else "FAILED"
        _say(f"{cell.name}: {trial.name} {word} in {trial.seconds:.0f} s: {trial.said}")
        trials.append(trial)
    return tuple(trials)


def _record(made: Made, trials: tuple[Tried, ...]) -> KeptCell:
    asked = [str(made.python), "-c", "import platform; print(platform.python_version())"]
    version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    direct = set(direct_packages())
    pins = {package: pin for package, pin in sorted(made.pins.items()) if package in direct}
    return KeptCell(now_text(), version, digest_code(), pins, made.digest, trials)


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

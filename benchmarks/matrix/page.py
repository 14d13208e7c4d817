"""Writes docs/matrix.md from what is kept; nothing in its tables is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.matrix.environments import CELLS, PYTHONS, RESOLUTIONS, tried_extras
from benchmarks.matrix.kept import KeptCell, read
from benchmarks.process import ROOT

PAGE = ROOT / "docs" / "matrix.md"
_TRIALS = ("selftest", "round", "tests")

_HEAD = """\
# What it runs on

Written by `make matrix` (`python -m benchmarks.matrix`) from what was seen; edits are lost. Each row is an \
environment of its own: one Python, with either the lowest versions that \
[pyproject.toml](../pyproject.toml) allows, or the newest that there are, of the core and the extras \
{extras}. Torch is not in it.

- **selftest**: `smallcraft selftest`, every promise on small made-up data.
- **round**: a project of 240 rows from `build` to `drift`, each command in a process of its own.
- **tests**: the tests that call each dependency; with the newest versions every warning is an error, with \
the lowest those of deprecation are not, for there old libraries stand on later ones.
"""


def render_table(cells: Mapping[str, KeptCell]) -> str:
    """Every environment with how its trials ended; `not tried` where nothing is kept."""
    head = ("Python", "versions", *_TRIALS, "seen")
    return _table(head, [_row(cell.name, cells.get(cell.name)) for cell in CELLS])


def render_page(cells: Mapping[str, KeptCell]) -> str:
    """All of it."""
    packages = sorted({package for cell in cells.values() for package in cell.pins})
    columns = [name for name in (f"3.{n}-{one}" for one in RESOLUTIONS for n in _minors()) if name in cells]
    rows = [(package, *(cells[name].pins.get(package, "") for name in columns)) for package in packages]
    extras = ", ".join(f"`{extra}`" for extra in tried_extras())
    return "\n".join(
        [
            _HEAD.format(extras=extras),
            render_table(cells),
            "## Versions\n",
            _table(("package", *(name.replace("-", ", ") for name in columns)), rows),
        ]
    )


def write_page() -> None:
    """Write the page anew."""
    PAGE.write_text(render_page(read()), encoding="utf-8")


def _minors() -> list[str]:
    return [python.partition(".")[2] for python in PYTHONS]


def _row(name: str, found: KeptCell | None) -> tuple[str, ...]:
    python, _, versions = name.partition("-")
    if found is None:
        return (python, versions, *("not tried" for _ in _TRIALS), "")
    ended = {trial.name: trial for trial in found.trials}
    cells = []
    for trial in _TRIALS:
        seen = ended.get(trial)
        if seen is None:
            cells.append("**not made**" if "made" in ended else "not tried")
        else:
            cells.append(seen.said if seen.is_passed else "**FAILED**")
    return (found.interpreter, versions, *cells, found.date)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

"""What people look at: pages over a long history, the report of a build, the tour."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.process import run_child
from benchmarks.records import Listing, Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings
from benchmarks.write import number

_MOST_MS, _MOST_TOUR_S = 200.0, 120.0
_SIZES = {"entries": 10_000, "windows": 1_000, "releases": 40}
_QUICK_SIZES = {"entries": 300, "windows": 60, "releases": 5}


def measure(around: Surroundings) -> Found:
    """Fresh processes; the tour last, since it takes longest."""
    sizes = _QUICK_SIZES if around.is_quick else _SIZES
    with _own_keys(around.work):
        made = run_child(PYTHON, "busy_project", {"project": str(around.work / "busy"), "seed": 7, **sizes})
        asked = {"project": str(around.work / "busy")}
        rounds = [run_child(PYTHON, "busy_home", asked) for _ in range(around.rounds)]
        tours = [
            run_child(PYTHON, "tour", {"folder": str(around.work / f"demo-{place}")})
            for place in range(1 if around.is_quick else 3)
        ]
    around.look("after the tour")
    return Found(
        about=(
            f"A project of {sizes['releases']} releases whose log has {sizes['entries']:,} entries, with "
            f"{sizes['windows']:,} windows of production and eight alarms, asked over the loopback by the "
            "process that serves it (uvicorn), each time in a fresh one; and `smallcraft demo` in a fresh "
            "folder."
        ),
        rows=(*_home_rows(rounds), *_report_rows(tours), *_tour_rows(tours)),
        listings=(_listing(rounds),),
        notes=(
            "CPU is that of the whole process: serving and asking.",
            "Read ahead: a thread of the server does it as it starts; no request then waits for imports.",
            "After a change the log has one entry more: it is read and checked again.",
            f"The project was made in {made['wall_s']:.0f} s ({made['cpu_s']:.0f} CPU-s).",
        ),
    )


@contextmanager
def _own_keys(work: Path) -> Iterator[None]:
    """Children sign with keys of the suite's own folder; the user's stay as they are."""
    name, before = "SMALLCRAFT_CONFIG", os.environ.get("SMALLCRAFT_CONFIG")
    os.environ[name] = str(work / "keys")
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _home_rows(rounds: list[dict[str, Any]]) -> Iterator[Row]:
    for moment, words in (
        ("first", "first request"),
        ("later", "later requests"),
        ("changed", "after a change"),
    ):
        for clock in ("wall", "cpu"):
            found = median_of([one["pages"]["/"][moment][f"{clock}_ms"] for one in rounds], of="processes")
            shown = "wall" if clock == "wall" else "CPU"
            yield Row(f"home page, {words}, {shown}", "ms", found, bar=_MOST_MS, clock=clock)
    yield Row("home page", "kB", Sample(rounds[0]["pages"]["/"]["later"]["bytes"] / 1000, 1, "page"))
    ahead = median_of([one["ahead"]["prepare_cpu_s"] for one in rounds], of="processes")
    yield Row("read ahead for all pages, a fresh process", "CPU-s", ahead, clock="cpu")
    memory = median_of([one["peak_rss_mb"] for one in rounds], of="processes")
    yield Row("peak memory of the process", "MB", memory)


def _report_rows(tours: list[dict[str, Any]]) -> Iterator[Row]:
    yield Row("`report.html` of the tour", "kB", median_of([one["report_kb"] for one in tours], of="tours"))
    later = [one["renders"][-1]["cpu_s"] for one in tours]
    first = [one["renders"][0]["cpu_s"] for one in tours]
    yield Row("rendering a report, first of a process", "CPU-s", median_of(first, of="tours"), clock="cpu")
    yield Row("rendering a report, second", "CPU-s", median_of(later, of="tours"), clock="cpu")


def _tour_rows(tours: list[dict[str, Any]]) -> Iterator[Row]:
    wall = median_of([one["wall_s"] for one in tours], of="tours")
    yield Row("the tour, start to end", "s", wall, bar=_MOST_TOUR_S, clock="wall")
    cpu = median_of([one["cpu_s"] for one in tours], of="tours")
    yield Row("the tour, all its processes", "CPU-s", cpu, clock="cpu")
    yield Row("peak memory of the tour", "MB", median_of([one["peak_rss_mb"] for one in tours], of="tours"))


def _listing(rounds: list[dict[str, Any]]) -> Listing:
    """Every page that is listed."""
    lines = []
    for page in rounds[0]["pages"]:
        found = [one["pages"][page] for one in rounds]
        first, later, changed = (
            number(statistics.median(one[moment]["cpu_ms"] for one in found))
            for moment in ("first", "later", "changed")
        )
        wall = number(statistics.median(one["later"]["wall_ms"] for one in found))
        said = "" if found[0]["first"]["status"] == 200 else "there is none"
        lines.append(
            (f"`{page}`", first, later, wall, changed, number(found[0]["later"]["bytes"] / 1000), said)
        )
    columns = ("page", "first, CPU ms", "later, CPU ms", "later, wall ms", "after a change, CPU ms", "kB", "")
    return Listing("Every page, medians of the processes", columns, tuple(lines))

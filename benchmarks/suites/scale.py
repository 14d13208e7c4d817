"""Tables of millions of rows, on one machine and on a Ray cluster of two nodes: the same answers."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.datasets import read_banking77, write_csv
from benchmarks.process import run_child
from benchmarks.records import Listing, Row, Sample
from benchmarks.scale.page import POINTS
from benchmarks.scale.ray_clusters import ray_cluster
from benchmarks.scale.running import Watched, run_watched
from benchmarks.scale.tables import VOTES_A_ROW, make_table, make_voted
from benchmarks.serving.process_tree import MARK
from benchmarks.suites.suite import Found, Surroundings

ROWS, PARTS = 20_000_000, 80
_QUICK_ROWS, _QUICK_PARTS = 400_000, 8
_HELD, _QUICK_HELD = 200_000, 20_000
_MOST_MB = 2 * 1024**3 / 1e6
_ROOT = Path(__file__).resolve().parents[2]
_KILL_AFTER_S = 20.0
_ENGINES = ("local", "ray")
# What a job reads instead where it reads the smaller tables.
_SMALLER = {"before": "after", "voted/rows": "fewer/rows", "voted/votes": "fewer/votes"}
# The table is beside the folder of the project; of numbers and texts the quickest rung for each.
_BIG = """
name = "big"
[data]
path = "../../before"
label = "label"
text = "text"
most_rows = {held}
on_bad_rows = "quarantine"
[quality]
metric = "accuracy"
[ladder]
rungs = ["majority", "linear", "ngram"]
backbone = "none"
"""
_BANKING77 = """
name = "banking77"
[data]
path = "train.csv"
cert = "test.csv"
label = "label"
text = "text"
[quality]
metric = "accuracy"
[ladder]
rungs = ["majority", "linear", "ngram", "fast"]
"""


@dataclass(frozen=True)
class Job:
    """One command, and how its answer is read.

    Attributes:
        name: In words.
        arguments: Of `smallcraft`.
        rows: That it reads.
        folders: Tables that it reads.
        rows_of_a_quarter: That it reads where each table is the smaller one.
        answer: File that it writes its answer to; None for what it prints.
    """

    name: str
    arguments: tuple[str, ...]
    rows: int = 0
    folders: tuple[str, ...] = ()
    rows_of_a_quarter: int = 0
    answer: str | None = None

    def of_a_quarter(self) -> Job:
        """The same on the smaller table alone."""
        words = tuple(_SMALLER.get(word, word) for word in self.arguments)
        return replace(self, arguments=words, rows=self.rows_of_a_quarter)


def measure(around: Surroundings) -> Found:
    """Each job on this machine, on the cluster, and on the cluster while a worker is killed."""
    rows, parts = (_QUICK_ROWS, _QUICK_PARTS) if around.is_quick else (ROWS, PARTS)
    make_table(around.work / "before", rows=rows, parts=parts, seed=0)
    make_table(around.work / "after", rows=rows // 4, parts=parts // 4, seed=1, shift=0.2)
    make_voted(around.work / "voted", rows=rows, parts=parts, seed=2)
    make_voted(around.work / "fewer", rows=rows // 4, parts=parts // 4, seed=3)
    around.look("after the tables were made")
    told: list[Row] = []
    points: list[tuple[str, str, str]] = []
    for job in _jobs(rows):
        small, _ = _run(job.of_a_quarter(), around.work, "local", dict(os.environ), uuid.uuid4().hex)
        points.append((job.name, f"{job.of_a_quarter().rows:,}", f"{small.cpu_s:.2f}"))
        found = list(_rows_of(job, around))
        assert found[0].ours is not None
        points.append((job.name, f"{job.rows:,}", f"{found[0].ours.value:.2f}"))
        told += found
        around.look(f"after {job.name}")
    told += _rows_of_the_big_build(around)
    around.look("after the build")
    told += _rows_of_banking77(around)
    around.look("after banking77")
    return Found(
        about=(
            f"A made-up table of {rows:,} rows in {parts} Parquet files (8 numbers, 4 counts, 4 categories, "
            f"a text, a label, two votes), and one of {rows // 4:,} rows beside it; and one of {rows:,} rows "
            f"with an id, a text and a label, whose {rows * VOTES_A_ROW:,} votes stand in {parts} files of "
            "their own, a line each. Commands as a user gives them: on this machine with a process a core, "
            "and on a Ray cluster of two nodes with a core each on this machine. Memory and CPU are those of "
            "all processes that work for the command, on Ray of the cluster too. The floor is decoding the "
            "Parquet files with one thread and nothing else."
        ),
        rows=tuple(told),
        listings=(Listing(POINTS, ("command", "rows", "CPU-s"), tuple(points)),),
        notes=(
            f"Check and build hold {_HELD:,} rows, by seed, where rows are needed side by side; no encoder.",
            "Everything that is counted is counted over all rows.",
            "Identical: every count and decision equal, every number to 1e-12 of itself.",
            "Identical builds: the choice, the bytes of every candidate, every score; not what was timed.",
        ),
    )


def _jobs(rows: int) -> tuple[Job, ...]:
    check = ("check", "before", "--label", "label", "--text", "text", "--backbone", "none")
    return (
        Job(
            "drift", ("drift", "before", "after", "--json"), rows + rows // 4, ("before", "after"), rows // 2
        ),
        Job(
            "check",
            (*check, "--most-rows", str(_HELD), "-o", "found", "--json"),
            rows,
            ("before",),
            rows // 4,
            "found/check.json",
        ),
        Job(
            "check with votes a line each",
            (
                *("check", "voted/rows", "--votes", "voted/votes", *check[2:]),
                *("--most-rows", str(_HELD), "-o", "heard", "--json"),
            ),
            rows,
            ("voted/rows", "voted/votes"),
            rows // 4,
            "heard/check.json",
        ),
    )


def _rows_of(job: Job, around: Surroundings) -> Iterator[Row]:
    work = around.work
    floor = run_child(PYTHON, "parquet_floor", {"folders": [str(work / name) for name in job.folders]})
    decoding = Sample(floor["cpu_s"], 1, "run")
    mark = uuid.uuid4().hex
    here, said = _run(job, work, "local", dict(os.environ), mark)
    a_core = job.rows / here.cpu_s
    yield Row(
        f"{job.name}, this machine",
        "CPU-s",
        Sample(here.cpu_s, 1),
        clock="cpu",
        floor=decoding,
        floor_is="decoding the files",
    )
    yield Row(f"{job.name}, this machine", "s", Sample(here.wall_s, 1), clock="wall")
    yield Row(
        f"{job.name}, this machine",
        "rows a second and core",
        Sample(a_core, 1),
        sense="at_least",
        clock="cpu",
    )
    yield Row(
        f"{job.name}, this machine: peak memory of all processes", "MB", Sample(here.peak_mb, 1), bar=_MOST_MB
    )
    os.environ[MARK] = mark
    try:
        with ray_cluster() as cluster:
            for name, kill_after_s in (("Ray", None), ("Ray, a worker killed", _KILL_AFTER_S)):
                if around.is_quick and kill_after_s is not None:
                    kill_after_s = 1.0
                there, answer = _run(job, work, "ray", dict(cluster.environment), mark, kill_after_s)
                yield Row(f"{job.name}, {name}", "CPU-s", Sample(there.cpu_s, 1), clock="cpu")
                yield Row(f"{job.name}, {name}", "s", Sample(there.wall_s, 1), clock="wall")
                yield Row(
                    f"{job.name}, {name}: answers that are not identical",
                    "answers",
                    Sample(float(not is_same(said, answer)), 1, "run"),
                    bar=0.0,
                )
                if kill_after_s is not None:
                    yield Row(
                        f"{job.name}, {name}: workers killed",
                        "workers",
                        Sample(there.killed, 1, "run"),
                        bar=1.0,
                        sense="at_least",
                    )
    finally:
        del os.environ[MARK]


def _rows_of_the_big_build(around: Surroundings) -> Iterator[Row]:
    """A release learned from a sample of the table, everything counted over all of it."""
    held = _QUICK_HELD if around.is_quick else _HELD
    for engine in _ENGINES:
        _project(around.work / "big" / engine, _BIG.format(held=held))
    jobs = (Job("build", ("build", "--json")),)
    yield from _rows_of_projects("the table", jobs, around.work / "big")


def _rows_of_banking77(around: Surroundings) -> Iterator[Row]:
    """Real rows that one machine holds: the same check, drift and build wherever the work is done."""
    data = read_banking77()
    for engine in _ENGINES:
        project = _project(around.work / "banking77" / engine, _BANKING77)
        write_csv(data.train, project / "train.csv")
        write_csv(data.test, project / "test.csv")
    jobs = (
        Job("check", ("check", "-o", "found", "--json"), answer="found/check.json"),
        Job("drift", ("drift", "train.csv", "test.csv", "--json")),
        Job("build", ("build", "--json")),
    )
    yield from _rows_of_projects("banking77", jobs, around.work / "banking77")


def _project(folder: Path, declared: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "smallcraft.toml").write_text(declared, encoding="utf-8")
    return folder


def _rows_of_projects(what: str, jobs: tuple[Job, ...], work: Path) -> Iterator[Row]:
    """Each job in two equal projects, of which one asks the cluster."""
    answers: dict[str, list[Any]] = {engine: [] for engine in _ENGINES}
    mark = uuid.uuid4().hex
    with ray_cluster() as cluster:
        for engine, environment in zip(_ENGINES, (os.environ, cluster.environment), strict=True):
            for job in jobs:
                _, answer = _run(job, work / engine, engine, dict(environment), mark)
                answers[engine].append(decided(answer) if job.name == "build" else answer)
    for job, here, there in zip(jobs, *answers.values(), strict=True):
        differs = Sample(float(not is_same(here, there)), 1, "run")
        yield Row(f"{job.name} of {what}, Ray: answers that are not identical", "answers", differs, bar=0.0)


def decided(built: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a build decided, without what was timed."""
    return {
        "chosen": built["chosen"],
        "candidates": [
            [one["rung"], one["status"], one["digest"], one["scores"]] for one in built["candidates"]
        ],
        "released": built["released"]["digest"],
        "cert": built["cert"]["scores"],
    }


def _run(
    job: Job,
    work: Path,
    engine: str,
    environment: dict[str, str],
    mark: str,
    kill_after_s: float | None = None,
) -> tuple[Watched, Any]:
    environment |= {"PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}"}
    command = [str(PYTHON.with_name("smallcraft")), *job.arguments, "--engine", engine]
    done = run_watched(command, environment=environment, mark=mark, folder=work, kill_after_s=kill_after_s)
    text = done.output if job.answer is None else (work / job.answer).read_text("utf-8")
    return done, json.loads(text)


def is_same(one: Any, other: Any) -> bool:
    """Whether two answers are identical: counts and words equal, other numbers to 1e-12 of themselves."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= 1e-12 * max(abs(one), abs(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)

"""How soon smallcraft is there: imports, the command line, opening a bundle, its memory, hashing a file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON, build_dataset, keep_bundle, kept_bundle, write_rows
from benchmarks.datasets import Dataset, read_banking77
from benchmarks.process import Ran, in_turn, run_child, run_command
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_COMMANDS = {
    "interpreter": "pass",
    "numpy": "import numpy",
    "import": "import smallcraft.bundle",
    "help": "import sys; from smallcraft.cli.main import run; sys.exit(run(['--help']))",
}
_MEMORY_REQUESTS = 500
_LARGE_FILE_MB = 256


def measure(around: Surroundings) -> Found:
    """Fresh processes, by turns."""
    dataset = read_banking77().smaller(around.rows)
    bundle = _cascade_bundle(dataset, around)
    rows = write_rows(dataset.test.head(_MEMORY_REQUESTS), around.work / "rows.json")
    rounds = 3 if around.is_quick else 15
    commands = in_turn(
        {name: partial(run_command, [str(PYTHON), "-P", "-c", code]) for name, code in _COMMANDS.items()},
        rounds=rounds,
    )
    job = {"bundle": str(bundle), "rows": str(rows), "mode": "latency"}
    opened = in_turn(
        {
            "ours": partial(run_child, PYTHON, "serve", job),
            "floor": partial(run_child, PYTHON, "bundle_floor", job),
        },
        rounds=rounds,
    )
    return Found(
        about=(
            "Fresh processes, one thread; the bundle is a cascade from banking77 "
            f"({' -> '.join(opened['ours'][0]['stages'])})."
        ),
        rows=(
            *_command_rows("`import smallcraft.bundle`, process start to end", "import", commands, bar=0.3),
            *_command_rows("`smallcraft --help`, process start to end", "help", commands, bar=0.5),
            *_bundle_rows(opened),
            _digest_row(around),
        ),
        notes=("`import numpy` alone, process start to end: " + _seconds(commands["numpy"]) + ".",),
    )


def _cascade_bundle(dataset: Dataset, around: Surroundings) -> Path:
    """The one that the banking77 suite kept; else it is built now."""
    kept = None if around.is_quick else kept_bundle(dataset.name)
    if kept is not None:
        return kept
    built = build_dataset(dataset, around.work / "project", metric="accuracy", rungs=["majority", "cascade"])
    return built.bundle if around.is_quick else keep_bundle(dataset.name, built.bundle)


def _command_rows(what: str, name: str, found: dict[str, list[Ran]], *, bar: float) -> tuple[Row, ...]:
    floor_is = "starting the interpreter"
    wall, floor_wall = (median_of([run.wall_s for run in found[key]]) for key in (name, "interpreter"))
    cpu, floor_cpu = (median_of([run.cpu_s for run in found[key]]) for key in (name, "interpreter"))
    return (
        Row(what, "s", wall, bar=bar, clock="wall", floor=floor_wall, floor_is=floor_is),
        Row(f"{what}: CPU", "CPU-s", cpu, clock="cpu", floor=floor_cpu, floor_is=floor_is),
    )


def _bundle_rows(opened: dict[str, list[dict[str, Any]]]) -> tuple[Row, ...]:
    ours, floor = opened["ours"], opened["floor"]
    return (
        Row(
            "opening the bundle, every file checked",
            "s",
            median_of([run["open_s"] for run in ours]),
            bar=0.3,
            clock="wall",
            floor=median_of([run["open_s"] for run in floor]),
            floor_is="reading and hashing its files",
        ),
        Row("importing and opening: CPU", "CPU-s", median_of([run["cpu_s"] for run in ours]), clock="cpu"),
        Row(
            f"peak memory after opening it and {_MEMORY_REQUESTS} answers",
            "MB",
            median_of([run["peak_rss_mb"] for run in ours]),
            bar=100.0,
            floor=median_of([run["imported_mb"] for run in floor]),
            floor_is="importing numpy, onnxruntime and tokenizers",
        ),
    )


def _digest_row(around: Surroundings) -> Row:
    path = around.work / "large"
    path.write_bytes(os.urandom(1 << 20) * (16 if around.is_quick else _LARGE_FILE_MB))
    found = run_child(PYTHON, "digest", {"file": str(path), "repeats": 3 if around.is_quick else 9})
    per_gb = {
        name: median_of([1000 * cpu_s / found["megabytes"] for cpu_s in found[name]])
        for name in ("ours", "file_digest", "in_memory")
    }
    return Row(
        "digest of a large file, per GB",
        "CPU-s",
        per_gb["ours"],
        {"hashlib.file_digest": per_gb["file_digest"]},
        clock="cpu",
        floor=per_gb["in_memory"],
        floor_is="hashing the same bytes from memory",
    )


def _seconds(runs: list[Ran]) -> str:
    found: Sample = median_of([run.wall_s for run in runs])
    return f"{found.value:.3f} s"

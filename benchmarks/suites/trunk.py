"""Fifty tasks on one encoder: memory, first use, answers and speed, beside the tasks' own bundles."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.builds import PYTHON
from benchmarks.datasets import (
    Dataset,
    Rows,
    read_banking77,
    read_clinc150,
    read_clinc150_domains,
)
from benchmarks.peers import OPENVINO
from benchmarks.process import in_turn, run_child
from benchmarks.records import Listing, Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

N_TASKS = 50
_OTHERS, _TEXTS = 1000, 200
_NOTE = (
    "Adapters are LoRA of rank 4 on each layer's query and value, of made-up numbers: "
    "what they cost does not depend on them."
)
_GARBAGE = (
    "One of fifty first uses meets a full run of Python's garbage collector over all that was imported, "
    "0.6 ms here; a server calls gc.freeze() once it has started, and the run has nothing to look through."
)
_BUDGETS = (64_000_000, 600_000)
Task = Mapping[str, Any]


def measure(around: Surroundings) -> Found:
    """Made by the rung `frozen` from one pass over the texts; asked in fresh processes, by turns."""
    banking, clinc = (read().smaller(around.rows) for read in (read_banking77, read_clinc150))
    tasks = make_tasks(banking, clinc)
    path = around.work / "tasks.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    made = run_child(PYTHON, "trunk_tasks", {"tasks": str(path), "target": str(around.work)})
    texts = [*banking.test.head(_TEXTS // 2).columns["text"], *clinc.test.head(_TEXTS // 2).columns["text"]]
    jobs = {kind: _job(made, kind, around.work, texts) for kind in ("bundle", "pack", "adapted")}
    around.look("between making and asking")
    return Found(
        about=(
            f"{len(made)} tasks on one all-MiniLM-L6-v2 in INT8: banking77 and clinc150 whole, clinc150's "
            f"ten domains, and {len(made) - 12} intents of banking77 each against the rest. One thread."
        ),
        rows=(
            *_memory_rows(jobs, around),
            *_first_use_rows(jobs, around),
            *_agreement_rows(jobs, made),
            *_size_rows(made),
            *_speed_rows(jobs, around),
            *_runtime_rows(texts, around),
        ),
        listings=(_listing(made),),
        notes=(
            _NOTE,
            _GARBAGE,
            *around.absent,
        ),
    )


def make_tasks(banking: Dataset, clinc: Dataset) -> list[Task]:
    """Two whole data sets, ten domains, and as many one-against-the-rest tasks as make fifty."""
    domain_of = read_clinc150_domains()
    tasks = [_task("banking77", banking, lambda label: label), _task("clinc150", clinc, lambda label: label)]
    for domain in sorted(set(domain_of.values())):
        own = partial(_within, domain_of, domain)
        tasks.append(_task(f"clinc150 {domain}", clinc, own))
    counts = Counter(banking.train.labels)
    frequent = sorted(counts, key=lambda label: (-counts[label], label))
    return tasks + [
        _task(f"banking77 {intent}", banking, partial(_against_rest, intent), others=_OTHERS)
        for intent in frequent[: N_TASKS - len(tasks)]
    ]


def _within(domain_of: Mapping[str, str], domain: str, label: str) -> str | None:
    return label if domain_of[label] == domain else None


def _against_rest(intent: str, label: str) -> str:
    return intent if label == intent else "another"


def _task(
    name: str, dataset: Dataset, rename: Callable[[str], str | None], *, others: int | None = None
) -> Task:
    """Rows whose label has a new name; of `another` in train only so many, spread evenly."""
    return {
        "name": name.replace("?", ""),
        "train": _relabelled(dataset.train, rename, others),
        "test": _relabelled(dataset.test, rename, None),
    }


def _relabelled(
    rows: Rows, rename: Callable[[str], str | None], others: int | None
) -> Mapping[str, list[Any]]:
    pairs = [
        (text, new)
        for text, label in zip(rows.columns["text"], rows.labels, strict=True)
        if (new := rename(label)) is not None
    ]
    rest = [place for place, (_, label) in enumerate(pairs) if label == "another"]
    step = 1 if others is None else max(1, len(rest) // others)
    left_out = set(rest) - set(rest[::step])
    kept = [pair for place, pair in enumerate(pairs) if place not in left_out]
    return {"texts": [text for text, _ in kept], "labels": [label for _, label in kept]}


def _job(made: Sequence[Task], kind: str, work: Path, texts: Sequence[Any]) -> dict[str, Any]:
    return {
        "trunk": str(work / "trunk"),
        "tasks": [[task["name"], task[kind]] for task in made],
        "texts": list(texts),
        "warm": made[-1]["adapted" if kind == "adapted" else "bundle"],
    }


def _memory_rows(jobs: Mapping[str, dict[str, Any]], around: Surroundings) -> tuple[Row, ...]:
    runs = {
        kind: [run_child(PYTHON, "trunk", {**jobs[kind], "mode": "memory"}) for _ in range(around.rounds)]
        for kind in ("bundle", "adapted")
    }
    n = len(jobs["bundle"]["tasks"])
    assert all(run["kept"] == n for found in runs.values() for run in found), "every task stayed in memory"
    rows = [Row("memory of the trunk alone", "MB", median_of([run["trunk_mb"] for run in runs["bundle"]]))]
    for kind, what in (("bundle", "a head"), ("adapted", "a head with an adapter")):
        each = [run["tasks_mb"] / n for run in runs[kind]]
        rows.append(Row(f"memory a task on top, {what}, {n} kept", "MB", median_of(each), bar=0.3))
    return tuple(rows)


def _first_use_rows(jobs: Mapping[str, dict[str, Any]], around: Surroundings) -> tuple[Row, ...]:
    rows = []
    for kind, what in (("bundle", "a head"), ("adapted", "a head with an adapter")):
        for frozen, how in ((False, ""), (True, ", old objects frozen (gc.freeze)")):
            job = {**jobs[kind], "mode": "first_use", "frozen": frozen}
            runs = [run_child(PYTHON, "trunk", job) for _ in range(around.rounds)]
            median = median_of([float(np.median(run["wall_ms"])) for run in runs])
            slowest = median_of([float(np.max(run["cpu_ms"])) for run in runs])
            rows += [
                Row(f"first use of {what}, median task{how}", "ms", median, bar=1.0, clock="wall"),
                Row(f"first use of {what}, slowest task{how}", "CPU-ms", slowest, bar=1.0, clock="cpu"),
            ]
    return tuple(rows)


def _agreement_rows(jobs: Mapping[str, dict[str, Any]], made: Sequence[Task]) -> tuple[Row, ...]:
    """Probabilities compared by their bytes."""
    own = run_child(PYTHON, "trunk", {**jobs["bundle"], "mode": "apart"})
    rows = []
    for kind, what in (("bundle", "bundles"), ("pack", "packs")):
        for budget in _BUDGETS:
            job = {**jobs[kind], "mode": "answers", "budget_bytes": budget}
            found = run_child(PYTHON, "trunk", job)
            equal = sum(found[name] == own[name] for name in own)
            what_kept = "all kept" if budget == _BUDGETS[0] else f"{budget / 1e6:g} MB kept"
            rows.append(
                Row(
                    f"tasks that answer as their own bundle to the bit, {what}, {what_kept}",
                    "",
                    Sample(equal, len(jobs["bundle"]["texts"]), "texts a task"),
                    bar=len(made),
                    sense="at_least",
                )
            )
    return tuple(rows)


def _size_rows(made: Sequence[Task]) -> tuple[Row, ...]:
    rows = []
    for key, what in (("pack_mb", "read for a task"), ("adapted_mb", "read for a task with an adapter")):
        sizes = sorted(task[key] for task in made)
        sample = Sample(sizes[len(sizes) // 2], len(sizes), "tasks", sizes[0], sizes[-1])
        rows.append(Row(f"{what}, median task", "MB", sample, bar=0.25))
        rows.append(Row(f"{what}, largest task", "MB", Sample(sizes[-1], 1, "task"), bar=0.25))
    return tuple(rows)


def _speed_rows(jobs: Mapping[str, dict[str, Any]], around: Surroundings) -> tuple[Row, ...]:
    job = {**jobs["bundle"], "mode": "latency"}
    found = in_turn(
        {
            "trunk": partial(run_child, PYTHON, "trunk", {**job, "way": "trunk"}),
            "bundle": partial(run_child, PYTHON, "trunk", {**job, "way": "bundle"}),
            "several": partial(run_child, PYTHON, "trunk", {**job, "mode": "several"}),
        },
        rounds=around.rounds,
    )

    taken = {name: median_of([run["cpu_s_per_1000"] for run in runs]) for name, runs in found.items()}
    n, peers = len(job["tasks"]), {"its own bundle": taken["bundle"]}
    return (
        Row("CPU per 1,000 texts, each to one task", "CPU-s", taken["trunk"], peers, clock="cpu"),
        Row(f"CPU per 1,000 texts, each to {n} tasks", "CPU-s", taken["several"], peers, clock="cpu"),
    )


def _runtime_rows(texts: Sequence[Any], around: Surroundings) -> tuple[Row, ...]:
    """OpenVINO runs no INT8 graph of ours, so both run the one in fp32."""
    python = around.python_of(OPENVINO)
    job = {"encoder": str(around.work / "fp32"), "texts": list(texts)}
    runs = {
        name: partial(run_child, python, "trunk_runtime", {**job, "runtime": name})
        for name in ("onnxruntime", "openvino")
        if python is not None
    }
    found = in_turn(runs, rounds=around.rounds)
    taken = {name: median_of([run["cpu_s_per_1000"] for run in runs]) for name, runs in found.items()}
    ours = taken.pop("onnxruntime", None)
    return (Row("CPU per 1,000 texts, encoder in fp32 by onnxruntime", "CPU-s", ours, taken, clock="cpu"),)


def _listing(made: Sequence[Task]) -> Listing:
    """The tasks of more than two classes, and the worst and best of the others."""
    of_two = sorted((task for task in made if task["classes"] == 2), key=lambda task: task["accuracy"])
    shown = [task for task in made if task["classes"] > 2] + of_two[:1] + of_two[-1:]
    lines = [
        (task["name"], str(task["classes"]), f"{task['accuracy']:.2f} %", f"{task['pack_mb']:.3f} MB")
        for task in shown
    ]
    return Listing("Tasks", ("task", "classes", "accuracy, on the trunk as by itself", "read"), tuple(lines))

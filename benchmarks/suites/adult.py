"""adult: is a person's income above 50,000? Mixed columns, the official split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON, Built, build_dataset, write_rows
from benchmarks.datasets import read_adult
from benchmarks.ladder import list_candidates
from benchmarks.one_row import OURS, serving_rows
from benchmarks.peers import LIGHTGBM, SCIKIT_LEARN, Environment
from benchmarks.process import run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.scoring import auroc
from benchmarks.suites.suite import Found, Surroundings

PEERS: Mapping[str, tuple[Environment, str]] = {
    "LightGBM": (LIGHTGBM, "lightgbm"),
    "HistGradientBoosting": (SCIKIT_LEARN, "histogram_boosting"),
}
_BAR_AUROC = 0.925
_REQUESTS = 3000


def measure(around: Surroundings) -> Found:
    """Train all, ask all, time all."""
    dataset = read_adult().smaller(around.rows)
    train = write_rows(dataset.train, around.work / "train.json")
    test = write_rows(dataset.test, around.work / "test.json")
    requests = write_rows(dataset.test.head(_REQUESTS), around.work / "requests.json")
    pythons = {name: (around.python_of(environment), kind) for name, (environment, kind) in PEERS.items()}
    peers = {name: (python, kind) for name, (python, kind) in pythons.items() if python is not None}
    trained = {name: [_train(*peer, train, around.work)] for name, peer in peers.items()}
    built = build_dataset(dataset, around.work / "project", metric="auroc")
    for name, peer in peers.items():
        trained[name].append(_train(*peer, train, around.work))
    around.look("between training and serving")
    jobs = {OURS: partial(_ask_ours, built.bundle)}
    jobs |= {name: partial(_ask_peer, *peer, around.work) for name, peer in peers.items()}
    answers = {name: ask(test, "answers") for name, ask in jobs.items()}
    areas = {name: auroc(dataset.test.labels, found["last_class_probs"]) for name, found in answers.items()}
    serving = serving_rows(
        {name: partial(ask, requests, "latency") for name, ask in jobs.items()},
        rounds=around.rounds,
        bars={},
    )

    def score(bundle: Path) -> Sample:
        return auroc(dataset.test.labels, _ask_ours(bundle, test, "answers")["last_class_probs"])

    quality = Row(
        f"AUROC on the official test (ours: `{built.result['chosen']}`)",
        "",
        areas.pop(OURS),
        areas,
        bar=_BAR_AUROC,
        sense="at_least",
    )
    return Found(
        about=(
            f"adult, {len(dataset.train.labels):,} rows to train from and the official test of "
            f"{len(dataset.test.labels):,}, all 14 columns; the test is `cert`. Released: "
            f"`{built.result['chosen']}`."
        ),
        rows=(quality, *serving, *_size_and_training_rows(built, trained)),
        listings=(list_candidates(built, metric="auroc", score=score),),
        notes=(
            "The peers stop early on a tenth of the training rows, rate 0.05, their own categories.",
            *around.absent,
        ),
    )


def _train(python: Path, kind: str, rows: Path, work: Path) -> dict[str, Any]:
    job = {"mode": "train", "kind": kind, "rows": str(rows), "model": str(work / f"{kind}.pickle")}
    return run_child(python, "table_peer", job)


def _ask_peer(python: Path, kind: str, work: Path, rows: Path, mode: str) -> dict[str, Any]:
    model = str(work / f"{kind}.pickle")
    job = {"mode": mode, "kind": kind, "rows": str(rows), "model": model}
    return run_child(python, "table_peer", job)


def _ask_ours(bundle: Path, rows: Path, mode: str) -> dict[str, Any]:
    job = {"mode": mode, "rows": str(rows), "bundle": str(bundle)}
    return run_child(PYTHON, "serve", job)


def _size_and_training_rows(built: Built, trained: Mapping[str, Sequence[dict[str, Any]]]) -> tuple[Row, ...]:
    sizes = {name: Sample(runs[0]["size_mb"], 1, "file") for name, runs in trained.items()}
    cpu = {name: median_of([run["train_cpu_s"] for run in runs]) for name, runs in trained.items()}
    return (
        Row(
            "what ships (ours a bundle, theirs a pickle)",
            "MB",
            Sample(built.bundle_size_mb(), 1, "bundle"),
            sizes,
        ),
        Row(
            "training: the whole build process (ours: checks, every rung, folds, refit, report)",
            "CPU-s",
            Sample(built.found["cpu_s"], 1, "build"),
            cpu,
            clock="cpu",
        ),
    )

"""An official text data set: the whole build, then the released bundle, beside scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON, Built, build_dataset, keep_bundle, write_rows
from benchmarks.datasets import Dataset
from benchmarks.ladder import list_candidates
from benchmarks.one_row import OURS, serving_rows
from benchmarks.peers import SCIKIT_LEARN
from benchmarks.process import run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.scoring import accuracy_percent, macro_f1_percent
from benchmarks.suites.suite import Found, Surroundings

PEERS: Mapping[str, str] = {
    "TF-IDF + logistic": "word_logistic",
    "TF-IDF word, char + SVM": "word_char_svm",
}


def measure_text(dataset: Dataset, around: Surroundings, *, bars: Mapping[str, float]) -> Found:
    """Train all, ask all, time all.

    Args:
        dataset: Its official split.
        around: Where to work.
        bars: `accuracy`, `size_mb`, `train_cpu_s`, and those of serving.
    """
    dataset = dataset.smaller(around.rows)
    train = write_rows(dataset.train, around.work / "train.json")
    test = write_rows(dataset.test, around.work / "test.json")
    python = around.python_of(SCIKIT_LEARN)
    peers = {} if python is None else {name: (python, kind) for name, kind in PEERS.items()}
    # The peers train before and after our build: what the machine does meanwhile shows in their range.
    trained = {name: [_train(*peer, train, around.work)] for name, peer in peers.items()}
    built = build_dataset(dataset, around.work / "project", metric="accuracy")
    for name, peer in peers.items():
        trained[name].append(_train(*peer, train, around.work))
    if not around.is_quick:
        keep_bundle(dataset.name, _cascade(built))
    around.look("between training and serving")
    jobs = {OURS: partial(_ask_ours, built.bundle, test)}
    jobs |= {name: partial(_ask_peer, *peer, test, around.work) for name, peer in peers.items()}
    answers = {name: ask("answers") for name, ask in jobs.items()}
    serving = serving_rows(
        {name: partial(ask, "latency") for name, ask in jobs.items()}, rounds=around.rounds, bars=bars
    )

    def score(bundle: Path) -> Sample:
        found = accuracy_percent(dataset.test.labels, _ask_ours(bundle, test, "answers")["labels"])
        return Sample(found.value / 100, found.n, found.of, (found.low or 0) / 100, (found.high or 0) / 100)

    return Found(
        about=(
            f"{dataset.name}, {len(dataset.train.labels):,} rows to train from and the official test of "
            f"{len(dataset.test.labels):,}, given to `smallcraft build` as `cert`. Released: "
            f"`{built.result['chosen']}`."
        ),
        rows=(
            *_quality_rows(dataset.test.labels, answers, bars),
            *serving,
            *_size_and_training_rows(built, trained, bars),
        ),
        listings=(list_candidates(built, metric="accuracy", score=score),),
        notes=(*_notes(built, answers[OURS]), *around.absent),
    )


def _train(python: Path, kind: str, rows: Path, work: Path) -> dict[str, Any]:
    job = {"mode": "train", "kind": kind, "rows": str(rows), "model": str(work / f"{kind}.pickle")}
    return run_child(python, "text_peer", job)


def _ask_peer(python: Path, kind: str, rows: Path, work: Path, mode: str) -> dict[str, Any]:
    job = {"mode": mode, "rows": str(rows), "model": str(work / f"{kind}.pickle")}
    return run_child(python, "text_peer", job)


def _ask_ours(bundle: Path, rows: Path, mode: str) -> dict[str, Any]:
    return run_child(PYTHON, "serve", {"mode": mode, "rows": str(rows), "bundle": str(bundle)})


def _cascade(built: Built) -> Path:
    """The released bundle where it has two stages, else the candidate that has."""
    if built.result["chosen"] == "cascade":
        return built.bundle
    found = {candidate["rung"]: candidate["digest"] for candidate in built.result["candidates"]}
    return built.bundle_of(found["cascade"]) if found.get("cascade") else built.bundle


def _quality_rows(
    truth: Sequence[str], answers: Mapping[str, dict[str, Any]], bars: Mapping[str, float]
) -> tuple[Row, ...]:
    rows = []
    for name, what, score in (
        ("accuracy", "accuracy on the official test", accuracy_percent),
        ("macro_f1", "macro-F1 on the official test", macro_f1_percent),
    ):
        samples = {peer: score(truth, found["labels"]) for peer, found in answers.items()}
        ours = samples.pop(OURS)
        rows.append(Row(what, "%", ours, samples, bar=bars.get(name), sense="at_least"))
    return tuple(rows)


def _size_and_training_rows(
    built: Built, trained: Mapping[str, Sequence[dict[str, Any]]], bars: Mapping[str, float]
) -> tuple[Row, ...]:
    sizes = {name: Sample(runs[0]["size_mb"], 1, "file") for name, runs in trained.items()}
    cpu = {name: median_of([run["train_cpu_s"] for run in runs]) for name, runs in trained.items()}
    memory = {name: median_of([run["peak_rss_mb"] for run in runs]) for name, runs in trained.items()}
    found = built.found
    return (
        Row(
            "what ships (ours a bundle, theirs a pickle)",
            "MB",
            Sample(built.bundle_size_mb(), 1, "bundle"),
            sizes,
            bar=bars.get("size_mb"),
        ),
        Row(
            "training: the whole build process (ours: checks, every rung, folds, refit, report)",
            "CPU-s",
            Sample(found["cpu_s"], 1, "build"),
            cpu,
            bar=bars.get("train_cpu_s"),
            clock="cpu",
        ),
        Row("peak memory of the training process", "MB", Sample(found["peak_rss_mb"], 1, "build"), memory),
    )


def _notes(built: Built, answers: dict[str, Any]) -> tuple[str, ...]:
    found, recorded = built.found, built.result["released"]["cost"]["train_cpu_s"]
    probes = (
        f"The build took {found['wall_s']:.0f} s in all; {found['cost_probes_cpu_s']:.0f} CPU-s of child "
        "processes measured what candidates cost to serve, and are not counted as training."
    )
    stages = (
        f"Stages {' -> '.join(answers['stages'])}; {100 * answers['escalated']:.1f} % of the test rows went "
        "on to the second."
    )
    return (
        "torch and transformers could not be imported in the building process (it was tried, and refused).",
        probes,
        f"The release's own record of its training, shared work included: {recorded:.0f} CPU-s.",
        stages,
    )

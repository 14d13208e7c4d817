"""Trains every contestant, asks each the official test, and times them by turns.

Always: what was found of a contestant is kept at once under the code or versions that made it, so a killed
run goes on; one that fails is a line with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.builds import write_rows
from benchmarks.datasets import Dataset, Rows, write_csv
from benchmarks.ladders.contestants import Contestant, Ours, Place, Trained
from benchmarks.peers import AbsentPeerError
from benchmarks.process import ROOT, ChildError, in_turn
from benchmarks.records import Sample, median_of
from benchmarks.scoring import accuracy_percent, macro_f1_percent
from smallcraft.canonical import digest_value
from smallcraft.pipeline.stages.train import code_digest

FOLDER = ROOT / ".bench" / "ladder"
_TIMED_ROWS = 600
_ROUNDS = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Standing:
    """A contestant, what it made of the test, and what it costs.

    Attributes:
        name: As in the table.
        accuracy: Percent, with its interval.
        macro_f1: Percent, with its interval.
        trained: None when it failed.
        costs: `mean_ms`, `p50_ms`, `p95_ms`, `p99_ms`, `cpu_s_per_1000`, `peak_rss_mb`; empty when untimed.
        reason: Why there is nothing.
        answers: One a row of the test.
    """

    name: str
    accuracy: Sample | None = None
    macro_f1: Sample | None = None
    trained: Trained | None = None
    costs: Mapping[str, Sample] | None = None
    reason: str = ""
    answers: Sequence[str] = ()


def prepare(dataset: Dataset, *, rows: int | None) -> Place:
    """Write the rows where child programs read them."""
    smaller = dataset.smaller(rows)
    digest = digest_value({"train": asdict(smaller.train), "test": asdict(smaller.test)})[7:19]
    place = Place(smaller, FOLDER / f"{dataset.name}-{digest}")
    place.folder.mkdir(parents=True, exist_ok=True)
    write_rows(smaller.train, place.train)
    write_rows(smaller.test, place.test)
    write_csv(smaller.train, place.folder / "train.csv")
    return place


def train_and_ask(contestant: Contestant, place: Place, say: Say) -> Standing:
    """Quality on the test; trained once for the code or versions that it depends on."""
    made_by = code_digest() if isinstance(contestant, Ours) else contestant.environment.versions
    seed = contestant.seed if isinstance(contestant, Ours) else 0
    key = digest_value({"contestant": contestant.name, "seed": seed, "made_by": made_by})[7:23]
    path = place.folder / "found" / f"{key}.json"
    if path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        say(f"{place.dataset.name}: training {contestant.name}, seed {seed}")
        try:
            trained = contestant.train(place)
            labels = _labels(contestant.ask(place, trained, "answers"), place.dataset)
        except (ChildError, AbsentPeerError) as error:
            return Standing(contestant.name, reason=str(error))
        found = {"trained": asdict(trained), "labels": labels}
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    truth = place.dataset.test.labels
    accuracy, macro_f1 = accuracy_percent(truth, found["labels"]), macro_f1_percent(truth, found["labels"])
    say(f"{place.dataset.name}: {contestant.name}, seed {seed}: {accuracy.value:.2f} %")
    trained = Trained(**found["trained"])
    return Standing(contestant.name, accuracy, macro_f1, trained, answers=found["labels"])


def _labels(found: Mapping[str, Any], dataset: Dataset) -> list[str]:
    """A contestant's answers; boosted peers give the probability of the last of two classes."""
    if "labels" in found:
        return list(found["labels"])
    first, last = sorted(set(dataset.train.labels))
    return [last if share >= 0.5 else first for share in found["last_class_probs"]]


def time_all(
    standings: Sequence[tuple[Contestant, Standing]], place: Place, *, rounds: int = _ROUNDS
) -> dict[str, dict[str, Sample]]:
    """Latency, CPU and memory of everyone that was trained, by turns; name to quantity to sample."""
    rows = write_rows(_some_rows(place.dataset.test), place.folder / "timed.json")
    jobs = {
        contestant.name: _timed(contestant, place, standing.trained, rows)
        for contestant, standing in standings
        if standing.trained is not None
    }
    found = in_turn(jobs, rounds=rounds)
    return {name: _costs(runs) for name, runs in found.items()}


def _timed(
    contestant: Contestant, place: Place, trained: Trained, rows: Path
) -> Callable[[], dict[str, Any]]:
    return lambda: contestant.ask(place, trained, "latency", rows=rows)


def _some_rows(rows: Rows) -> Rows:
    """Spread over the test, so that every class and length is there."""
    return rows.head(_TIMED_ROWS)


def _costs(runs: Sequence[dict[str, Any]]) -> dict[str, Sample]:
    def over(read: Callable[[dict[str, Any]], float]) -> Sample:
        return median_of([read(run) for run in runs])

    return {
        "mean_ms": over(lambda run: float(np.mean(run["latencies_ns"])) / 1e6),
        **{
            f"p{q}_ms": over(lambda run, q=q: float(np.percentile(run["latencies_ns"], q)) / 1e6)  # type: ignore[misc]
            for q in (50, 95, 99)
        },
        "cpu_s_per_1000": over(lambda run: float(run["cpu_s_per_1000"])),
        "peak_rss_mb": over(lambda run: float(run["peak_rss_mb"])),
    }

"""From a bundle to its evidence: quality on a split, and cost, both of the bundle as it ships."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.canonical import canonical_json, digest_value
from smallcraft.evaluate.audits.cost import measure_cost
from smallcraft.evaluate.by_task import evaluate_any
from smallcraft.evaluate.measuring.decided import measure_decisions
from smallcraft.models.ladder import Attempt
from smallcraft.models.memory import Memory
from smallcraft.pipeline.columns import bundle_rows, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.recorded import measurement_of
from smallcraft.pipeline.stages.predictions import predictions_beside_truth
from smallcraft.pipeline.stages.steady_cost import measure_steadily
from smallcraft.pipeline.stages.train import text_memory
from smallcraft.pipeline.workspace import Workspace, write_whole
from smallcraft.records import (
    AnyPredictions,
    CandidateStatus,
    Evidence,
    Measurement,
    Predictions,
    Roles,
    TableRef,
)

_COST_ROWS = 2000


@dataclass(frozen=True)
class Measured:
    """A candidate, what was measured of it, and its answers on dev.

    Attributes:
        attempt: How its training went.
        evidence: Measurements, or the reason why there are none.
        predictions: On dev; None without a bundle.
    """

    attempt: Attempt
    evidence: Evidence
    predictions: AnyPredictions | None


@dataclass(frozen=True)
class MeasuredSplit:
    """The rows candidates are measured on."""

    name: str
    frame: pl.DataFrame
    ref: TableRef
    roles: Roles


def measure_candidate(attempt: Attempt, split: MeasuredSplit, config: Config) -> Measured:
    """Quality on dev and cost, remembered by the bundle's digest."""
    if attempt.bundle is None or attempt.digest is None:
        return Measured(attempt, Evidence(attempt.rung, attempt.status, None, (), attempt.reason), None)
    bundle = open_bundle(attempt.bundle)
    predictions = predict_split(bundle, split, Workspace(config.folder))
    quality = measure_quality(predictions, split, config)
    # Without a refit it is the candidate itself that ships.
    cost = recall_cost(attempt.bundle, attempt.digest, split, config, is_judged=not config.ladder.refit)
    confidence = config.quality.confidence
    decided: tuple[Measurement, ...] = ()
    if isinstance(predictions, Predictions):
        # What is decided of several labels or a number is what their scores measure.
        decider = bundle.decoder.decides
        decided = measure_decisions(decider, predictions, split=split.name, confidence=confidence)
    measurements = (*quality, *decided, *cost, recall_train_cost(attempt, config))
    evidence = Evidence(attempt.rung, CandidateStatus.MEASURED, attempt.digest, measurements)
    return Measured(attempt, evidence, predictions)


def predict_split(bundle: Bundle, split: MeasuredSplit, workspace: Workspace) -> AnyPredictions:
    """A bundle's answers on a split, remembered."""
    memory = Memory(workspace.cache / "answers")
    rows = bundle_rows(split.frame, bundle.spec, source=split.name)
    name = digest_value({"bundle": bundle.digest, "rows": split.ref.digest})[7:31]
    asked = text_memory(workspace.cache).bind(bundle)
    probs = memory.recall(name, lambda: {"probs": asked.predict_proba(rows)})["probs"]
    return predictions_beside_truth(
        np.asarray(probs, dtype=np.float64),
        split.frame[split.roles.label],
        split.roles,
        classes=bundle.classes,
        decoder=bundle.decoder,
        clusters=None if split.roles.key is None else key_codes(split.frame[split.roles.key]),
    )


def measure_quality(
    predictions: AnyPredictions, split: MeasuredSplit, config: Config
) -> tuple[Measurement, ...]:
    """Every score, and the slices by class and group."""
    groups: Mapping[str, Sequence[str | None]] = {
        name: split.frame[name].cast(pl.String).to_list() for name in split.roles.groups
    }
    return evaluate_any(
        predictions, split=split.name, confidence=config.quality.confidence, seed=config.seed, groups=groups
    )


def recall_cost(
    bundle: Path, digest: str, split: MeasuredSplit, config: Config, *, is_judged: bool = False
) -> tuple[Measurement, ...]:
    """Latency, CPU-seconds, memory and size on this machine, measured once a bundle.

    Args:
        bundle: Its directory.
        digest: Its digest.
        split: Whose inputs it is asked.
        config: The project.
        is_judged: True for what ships: it is measured again where noise leaves a budget undecided, and such
            a measurement is not kept.
    """
    workspace = Workspace(config.folder)
    rows = bundle_rows(split.frame.head(_COST_ROWS), open_bundle(bundle).spec, source=split.name)
    key = digest_value({"bundle": digest, "rows": split.ref.digest})[7:31]
    path = workspace.cache / "costs" / f"{key}.json"
    once = partial(measure_cost, bundle, rows, seed=config.seed)
    if not is_judged or path.exists():
        return _recall_measurements(path, once)
    found = measure_steadily(once, config.budget.model_dump(exclude_none=True))
    if found.is_settled:
        return _recall_measurements(path, lambda: found.measurements)
    return tuple(measurement_of(entry) for entry in json.loads(canonical_json(found.measurements)))


def recall_train_cost(attempt: Attempt, config: Config, *, before: Measurement | None = None) -> Measurement:
    """What training took, as it was measured when the bundle was first made.

    Args:
        attempt: A rung that was built.
        config: The project.
        before: For a refit: what the candidate's first training took; it is part of the whole.
    """
    seconds = attempt.train_cpu_s
    if before is not None and before.value is not None and seconds is not None:
        seconds += before.value
    measured = Measurement(
        "train_cpu_s",
        seconds,
        "s",
        1,
        "process CPU time from rows to bundle, work shared with other rungs included",
    )
    # No two runs take the same time; measured anew, each build would be another release.
    key = digest_value({"bundle": attempt.digest, "is_refit": before is not None})[7:31]
    path = Workspace(config.folder).cache / "costs" / f"{key}-training.json"
    return _recall_measurements(path, lambda: (measured,))[0]


def _recall_measurements(
    path: Path, compute: Callable[[], tuple[Measurement, ...]]
) -> tuple[Measurement, ...]:
    """Measured once and kept; the first time too they are given as they will be read back."""
    data = path.read_bytes() if path.exists() else canonical_json(compute())
    if not path.exists():
        write_whole(path, data)
    return tuple(measurement_of(entry) for entry in json.loads(data))

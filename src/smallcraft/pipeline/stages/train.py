"""From splits to a workshop: what the ladder trains from, and where it remembers what it computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache as memoised
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import smallcraft
from smallcraft.bundle.inputs import Inputs, InputSpec, read_inputs
from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.data.duplicates import duplicate_groups
from smallcraft.data.split import Splits
from smallcraft.data.targets import classes_of, encode_labels, known_rows, stratum_codes
from smallcraft.engine.engines import shared_engine
from smallcraft.engine.naming import LOCAL
from smallcraft.errors import MissingPartError
from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.decisions import ANSWER_ALWAYS, DecisionPlan
from smallcraft.models.learning_rows import LearningRows, learning_rows
from smallcraft.models.memory import Memory
from smallcraft.models.text_memory import TextMemory
from smallcraft.models.workshop import Progress, Workshop, assign_folds
from smallcraft.pipeline.columns import bundle_rows, input_spec, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.machine import describe_machine
from smallcraft.pipeline.stages.teacher import read_teacher
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Roles, TableRef

_FOLDS = 5
# Of the margin that a cheaper candidate may be worse, a cascade may spend this much on asking less often;
# the rest is left for the choice between candidates.
_ROUTING_SHARE = 0.25
_COMPUTING_PACKAGES = ("numpy", "scipy", "scikit-learn", "lightgbm", "onnx", "onnxruntime", "tokenizers")


def open_workshop(config: Config, splits: Splits, *, progress: Progress) -> Workshop:
    """The workshop of the train rows of a project."""
    train = splits.frames["train"]
    roles = config.roles()
    spec = input_spec(train, roles)
    backbone, reason = look_for_backbone(config.ladder.backbone, spec)
    key = digest_value(
        {
            "train": splits.refs["train"].digest,
            "dev": splits.refs["dev"].digest,
            "teacher": _teacher_digest(config, splits),
            **_dependencies(spec, config.seed, backbone, roles),
        }
    )
    return furnish_workshop(
        train,
        roles,
        seed=config.seed,
        cache=Workspace(config.folder).cache,
        key=key,
        backbone=backbone,
        no_backbone=reason,
        tolerance=_ROUTING_SHARE * config.quality.margin,
        confidence=config.quality.confidence,
        progress=progress,
        budget_cpu_s=config.budget.train_cpu_s,
        decision=config.decision.plan(confidence=config.quality.confidence),
        teacher=config.ladder.teacher,
        engine=config.engine,
    )


def _teacher_digest(config: Config, splits: Splits) -> str | None:
    """Digest of what the teacher said of train and dev; a column without a role is in no table's digest."""
    if config.ladder.teacher is None:
        return None
    return digest_value([splits.frames[name][config.ladder.teacher].to_list() for name in ("train", "dev")])


def open_workshop_of_rows(
    rows: TableRef, frame: pl.DataFrame, *, seed: int, cache: Path, backbone: str, progress: Progress
) -> Workshop:
    """The workshop of rows that belong to no project.

    Args:
        rows: What the rows are, for the memory's key.
        frame: The rows to train from, all of `rows` or some.
        seed: Seeds everything random.
        cache: Where the memory is kept.
        backbone: As in `[ladder] backbone`.
        progress: Told what is running.
    """
    spec = input_spec(frame, rows.roles)
    found, reason = look_for_backbone(backbone, spec)
    dependencies = _dependencies(spec, seed, found, rows.roles)
    key = digest_value({"rows": rows.digest, "taken": frame.height, **dependencies})
    return furnish_workshop(
        frame,
        rows.roles,
        seed=seed,
        cache=cache,
        key=key,
        backbone=found,
        no_backbone=reason,
        progress=progress,
    )


def furnish_workshop(
    frame: pl.DataFrame,
    roles: Roles,
    *,
    seed: int,
    cache: Path,
    key: str,
    backbone: Backbone | None,
    no_backbone: str,
    tolerance: float = 0.0,
    confidence: float = 0.95,
    progress: Progress,
    budget_cpu_s: float | None = None,
    decision: DecisionPlan = ANSWER_ALWAYS,
    teacher: str | None = None,
    engine: str = LOCAL,
) -> Workshop:
    """A workshop over rows: classes in order, folds, and a memory under `key`."""
    classes = classes_of(frame[roles.label], roles)
    spec = input_spec(frame, roles)
    inputs = read_rows(frame, spec, source="train")
    return Workshop(
        classes=classes,
        spec=spec,
        parts=(("train", inputs),),
        labels=encode_labels(frame[roles.label], roles, classes),
        folds=_folds(frame, roles, inputs, seed=seed),
        seed=seed,
        memory=Memory(cache / "training" / key[7:23]),
        scratch=cache,
        backbone=backbone,
        no_backbone=no_backbone,
        tolerance=tolerance,
        confidence=confidence,
        progress=progress,
        budget_cpu_s=budget_cpu_s,
        decision=decision,
        task=roles.task,
        teacher=None if teacher is None else read_teacher(frame[teacher], classes).probs,
        text_memory=text_memory(cache, engine),
        engine=shared_engine(engine),
    )


def text_memory(cache: Path, engine: str | None = None) -> TextMemory:
    """What encoders made of texts, one memory for all of a process that keeps things in a folder.

    Args:
        cache: The project's.
        engine: Where new texts are run from now on; None changes nothing.
    """
    memory = _only_memory(cache)
    if engine is not None:
        memory.engine = shared_engine(engine)
    return memory


@memoised
def _only_memory(cache: Path) -> TextMemory:
    return TextMemory(cache / "texts", machine=digest_value(describe_machine()))


def learners(config: Config, workshop: Workshop) -> LearningRows:
    """The rows of a workshop that rungs learn from, by `[ladder] sample` and `augment`."""
    return learning_rows(workshop, sample=config.ladder.sample, copies=config.ladder.augment)


def with_dev_rows(
    workshop: Workshop, splits: Splits, roles: Roles, *, teacher: str | None = None
) -> Workshop:
    """The same workshop with the dev rows beside the train rows, for the refit of the winner.

    Args:
        workshop: Of the train rows.
        splits: Have the dev rows.
        roles: Which column is the label.
        teacher: The column of a large model's answers.
    """
    dev = splits.frames["dev"]
    labels = encode_labels(dev[roles.label], roles, workshop.classes)
    known = known_rows(labels, roles)
    taught = workshop.teacher
    if teacher is not None and taught is not None:
        said = read_teacher(dev[teacher].filter(pl.Series(known)), workshop.classes)
        taught = np.concatenate([taught, said.probs])
    inputs = read_rows(dev.filter(pl.Series(known)), workshop.spec, source="dev")
    return replace(
        workshop,
        parts=(*workshop.parts, ("dev", inputs)),
        labels=np.concatenate([workshop.labels, labels[known]]),
        folds=np.concatenate([workshop.folds, np.zeros(int(known.sum()), dtype=np.int64)]),
        teacher=taught,
        _made={},
    )


def label_codes(labels: pl.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Positions of labels among the classes; -1 for one that is none of them."""
    code = {name: position for position, name in enumerate(classes)}
    return np.array([code.get(label, -1) for label in labels.to_list()], dtype=np.int64)


def describe_environment() -> Mapping[str, str]:
    """Versions that training depends on."""
    return {"smallcraft": smallcraft.__version__, **{name: _version(name) for name in _COMPUTING_PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def look_for_backbone(name: str, spec: InputSpec) -> tuple[Backbone | None, str]:
    """The encoder of that name; None and what would bring one where there is none."""
    if spec.text is None:
        return None, "no text column, so no backbone is needed"
    try:
        return find_backbone(name), ""
    except MissingPartError as error:
        return None, str(error)


def read_rows(frame: pl.DataFrame, spec: InputSpec, *, source: str) -> Inputs:
    """The columns a model reads, arranged; `source` names the frame in messages."""
    return read_inputs(bundle_rows(frame, spec, source=source), spec)


def _folds(train: pl.DataFrame, roles: Roles, inputs: Inputs, *, seed: int) -> NDArray[np.int64]:
    """Rows of one key, and copies of one text, are held out together."""
    groups = np.arange(train.height, dtype=np.int64)
    if roles.key is not None:
        groups = key_codes(train[roles.key])
    elif inputs.texts is not None:
        groups = duplicate_groups(inputs.texts)
    labels = stratum_codes(train[roles.label], roles)
    return assign_folds(labels, groups, n_folds=_FOLDS, rng=np.random.default_rng([seed, 1]))


def _dependencies(spec: InputSpec, seed: int, backbone: Backbone | None, roles: Roles) -> Mapping[str, Any]:
    """What everything that is remembered depends on, beside the rows."""
    return {
        "inputs": spec,
        "seed": seed,
        "backbone": backbone.digest if backbone else None,
        "task": [roles.task, roles.separator],
        "environment": describe_environment(),
        "code": code_digest(),
    }


def code_digest() -> str:
    """Digest of the sources that read rows, fold them, and train and run candidates."""
    return digest_of_sources("bundle", "data", "models", "pipeline/stages")


def recorded_code_digest() -> str:
    """Digest of all sources that what a release records comes from: training, measuring, judging."""
    return digest_of_sources("bundle", "data", "models", "pipeline/stages", "evaluate", "gates", "stats")


@memoised
def digest_of_sources(*folders: str) -> str:
    """Digest of the sources in some folders of the package, and of how columns become rows."""
    root = Path(smallcraft.__file__).parent
    files = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    files.append(root / "pipeline" / "columns.py")
    return digest_value({str(path.relative_to(root)): digest_bytes(path.read_bytes()) for path in files})

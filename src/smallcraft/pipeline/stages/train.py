"""From splits to a workshop: what the ladder trains from, and where it remembers what it computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

import smallcraft
from smallcraft.bundle.inputs import Inputs, InputSpec, read_inputs
from smallcraft.canonical import digest_bytes, digest_value
from smallcraft.data.duplicates import duplicate_groups
from smallcraft.data.split import Splits
from smallcraft.errors import MissingPartError
from smallcraft.models.backbone import Backbone, find_backbone
from smallcraft.models.memory import Memory
from smallcraft.models.workshop import Progress, Workshop, assign_folds
from smallcraft.pipeline.columns import bundle_rows, input_spec, key_codes
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Roles

_FOLDS = 5
# Of the margin that a cheaper candidate may be worse, a cascade may spend this much on asking less often;
# the rest is left for the choice between candidates.
_ROUTING_SHARE = 0.25
_COMPUTING_PACKAGES = ("numpy", "scipy", "scikit-learn", "lightgbm", "onnx", "onnxruntime", "tokenizers")


def open_workshop(config: Config, splits: Splits, *, progress: Progress) -> Workshop:
    """The workshop of the train rows."""
    roles = config.roles()
    train = splits.frames["train"]
    classes = tuple(train[roles.label].unique().sort().to_list())
    spec = input_spec(train, roles)
    backbone, reason = _look_for_backbone(config, spec)
    key = _memory_key(config, splits, spec, backbone)
    workspace = Workspace(config.folder)
    inputs = _read(train, spec, source="train")
    return Workshop(
        classes=classes,
        spec=spec,
        parts=(("train", inputs),),
        labels=label_codes(train[roles.label], classes),
        folds=_folds(train, roles, inputs, classes, seed=config.seed),
        seed=config.seed,
        memory=Memory(workspace.cache / "training" / key[7:23]),
        scratch=workspace.cache,
        backbone=backbone,
        no_backbone=reason,
        tolerance=_ROUTING_SHARE * config.quality.margin,
        confidence=config.quality.confidence,
        progress=progress,
    )


def with_dev_rows(workshop: Workshop, splits: Splits, roles: Roles) -> Workshop:
    """The same workshop with the dev rows beside the train rows, for the refit of the winner."""
    dev = splits.frames["dev"]
    labels = label_codes(dev[roles.label], workshop.classes)
    known = labels >= 0
    inputs = _read(dev.filter(pl.Series(known)), workshop.spec, source="dev")
    return replace(
        workshop,
        parts=(*workshop.parts, ("dev", inputs)),
        labels=np.concatenate([workshop.labels, labels[known]]),
        folds=np.concatenate([workshop.folds, np.zeros(int(known.sum()), dtype=np.int64)]),
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


def _look_for_backbone(config: Config, spec: InputSpec) -> tuple[Backbone | None, str]:
    if spec.text is None:
        return None, "no text column, so no backbone is needed"
    try:
        return find_backbone(config.ladder.backbone), ""
    except MissingPartError as error:
        return None, str(error)


def _read(frame: pl.DataFrame, spec: InputSpec, *, source: str) -> Inputs:
    return read_inputs(bundle_rows(frame, spec, source=source), spec)


def _folds(
    train: pl.DataFrame, roles: Roles, inputs: Inputs, classes: Sequence[str], *, seed: int
) -> NDArray[np.int64]:
    """Rows of one key, and copies of one text, are held out together."""
    groups = np.arange(train.height, dtype=np.int64)
    if roles.key is not None:
        groups = key_codes(train[roles.key])
    elif inputs.texts is not None:
        groups = duplicate_groups(inputs.texts)
    labels = label_codes(train[roles.label], classes)
    return assign_folds(labels, groups, n_folds=_FOLDS, rng=np.random.default_rng([seed, 1]))


def _memory_key(config: Config, splits: Splits, spec: InputSpec, backbone: Backbone | None) -> str:
    """Digest of everything that what is remembered depends on."""
    return digest_value(
        {
            "train": splits.refs["train"].digest,
            "dev": splits.refs["dev"].digest,
            "inputs": spec,
            "seed": config.seed,
            "backbone": backbone.digest if backbone else None,
            "environment": describe_environment(),
            "code": code_digest(),
        }
    )


@cache
def code_digest() -> str:
    """Digest of the sources that read rows, fold them, and train and run candidates."""
    root = Path(smallcraft.__file__).parent
    folders = ("bundle", "data", "models", "pipeline/stages")
    files = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    files.append(root / "pipeline" / "columns.py")
    return digest_value({str(path.relative_to(root)): digest_bytes(path.read_bytes()) for path in files})

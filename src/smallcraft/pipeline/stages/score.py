"""Probabilities for the checks of the labels: every row judged by a model that did not see it.

The model is the ladder's best cheap rung. Rows it was trained on are judged out of fold; other rows by the
model of all training rows. A table too large to train on whole is learned from a part of it, and says so.
Probabilities of the user's own belong to `pipeline.stages.ownprobs`.
Always: copies of a row are never on the other side of the border between learned and judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from smallcraft.bundle.decoder import Decoder, softmax
from smallcraft.bundle.encoded import Dense
from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.runtime import answer_inputs
from smallcraft.bundle.stage import Stage
from smallcraft.errors import InvalidInputError
from smallcraft.models.calibrate import fit_scale, log_loss
from smallcraft.models.ladder import lacks
from smallcraft.models.parts.static import make_static
from smallcraft.models.rungs import BUILTIN
from smallcraft.models.workshop import Workshop
from smallcraft.pipeline.columns import key_codes
from smallcraft.pipeline.stages.train import label_codes, read_rows
from smallcraft.records import Predictions, Roles

# More rows than this are learned from a part: the ranking of label errors no longer gains, the time does.
LEARN_FROM = 60_000
_COMPARE_UP_TO = 20_000
_CHUNK = 50_000
_RUNGS_FOR_TEXT = ("fast", "ngram")
_RUNGS_FOR_FEATURES = ("trees", "linear")


@dataclass(frozen=True)
class Scorer:
    """A cheap model that judges rows it did not see.

    Attributes:
        rung: Its name.
        classes: The `k` labels.
        spec: The columns it reads.
        held_out: `(n, k)` probabilities of the workshop's own rows, out of fold.
        about: How it was made, in words.
    """

    rung: str
    classes: tuple[str, ...]
    spec: InputSpec
    held_out: NDArray[np.float64]
    about: str
    _stages: tuple[Stage, ...]
    _decoder: Decoder

    def judge(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """`(n, k)` probabilities of rows it was not trained on."""
        parts = [np.empty((0, len(self.classes)))]
        for start in range(0, frame.height, _CHUNK):
            inputs = read_rows(frame.slice(start, _CHUNK), self.spec, source="the rows to judge")
            parts.append(answer_inputs(self._stages, self._decoder, inputs).probs)
        return np.concatenate(parts)


def train_scorer(workshop: Workshop, *, rungs: Sequence[str] | None = None) -> Scorer | None:
    """The best cheap rung, by log-loss out of fold; on many rows the first one, untried.

    Args:
        workshop: Rows and tools.
        rungs: Those that are trained anyway: cheap ones among them are taken first. None for any.

    Returns:
        None where the table has nothing that a cheap rung reads.
    """
    names = cheap_rungs(workshop, rungs)
    if len(workshop.labels) > _COMPARE_UP_TO:
        names = names[:1]
    with threadpool_limits(1):
        tried = {name: _out_of_fold(name, workshop) for name in names}
        if not tried:
            return None
        best = min(tried, key=lambda name: log_loss(tried[name][1] * tried[name][0], workshop.labels))
        logits, scale = tried[best]
        stages = BUILTIN[best].stages(workshop)
    folds = len(np.unique(workshop.folds))
    return Scorer(
        rung=best,
        classes=workshop.classes,
        spec=workshop.spec,
        held_out=softmax(scale * logits),
        about=f"rung '{best}', each row judged by one of {folds} models that did not see it or its copies",
        _stages=stages,
        _decoder=Decoder(scale),
    )


def cheap_rungs(workshop: Workshop, rungs: Sequence[str] | None) -> tuple[str, ...]:
    """Rungs that take seconds and read what there is, the usually best first.

    Args:
        workshop: Rows and tools.
        rungs: Those that are trained anyway are taken first; None for any.
    """
    wanted = _RUNGS_FOR_TEXT if workshop.spec.text else _RUNGS_FOR_FEATURES
    missing = lacks(workshop)
    able = tuple(name for name in wanted if all(missing[need] is None for need in BUILTIN[name].needs))
    # A cascade's first stage is the fast rung.
    trained = {*(rungs or able), *(("fast",) if "cascade" in (rungs or ()) else ())}
    return tuple(name for name in able if name in trained) or able[:1]


def _out_of_fold(name: str, workshop: Workshop) -> tuple[NDArray[np.float64], float]:
    (logits,) = BUILTIN[name].out_of_fold(workshop)
    return logits, fit_scale(logits, workshop.labels)


def predictions_of(
    probs: NDArray[np.float64], frame: pl.DataFrame, roles: Roles, classes: tuple[str, ...]
) -> Predictions:
    """Probabilities beside the given labels."""
    return Predictions(
        classes=classes,
        truth=label_codes(frame[roles.label], classes),
        probs=probs,
        clusters=None if roles.key is None else key_codes(frame[roles.key]),
    )


def predictions_beside(parts: Sequence[Predictions]) -> Predictions | None:
    """Predictions of several splits as one, in this order; None where there are none.

    Raises:
        InvalidInputError: They are about different classes.
    """
    if not parts:
        return None
    if any(part.classes != parts[0].classes for part in parts):
        raise InvalidInputError("predictions of several splits must be about the same classes in one order")
    return Predictions(
        parts[0].classes,
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.probs for part in parts]),
    )


def rows_to_learn(labels: pl.Series, copies: NDArray[np.int64], *, most: int, seed: int) -> NDArray[np.int64]:
    """Positions of the rows to train from: all, or about `most` of them, each class in its share.

    Args:
        labels: One a row.
        copies: `(n,)` group numbers; rows of one group are taken together.
        most: Rows wanted; whole groups may make it a few more.
        seed: Chooses.
    """
    n = len(labels)
    if n <= most:
        return np.arange(n, dtype=np.int64)
    _, groups = np.unique(copies, return_inverse=True)
    order = np.random.default_rng([seed, 3]).permutation(int(groups.max()) + 1)[groups]
    frame = pl.DataFrame({"label": labels, "order": order, "group": groups})
    rank = frame.select(pl.col("order").rank("ordinal").over("label"))["order"]
    quota = frame.select((pl.len().over("label") * (most / n)).ceil().clip(lower_bound=50))["len"]
    taken = np.zeros(int(groups.max()) + 1, dtype=bool)
    taken[groups[(rank <= quota).to_numpy()]] = True
    return np.flatnonzero(taken[groups])


def score_table(frame: pl.DataFrame, roles: Roles, scorer: Scorer, learned: NDArray[np.int64]) -> Predictions:
    """Every row of a table judged out of sample.

    Args:
        frame: All rows.
        roles: Which column is the label.
        scorer: Trained on the rows at `learned`.
        learned: `(m,)` positions.
    """
    probs = np.empty((frame.height, len(scorer.classes)))
    probs[learned] = scorer.held_out
    others = np.setdiff1d(np.arange(frame.height), learned, assume_unique=True)
    probs[others] = scorer.judge(frame[others])
    return predictions_of(probs, frame, roles, scorer.classes)


def embed_rows(workshop: Workshop, frames: Mapping[str, pl.DataFrame]) -> Mapping[str, NDArray[np.float32]]:
    """The mean of each text's token embeddings, `(n, width)` float32 a split; empty without a backbone."""
    if workshop.backbone is None or workshop.spec.text is None:
        return {}
    block = make_static(workshop.embedding_files())
    spec = InputSpec(workshop.spec.text)
    found: dict[str, NDArray[np.float32]] = {}
    for split, frame in frames.items():
        parts = [np.empty((0, block.width), dtype=np.float32)]
        for start in range(0, frame.height, _CHUNK):
            encoded: Any = block.encode(read_rows(frame.slice(start, _CHUNK), spec, source=split))
            assert isinstance(encoded, Dense)
            parts.append(encoded.values)
        found[split] = np.concatenate(parts)
    return found

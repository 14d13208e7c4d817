"""What people say of the rows: where they disagree, what they say together, who errs.

Votes of all open splits are heard together, since an annotator is the same person in each; labels are set
against them split by split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.quality.bysplit import joined
from smallcraft.data.quality.consensus import Consensus, find_consensus, inspect_consensus
from smallcraft.data.quality.disagreement import inspect_disagreement
from smallcraft.pipeline.stages.material import Material
from smallcraft.pipeline.stages.score import predictions_beside
from smallcraft.records import CheckResult


@dataclass(frozen=True)
class Agreed:
    """What was heard.

    Attributes:
        checks: Disagreement, and consensus.
        together: By split, votes and model heard together.
        alone: By split, votes alone: what may speak for or against the model.
    """

    checks: tuple[CheckResult, ...] = ()
    together: Mapping[str, Consensus] = field(default_factory=dict)
    alone: Mapping[str, Consensus] = field(default_factory=dict)


def hear_votes(material: Material) -> Agreed:
    """Hear the votes of all open splits; nothing where there are none."""
    votes = material.votes
    if votes is None:
        return Agreed()
    splits = material.open_splits
    told = inspect_disagreement(
        votes, split="+".join(splits), confidence=material.confidence, seed=material.seed
    )
    judged = [material.predictions[split] for split in splits if split in material.predictions]
    model = predictions_beside(judged) if len(judged) == len(splits) else None
    gold = _adjudicated(material)
    together = _parted(find_consensus(votes, model=model, gold=gold, seed=material.seed), material)
    alone = together if model is None else _parted(find_consensus(votes, seed=material.seed), material)
    results: dict[str, CheckResult] = {}
    start = 0
    for split in splits:
        stop = start + material.frames[split].height
        given = _codes(material.frames[split][material.roles.label], votes.classes)
        results[split] = inspect_consensus(together[split], votes.part(start, stop), given=given, split=split)
        start = stop
    return Agreed((told, joined(results)), together, alone)


def _parted(whole: Consensus, material: Material) -> Mapping[str, Consensus]:
    """A consensus over all open splits, split by split."""
    parts: dict[str, Consensus] = {}
    start = 0
    for split in material.open_splits:
        rows = slice(start, start + material.frames[split].height)
        parts[split] = replace(
            whole,
            posterior=whole.posterior[rows],
            label=whole.label[rows],
            confidence=whole.confidence[rows],
        )
        start = rows.stop
    return parts


def _adjudicated(material: Material) -> NDArray[np.int64] | None:
    """What an audit of the same rows said, as codes of the votes' classes; None without one."""
    answers, votes = material.answers, material.votes
    if answers is None or votes is None or material.open_splits != (material.tested,):
        return None
    codes = {name: code for code, name in enumerate(votes.classes)}
    gold = np.full(votes.n_items, -1, dtype=np.int64)
    gold[answers.rows] = [codes.get(label, -1) if label else -1 for label in answers.adjudicated]
    return gold


def _codes(labels: pl.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    known = pl.Enum(list(classes))
    return labels.cast(known, strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()

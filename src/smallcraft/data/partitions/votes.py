"""Votes of several annotators, tallied chunk by chunk: who agrees how far, over all rows.

Leaves to others: what agreement is (`stats.agreement`), consensus and how each annotator errs, which need the
votes themselves (`data.quality.consensus`).
Always: a row's votes count once, in a block that depends on the row's place alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.stats.agreement import BLOCKS, Agreement, agreement_of_sums, item_sums

# Columns of `item_sums` before those of the classes.
FIXED = 6


@dataclass(frozen=True)
class VoteTally:
    """What votes of some rows add up to.

    Attributes:
        classes: Labels that were voted for, sorted.
        sums: `(blocks, 6 + k)` float64 of `stats.agreement.item_sums`.
        annotators: How many votes each gave.
        rows: With votes or without.
        lost: Votes that are not counted: they are about no row.
        again: Votes that are not counted: their annotator said the same before.
    """

    classes: tuple[str, ...] = ()
    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((BLOCKS, FIXED)))
    annotators: Mapping[str, int] = field(default_factory=Counter)
    rows: int = 0
    lost: int = 0
    again: int = 0

    @property
    def votes(self) -> int:
        """All of them."""
        return sum(self.annotators.values())

    def agreement(self, *, level: float, seed: int) -> Agreement:
        """How far annotators agree, with intervals over blocks of rows.

        Args:
            level: Of the intervals, in (0, 1).
            seed: Of their samples.
        """
        return agreement_of_sums(self.sums, level=level, rng=np.random.default_rng(seed))


def tally_votes(frame: pl.DataFrame, columns: Sequence[str], blocks: NDArray[np.int64]) -> VoteTally:
    """The votes of a chunk.

    Args:
        frame: Its rows; each column has one annotator's labels as text, null for no vote.
        columns: The annotators.
        blocks: `(n,)` int64 in `[0, BLOCKS)`, the block of each row.
    """
    found = pl.concat([frame[name].drop_nulls().unique() for name in columns]).unique().sort()
    classes = tuple(found.to_list())
    counts = np.zeros((frame.height, len(classes)), dtype=np.int64)
    rows = np.arange(frame.height)
    given: Counter[str] = Counter()
    for name in columns:
        voted = frame[name].is_not_null().to_numpy()
        codes = np.searchsorted(classes, frame[name].drop_nulls().to_numpy().astype(np.str_))
        np.add.at(counts, (rows[voted], codes), 1)
        given[name] += int(voted.sum())
    several = counts.sum(axis=1) >= 2
    sums = np.zeros((BLOCKS, FIXED + len(classes)))
    np.add.at(sums, blocks[several], item_sums(counts))
    return VoteTally(classes, sums, given, frame.height)


def merge_votes(parts: Sequence[VoteTally]) -> VoteTally:
    """The votes of all their rows."""
    classes = tuple(sorted({name for part in parts for name in part.classes}))
    sums = np.zeros((BLOCKS, FIXED + len(classes)))
    given: Counter[str] = Counter()
    for part in parts:
        places = [*range(FIXED), *(FIXED + classes.index(name) for name in part.classes)]
        sums[:, places] += part.sums
        given.update(part.annotators)
    return VoteTally(
        classes,
        sums,
        given,
        rows=sum(part.rows for part in parts),
        lost=sum(part.lost for part in parts),
        again=sum(part.again for part in parts),
    )

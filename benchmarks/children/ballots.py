"""Votes, the same for every contestant: seeded ones in number, and real ones with a gold label, thinned."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ANNOTATORS = 10
CLASSES = ("hateful", "non-hateful")


@dataclass(frozen=True)
class Ballots:
    """Real votes with what is true.

    Attributes:
        votes: `(n, annotators)` int64 codes of `CLASSES`, -1 for no vote.
        gold: `(n,)` int64 codes.
        template: `(n,)` int64; rows of one template are alike but for a name.
        texts: One a row.
    """

    votes: np.ndarray
    gold: np.ndarray
    template: np.ndarray
    texts: list[str]


def read_ballots(folder: str, *, rows: int | None) -> Ballots:
    """All rows of the functional tests for hate speech, or about so many."""
    with Path(folder, "all_annotations.csv").open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    lines = lines[:: 1 if rows is None else max(1, len(lines) // rows)]
    code = {name: place for place, name in enumerate(CLASSES)}
    votes = [[code.get(line[f"label_{who + 1}"], -1) for who in range(ANNOTATORS)] for line in lines]
    return Ballots(
        np.array(votes),
        np.array([code[line["label_gold"]] for line in lines]),
        np.array([int(line["templ_id"]) for line in lines]),
        [line["test_case"] for line in lines],
    )


def thinned(votes: np.ndarray, each: int, *, seed: int) -> np.ndarray:
    """So many votes an item, drawn from those it has."""
    rng = np.random.default_rng(seed)
    drawn = np.argsort(np.where(votes >= 0, rng.random(votes.shape), 2.0), axis=1)[:, :each]
    kept = np.full_like(votes, -1)
    np.put_along_axis(kept, drawn, np.take_along_axis(votes, drawn, axis=1), axis=1)
    return kept


@dataclass(frozen=True)
class Crowd:
    """Many votes as a file would hold them, a line a vote.

    Attributes:
        item: Ids, as text.
        annotator: Names.
        label: Names.
        truth: The true label of each line's item.
    """

    item: list[str]
    annotator: list[str]
    label: list[str]
    truth: list[str]


def draw_crowd(items: int, *, in_order: bool) -> Crowd:
    """Five votes an item, 2,000 annotators right on 50 to 95 %, five classes; by item, or as they came in."""
    rng = np.random.default_rng(0)
    each, people, k = 5, 2000, 5
    truth, right = rng.integers(0, k, items), rng.uniform(0.5, 0.95, people)
    # One draw in each fifth of the annotators: nobody votes twice on an item.
    who = (rng.integers(0, people // each, (items, each)) + np.arange(each) * (people // each)).ravel()
    item = np.repeat(np.arange(items), each)
    slip = (truth[item] + rng.integers(1, k, len(item))) % k
    said = np.where(rng.random(len(item)) < right[who], truth[item], slip)
    lines = np.arange(len(item)) if in_order else rng.permutation(len(item))
    return Crowd(
        [f"task-{code:07d}" for code in item[lines]],
        [f"worker-{code}" for code in who[lines]],
        [f"class-{code}" for code in said[lines]],
        [f"class-{code}" for code in truth[item[lines]]],
    )

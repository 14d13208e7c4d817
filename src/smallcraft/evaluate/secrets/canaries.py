"""Canaries: rows of which each is trained on or left out by a fair coin, to see what a model remembers.

Natural ones are rows that were held out: what an ordinary person's row gives away. The worst ones are made to
be remembered: rows put together at random from rare pieces, with a label drawn at random, which only this
row can teach.
Always: the order of canaries, their rows and their labels do not depend on the coins.
Left to others: training (`Twin`), and what guesses prove (`stats.attacks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.failures.words import words_of

Columns = Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Canaries:
    """Rows with labels and coins.

    Attributes:
        kind: `natural` or `worst`.
        rows: Input columns, `m` values each.
        labels: `(m,)` codes.
        is_in: `(m,)` bool, the coins.
        origin: `(m,)` positions of natural ones in the split they were taken from; empty for made ones.
    """

    kind: str
    rows: Columns
    labels: NDArray[np.int64]
    is_in: NDArray[np.bool_]
    origin: NDArray[np.int64]

    @property
    def included(self) -> tuple[Columns, NDArray[np.int64]]:
        """Rows and labels of those trained on."""
        places = np.flatnonzero(self.is_in)
        return take_rows(self.rows, places), self.labels[places]


def natural_canaries(
    rows: Columns, truth: NDArray[np.int64], *, most: int, rng: np.random.Generator
) -> Canaries:
    """Rows that were held out, with their own labels.

    Args:
        rows: Input columns of `n` rows that the candidate was not trained on.
        truth: `(n,)` codes; rows with -1 are left aside.
        most: As many, or all there are.
        rng: Draws rows and coins.
    """
    known = rng.permutation(np.flatnonzero(truth >= 0))[:most]
    coins = rng.random(len(known)) < 0.5
    return Canaries("natural", take_rows(rows, known), truth[known], coins, known)


def worst_canaries(
    rows: Columns, spec: InputSpec, *, classes: int, count: int, rng: np.random.Generator
) -> Canaries:
    """Rows made of random pieces of the train rows, each with a label drawn at random.

    A text is as long as some train text, of words drawn from all different ones alike, so most are rare; a
    column's value is that of some train row, drawn for each column apart.

    Args:
        rows: Input columns of the train rows.
        spec: Which of them are text.
        classes: Number of labels.
        count: How many to make.
        rng: Draws pieces, labels and coins.
    """
    made: dict[str, list[object]] = {}
    for name, values in rows.items():
        if name == spec.text:
            made[name] = list(_random_texts([str(value) for value in values], count, rng))
        else:
            made[name] = [values[place] for place in rng.integers(len(values), size=count)]
    labels = rng.integers(classes, size=count)
    coins = rng.random(count) < 0.5
    return Canaries("worst", made, labels.astype(np.int64), coins, np.empty(0, np.int64))


def _random_texts(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    found = [words_of(text) for text in texts]
    words = sorted(Counter(word for text in found for word in text)) or ["canary"]
    lengths = np.maximum(np.array([len(text) for text in found]), 3)
    return [
        " ".join(words[place] for place in rng.integers(len(words), size=length))
        for length in rng.choice(lengths, size=count)
    ]


def take_rows(rows: Columns, places: NDArray[np.int64]) -> Mapping[str, list[object]]:
    """The rows at these positions."""
    return {name: [values[place] for place in places.tolist()] for name, values in rows.items()}


def join_rows(parts: Sequence[Columns], names: Sequence[str]) -> Mapping[str, list[object]]:
    """Rows of several tables with the same columns, one table after the other."""
    return {name: [value for part in parts for value in part[name]] for name in names}


def attack_scores(trained: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much more a model believes in canaries' labels than one that saw no canary.

    Args:
        trained: `(m,)` probabilities of each canary's own label.
        reference: The same, of a model trained without any canary.

    Returns:
        `(m,)` differences of log-odds.

    Source:
        Watson et al. (2022), "On the importance of difficulty calibration in membership inference attacks";
        log-odds as in Carlini et al. (2022), "Membership inference attacks from first principles".
    """
    return _log_odds(trained) - _log_odds(reference)


def _log_odds(probs: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probs, 1e-12, 1 - 1e-12)
    found: NDArray[np.float64] = np.log(inside) - np.log1p(-inside)
    return found

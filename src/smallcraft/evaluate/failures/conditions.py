"""Conditions that a person can read, each with the rows that meet it: what slices of failures are made of.

Words of a text, its length, categories, ranges of a number, the predicted class, declared groups.
Always: no condition looks at the truth; one that hardly any row or nearly every row meets is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec, category_text
from smallcraft.evaluate.failures.words import words_of
from smallcraft.evaluate.run import MISSING_GROUP

Columns = Mapping[str, Sequence[object]]
_LEAST_SHARE = 0.01
_LEAST_ROWS = 10


@dataclass(frozen=True)
class Condition:
    """Some rows, and what they have in common.

    Attributes:
        name: As a slice: `word=refund`, `length=>40`, `predicted=billing`, two joined by ` & `.
        words: The same for a sentence: `with the word 'refund'`.
        rows: `(n,)` bool.
    """

    name: str
    words: str
    rows: NDArray[np.bool_]

    def and_also(self, other: Condition) -> Condition:
        """Both."""
        return Condition(
            f"{self.name} & {other.name}", f"{self.words} and {other.words}", self.rows & other.rows
        )


def list_conditions(
    rows: Columns,
    spec: InputSpec,
    *,
    predicted: Sequence[str],
    groups: Mapping[str, Sequence[str | None]],
) -> tuple[Condition, ...]:
    """Every condition that at least 1 % of the rows, and 10, meet, and as many do not.

    Args:
        rows: Input columns of `n` rows.
        spec: Which are text, numbers, categories.
        predicted: `n` names of the predicted class.
        groups: Declared group columns, `n` values each.
    """
    n = len(predicted)
    found: dict[str, Condition] = {}
    for condition in _all(rows, spec, predicted, groups):
        met = int(condition.rows.sum())
        if min(met, n - met) >= max(_LEAST_ROWS, _LEAST_SHARE * n):
            found.setdefault(condition.name, condition)
    return tuple(found.values())


def _all(
    rows: Columns,
    spec: InputSpec,
    predicted: Sequence[str],
    groups: Mapping[str, Sequence[str | None]],
) -> Iterator[Condition]:
    if spec.text is not None:
        texts = [words_of(str(text)) for text in rows[spec.text]]
        yield from _words(texts)
        lengths = np.array([len(text) for text in texts], dtype=np.float64)
        yield from _ranges("length", lengths, said="words", whole=True)
    for name in spec.numbers:
        values = np.array([np.nan if value is None else value for value in rows[name]], dtype=np.float64)
        yield from _ranges(name, values, said=name, whole=bool(np.all(values[~np.isnan(values)] % 1 == 0)))
    for name in spec.categories:
        yield from _values(name, [None if value is None else category_text(value) for value in rows[name]])
    for name, column in groups.items():
        yield from _values(name, column)
    for condition in _values("predicted", predicted):
        yield Condition(condition.name, condition.name.replace("=", " ", 1), condition.rows)


def _words(texts: Sequence[Sequence[str]]) -> Iterator[Condition]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for row, words in enumerate(texts):
        for word in set(words):
            places[word].append(row)
    for word in sorted(places):
        if len(places[word]) >= _LEAST_ROWS:
            yield Condition(f"word={word}", f"with the word '{word}'", _mask(places[word], len(texts)))


def _values(name: str, values: Sequence[str | None]) -> Iterator[Condition]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for row, value in enumerate(values):
        places[MISSING_GROUP if value is None else str(value)].append(row)
    for value in sorted(places):
        yield Condition(f"{name}={value}", f"with {name} '{value}'", _mask(places[value], len(values)))


def _ranges(name: str, values: NDArray[np.float64], *, said: str, whole: bool) -> Iterator[Condition]:
    """Quartiles, and what is missing."""
    known = ~np.isnan(values)
    if not known.all():
        yield Condition(f"{name}={MISSING_GROUP}", f"without {said}", ~known)
    if not known.any():
        return
    edges = np.unique(np.quantile(values[known], (0.25, 0.5, 0.75), method="lower"))
    codes = np.searchsorted(edges, values, side="left")
    for place in range(len(edges) + 1):
        span = _span(edges, place, whole=whole)
        spoken = span.replace("<=", "up to ").replace(">", "more than ")
        words = f"with {spoken} {said}" if name == "length" else f"with {said} {spoken}"
        yield Condition(f"{name}={span}", words, (codes == place) & known)


def _span(edges: NDArray[np.float64], place: int, *, whole: bool) -> str:
    """The range between two edges; of numbers that are not whole, without the lower one."""
    if place == 0:
        return f"<={edges[0]:g}"
    if place == len(edges):
        return f">{edges[-1]:g}"
    low, high = edges[place - 1], edges[place]
    if not whole:
        return f"{low:g}..{high:g}"
    return f"{high:g}" if low + 1 == high else f"{low + 1:g}..{high:g}"


def _mask(rows: Sequence[int], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, dtype=np.bool_)
    mask[list(rows)] = True
    return mask

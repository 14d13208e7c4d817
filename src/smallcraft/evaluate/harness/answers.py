"""What a model of any make is asked, and its answers brought to one form: probabilities over named classes.

A model that only names a label gets probability 1 on it and is marked `labels_only`, so that scores over
probabilities can be withheld (`evaluate.harness.withheld`).
Always: a model sees the columns, never the truth; an answer is whole and sound, or refused with the row; a
label that the truth does not know is kept as a class of its own, so it counts as wrong.
Left to others: how each kind of model is opened and asked (`evaluate.harness.openers`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.bundle.inputs import category_text
from smallcraft.errors import InvalidInputError
from smallcraft.records import Predictions

SUM_TOLERANCE = 0.01
_SHOWN_CLASSES = 5


@dataclass(frozen=True)
class Questions:
    """The rows that a model is asked about.

    Attributes:
        frame: The columns a model may read, typed as by `data.columns`: text, features, and those that some
            model asks for by name.
        raw: The same rows as their file holds them, with every column but the truth.
        text: The text column; None where there is none.
        features: The other columns that are declared to be read, in that order.
        labels: The labels that occur in the truth, sorted; which row has which is not told.
        key: The column whose equal values tie rows together; None where there is none.
        first: Where the first of these rows stands among all rows, from 0.
    """

    frame: pl.DataFrame
    raw: pl.DataFrame
    text: str | None
    features: tuple[str, ...]
    labels: tuple[str, ...]
    key: str | None = None
    first: int = 0

    @property
    def rows(self) -> int:
        """How many; a file of labels alone leaves no column to read."""
        return max(self.frame.height, self.raw.height)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that are declared to be read, text first."""
        return ((self.text,) if self.text else ()) + self.features

    @property
    def texts(self) -> list[str] | None:
        """The texts where a text is all there is to read; None where there are features."""
        if self.text is None or self.features:
            return None
        found: list[str] = self.frame[self.text].to_list()
        return found

    @property
    def columns(self) -> dict[str, list[object]]:
        """Each input to its values, None where one is missing."""
        return {name: self.frame[name].to_list() for name in self.inputs}

    def take(self, start: int, stop: int) -> Questions:
        """The rows from `start` to before `stop`."""
        length = stop - start
        frame, raw = self.frame.slice(start, length), self.raw.slice(start, length)
        place = self.first + start
        return Questions(frame, raw, self.text, self.features, self.labels, self.key, place)


@dataclass(frozen=True)
class Answers:
    """What a model answers.

    Attributes:
        classes: The `k` labels it names, in the order of the columns.
        probs: `(n, k)` float64, rows sum to 1.
        labels_only: The model gave a label a row; the probabilities are 1 on it and say nothing more.
        notes: What a reader of the numbers should know.
    """

    classes: tuple[str, ...]
    probs: NDArray[np.float64]
    labels_only: bool = False
    notes: tuple[str, ...] = ()


def label_answers(labels: Sequence[object], *, known: Sequence[str]) -> Answers:
    """Answers of a model that names a label a row.

    Args:
        labels: Text, whole numbers or booleans, one a row.
        known: Labels of the truth; `True` is written as they write it.

    Raises:
        InvalidInputError: A value is no label.

    >>> label_answers([1.0, "x"], known=("1", "2")).classes
    ('1', 'x')
    """
    names = [_label_text(label, row, known) for row, label in enumerate(labels)]
    classes = tuple(sorted(set(names)))
    place = {name: code for code, name in enumerate(classes)}
    probs = np.zeros((len(names), len(classes)))
    probs[np.arange(len(names)), [place[name] for name in names]] = 1.0
    return Answers(classes, probs, labels_only=True)


def probability_answers(table: object, classes: Sequence[object], *, known: Sequence[str]) -> Answers:
    """Answers of a model that gives each class a probability.

    Args:
        table: `(n, k)` numbers of at least 0 whose rows sum to 1 within `SUM_TOLERANCE`; they are scaled to
            sum to 1 exactly.
        classes: The `k` labels of the columns, all different.
        known: Labels of the truth.

    Raises:
        InvalidInputError: Another shape, two columns of one label, or a row that is no distribution.
    """
    probs = _number_table(table)
    names = tuple(_label_text(label, None, known) for label in classes)
    if probs.shape[1] != len(names):
        raise InvalidInputError(
            f"there must be a column for each of {len(names)} classes ({shown_labels(names)}), "
            f"got {probs.shape[1]}; name the columns in their order with --classes"
        )
    if len(set(names)) != len(names):
        raise InvalidInputError(f"each class must have one column, got {shown_labels(names)}")
    sums = probs.sum(axis=1)
    odd = ~np.isfinite(probs).all(axis=1) | (probs < -1e-9).any(axis=1) | (abs(sums - 1) > SUM_TOLERANCE)
    if odd.any():
        row = int(np.flatnonzero(odd)[0])
        raise InvalidInputError(
            f"row {row + 1} must hold probabilities that sum to 1, got {_some_numbers(probs[row])} with sum "
            f"{sums[row]:g}; give probabilities, not scores (a softmax makes them), or labels only"
        )
    clipped = np.clip(probs, 0.0, None)
    return Answers(names, clipped / clipped.sum(axis=1, keepdims=True))


def mapping_answers(rows: Sequence[Mapping[object, object]], *, known: Sequence[str]) -> Answers:
    """Answers of a model that gives a mapping of label to probability a row; a label left out has 0.

    Raises:
        InvalidInputError: A row is no distribution.
    """
    classes = tuple(sorted({_label_text(label, None, known) for row in rows for label in row}))
    place = {name: code for code, name in enumerate(classes)}
    table = np.zeros((len(rows), len(classes)))
    for at, row in enumerate(rows):
        for label, value in row.items():
            if isinstance(value, bool) or not isinstance(value, int | float | np.number):
                raise InvalidInputError(
                    f"row {at + 1} must give each label a probability, got {value!r} for '{label}'"
                )
            table[at, place[_label_text(label, None, known)]] += float(value)
    return probability_answers(table, classes, known=known)


def join_answers(parts: Sequence[Answers]) -> Answers:
    """Batches of one model as one; at least one, and all of the same kind.

    Raises:
        InvalidInputError: Some hold labels and some probabilities.
    """
    if len({part.labels_only for part in parts}) != 1:
        raise InvalidInputError("a model must answer every batch alike, got labels and probabilities in turn")
    classes = tuple(dict.fromkeys(name for part in parts for name in part.classes))
    table = np.concatenate([spread_over(part, classes) for part in parts])
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return Answers(classes, table, parts[0].labels_only, notes)


def spread_over(answers: Answers, classes: Sequence[str]) -> NDArray[np.float64]:
    """The probabilities as `(n, k)` over more classes, 0 for those that the model does not name."""
    place = {name: code for code, name in enumerate(classes)}
    table = np.zeros((len(answers.probs), len(classes)))
    table[:, [place[name] for name in answers.classes]] = answers.probs
    return table


def all_classes(labels: Sequence[str], answers: Sequence[Answers]) -> tuple[str, ...]:
    """The labels of the truth, sorted, then those that only some model names, sorted."""
    known = sorted(set(labels))
    return (*known, *sorted({name for found in answers for name in found.classes} - set(known)))


def predictions_of(
    answers: Answers,
    truth: Sequence[str],
    classes: Sequence[str],
    *,
    clusters: NDArray[np.int64] | None = None,
) -> Predictions:
    """Answers beside the truth.

    Args:
        answers: Of as many rows as the truth has.
        truth: The label of each row.
        classes: From `all_classes`.
        clusters: `(n,)` equal for rows that belong together.

    Raises:
        InvalidInputError: Another number of rows; the message has both.
    """
    if len(answers.probs) != len(truth):
        raise InvalidInputError(
            f"a model must answer each of {len(truth):,} rows, got {len(answers.probs):,} answers"
        )
    place = {name: code for code, name in enumerate(classes)}
    codes = np.array([place[label] for label in truth], dtype=np.int64)
    return Predictions(tuple(classes), codes, spread_over(answers, classes), clusters)


def shown_labels(labels: Sequence[object]) -> str:
    """The first few of some labels, for a message."""
    more = f" and {len(labels) - _SHOWN_CLASSES} more" if len(labels) > _SHOWN_CLASSES else ""
    return ", ".join(repr(str(label)) for label in labels[:_SHOWN_CLASSES]) + more


def _label_text(label: object, row: int | None, known: Sequence[str]) -> str:
    where = "" if row is None else f" in row {row + 1}"
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, bytes):
        label = label.decode("utf-8", "replace")
    if isinstance(label, bool):
        return str(label) if str(label) in known else category_text(label)
    if isinstance(label, str) and label.strip():
        return label.strip()
    if isinstance(label, int) or (isinstance(label, float) and label.is_integer()):
        return category_text(label)
    if isinstance(label, float) and np.isfinite(label):
        raise InvalidInputError(
            f"a label must be text or a whole number, got {label!r}{where}; is it a classifier?"
        )
    raise InvalidInputError(f"a model must answer each row with a label, got {label!r}{where}")


def _number_table(table: object) -> NDArray[np.float64]:
    try:
        probs = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"probabilities must be a table of numbers with a row for each row, got something else ({error})"
        ) from error
    if probs.ndim != 2:
        raise InvalidInputError(
            f"probabilities must have two dimensions, rows and classes, got shape {probs.shape}; "
            "give a column for each class, also where there are two"
        )
    return probs


def _some_numbers(row: NDArray[np.float64]) -> str:
    shown = ", ".join(f"{value:g}" for value in row[:_SHOWN_CLASSES])
    return f"[{shown}, ...]" if len(row) > _SHOWN_CLASSES else f"[{shown}]"

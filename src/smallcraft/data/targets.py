"""Reads a label column as what a model learns: one class a row, several labels a row, or a number a row.

Every task keeps its label column as text in one spelling, so that digests, copies and splits read it alike:
a class as it is, labels sorted and joined by the separator, a number without needless digits.
Always: a row that no label applies to is the separator alone and no missing label; the same values give the
same text from every file format.
Left to others: which values are faults of a row (`data.columns`), what is fitted to targets (`models`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.table import text_form
from smallcraft.records import Roles, Task

# A value's stratum: as many equally full bins of the target as have this many rows, ten at most.
_MOST_BINS = 10
_ROWS_A_BIN = 20


@dataclass(frozen=True)
class WrittenLabels:
    """A label column in its one spelling.

    Attributes:
        text: Null where there is no label.
        odd: True where a value is none that the task knows; its text is null.
        reason: What is wrong with an odd value; `{}` stands for it.
        remedy: What to do about it.
    """

    text: pl.Series
    odd: pl.Series
    reason: str = ""
    remedy: str = ""


def written_tags(series: pl.Series, separator: str) -> WrittenLabels:
    """Labels of each row, sorted, each once, joined by the separator.

    Args:
        series: Text such as `cards|billing`, or lists of plain values.
        separator: Stands between labels; alone it means that none applies, as an empty list does.

    >>> written_tags(pl.Series(["b | a|b", "|", ""]), "|").text.to_list()
    ['a|b', '|', None]
    """
    if series.dtype == pl.List:
        cells = [None if cell is None else [str(name) for name in cell] for cell in _as_text_lists(series)]
        written = [None if cell is None else _joined(cell, separator) for cell in cells]
        odd = [cell is not None and any(separator in name for name in cell) for cell in cells]
        text = pl.Series(
            series.name, [None if bad else value for bad, value in zip(odd, written, strict=True)]
        )
        reason = f"{{}} has a label that holds the separator '{separator}'"
        return WrittenLabels(
            text.cast(pl.String), pl.Series(odd, dtype=pl.Boolean), reason, "choose another label_separator"
        )
    given = text_form(series).to_list()
    spelled = {value: _respelled(value, separator) for value in set(given) if value is not None}
    text = pl.Series(series.name, [spelled.get(value) for value in given], dtype=pl.String)
    return WrittenLabels(text, pl.Series([False] * len(series), dtype=pl.Boolean))


def written_values(series: pl.Series) -> WrittenLabels:
    """Numbers as text in their shortest form.

    >>> written_values(pl.Series(["2.50", "1.0", "many"])).text.to_list()
    ['2.5', '1', None]
    """
    text = text_form(series).str.strip_chars()
    text = text.set(text.str.len_bytes() == 0, None)
    numbers = text.cast(pl.Float64, strict=False)
    odd = text.is_not_null() & ~numbers.is_finite().fill_null(value=False)
    clean = numbers.set(odd, None) + 0.0
    return WrittenLabels(
        text_form(clean).rename(series.name),
        odd,
        "{} is no finite number, and the label of a regression is one",
        'write a number or remove the row; for classes set task = "multiclass"',
    )


def tags_of(label: str, separator: str) -> tuple[str, ...]:
    """The labels in a row's text.

    >>> tags_of("billing|cards", "|"), tags_of("|", "|")
    (('billing', 'cards'), ())
    """
    return tuple(name for name in label.split(separator) if name)


def classes_of(labels: pl.Series, roles: Roles) -> tuple[str, ...]:
    """What a model's outputs are called: classes in order, labels in order, or the target's own name."""
    return _KINDS[roles.task].classes(labels, roles)


def encode_labels(labels: pl.Series, roles: Roles, classes: Sequence[str]) -> NDArray[Any]:
    """A label column as numbers.

    Args:
        labels: In their one spelling, none missing.
        roles: Says the task and the separator.
        classes: The `k` outputs, as `classes_of` gives them for the rows that are learned from.

    Returns:
        `(n,)` int64 codes, -1 for a class that is none of them; `(n, k)` int64 of 0 and 1 where there are
        several labels a row, without those that are none of them; `(n,)` float64 of a regression.
    """
    return _KINDS[roles.task].encode(labels, roles, classes)


def known_rows(encoded: NDArray[Any], roles: Roles) -> NDArray[np.bool_]:
    """`(n,)` False for rows of a class that is none of the outputs; other tasks know every row."""
    if roles.task != "multiclass":
        return np.ones(len(encoded), dtype=np.bool_)
    return np.asarray(encoded >= 0)


def strata_of(labels: pl.Series, roles: Roles) -> pl.Series:
    """What splits and folds keep in proportion, as text: the class, the rarest label, a bin of the value."""
    return _KINDS[roles.task].strata(labels, roles)


def label_counts(labels: pl.Series, roles: Roles) -> Mapping[str, int]:
    """Rows of each class or label, in order of name; nothing for numbers."""
    return _KINDS[roles.task].counts(labels, roles)


def comparable_labels(frames: Mapping[str, pl.DataFrame], roles: Roles) -> dict[str, pl.DataFrame]:
    """The frames with labels as two rows may contradict each other by: equal rows may differ in a number.

    Args:
        frames: Rows by split.
        roles: Says the task.

    Returns:
        The frames as they are; of a regression every number is the word `number`.
    """
    if roles.task != "regression":
        return dict(frames)
    number = pl.when(pl.col(roles.label).is_null()).then(None).otherwise(pl.lit("number")).alias(roles.label)
    return {split: frame.with_columns(number) for split, frame in frames.items()}


def stratum_codes(labels: pl.Series, roles: Roles) -> NDArray[np.int64]:
    """`strata_of` as codes from 0, `(n,)`."""
    return np.asarray(strata_of(labels, roles).rank("dense").to_numpy(), dtype=np.int64) - 1


@dataclass(frozen=True)
class _Kind:
    """What a task makes of a label column."""

    classes: Callable[[pl.Series, Roles], tuple[str, ...]]
    encode: Callable[[pl.Series, Roles, Sequence[str]], NDArray[Any]]
    strata: Callable[[pl.Series, Roles], pl.Series]
    counts: Callable[[pl.Series, Roles], Mapping[str, int]]


def _as_text_lists(series: pl.Series) -> list[list[str] | None]:
    found: list[list[str] | None] = series.list.eval(pl.element().cast(pl.String).drop_nulls()).to_list()
    return found


def _respelled(value: str, separator: str) -> str | None:
    return _joined(value.split(separator), separator) if value.strip() else None


def _joined(names: Sequence[str], separator: str) -> str:
    return separator.join(sorted({name.strip() for name in names} - {""})) or separator


def _class_names(labels: pl.Series, roles: Roles) -> tuple[str, ...]:  # noqa: ARG001 - the table's shape
    return tuple(labels.drop_nulls().unique().sort().to_list())


def _class_codes(labels: pl.Series, roles: Roles, classes: Sequence[str]) -> NDArray[np.int64]:  # noqa: ARG001
    code = {name: position for position, name in enumerate(classes)}
    return np.array([code.get(label, -1) for label in labels.to_list()], dtype=np.int64)


def _class_counts(labels: pl.Series, roles: Roles) -> Mapping[str, int]:  # noqa: ARG001
    counted = labels.drop_nulls().rename("label").value_counts().sort("label")
    return dict(zip(counted["label"].to_list(), counted["count"].to_list(), strict=True))


def _tag_counts(labels: pl.Series, roles: Roles) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for label, rows in _class_counts(labels, roles).items():
        for name in tags_of(label, roles.separator):
            counts[name] = counts.get(name, 0) + rows
    return dict(sorted(counts.items()))


def _tag_codes(labels: pl.Series, roles: Roles, classes: Sequence[str]) -> NDArray[np.int64]:
    code = {name: position for position, name in enumerate(classes)}
    found = np.zeros((len(labels), len(classes)), dtype=np.int64)
    for row, label in enumerate(labels.to_list()):
        for name in tags_of(label, roles.separator):
            if name in code:
                found[row, code[name]] = 1
    return found


def _rarest_tags(labels: pl.Series, roles: Roles) -> pl.Series:
    counts = _tag_counts(labels, roles)
    rarest = {
        label: min(tags_of(label, roles.separator), key=lambda name: (counts[name], name), default=label)
        for label in labels.drop_nulls().unique().to_list()
    }
    return pl.Series(labels.name, [rarest.get(label) for label in labels.to_list()], dtype=pl.String)


def _numbers(labels: pl.Series) -> NDArray[np.float64]:
    return np.asarray(labels.cast(pl.Float64).to_numpy(), dtype=np.float64)


def _value_bins(labels: pl.Series, roles: Roles) -> pl.Series:  # noqa: ARG001
    values = _numbers(labels)
    bins = int(np.clip(len(values) // _ROWS_A_BIN, 1, _MOST_BINS))
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins)) if len(values) else np.empty(0)
    places = np.searchsorted(edges, values, side="right")
    return pl.Series(labels.name, [f"bin {place}" for place in places], dtype=pl.String)


_KINDS: Mapping[Task, _Kind] = {
    "multiclass": _Kind(_class_names, _class_codes, lambda labels, _: labels, _class_counts),
    "multilabel": _Kind(
        lambda labels, roles: tuple(_tag_counts(labels, roles)), _tag_codes, _rarest_tags, _tag_counts
    ),
    "regression": _Kind(
        lambda _, roles: (roles.label,), lambda labels, *_: _numbers(labels), _value_bins, lambda *_: {}
    ),
}

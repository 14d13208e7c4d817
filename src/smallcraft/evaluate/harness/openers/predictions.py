"""A file of predictions, a row a row of the data: `.csv`, `.tsv`, `.parquet`, `.jsonl`.

It holds a column `prediction` or `label`, or a probability column a class (named as the class, or
`prob_<class>`), or both. Rows are joined by an id that both files have and that is different in every row,
else by their order; where both hold the text, it must be the same row by row.
Always: another number of rows, a row without its partner, or labels that are not the most probable class are
refused; how rows were joined is noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import code_text
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.evaluate.harness.answers import (
    Answers,
    Questions,
    label_answers,
    probability_answers,
    shown_labels,
)
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

_SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson", ".csv.gz", ".tsv.gz", ".jsonl.gz")
_LABELS = ("prediction", "label")
_PREFIX = "prob_"
_ID = "id"


@dataclass(frozen=True)
class PredictionsOpener:
    """Opens a file of answers that were made elsewhere; its cost cannot be measured."""

    name: str = "predictions"
    example: str = "predictions.csv (also .parquet, .jsonl)"

    def fits(self, target: str) -> bool:
        """By its suffix."""
        return target.lower().endswith(_SUFFIXES)

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Read it.

        Raises:
            DataError: The file cannot be read, or has no rows.
        """
        source = read_source(target, None)
        refuse_bad_rows(source.broken)
        if source.frame.height == 0:
            raise DataError(f"{target} must hold predictions, got no rows; check how it was written")

        def answer(questions: Questions) -> Answers:
            frame, how = _joined(source.frame, questions, target, options.id_column)
            found = _read(frame, questions, target)
            return Answers(found.classes, found.probs, found.labels_only, (how, *found.notes))

        return OpenedModel(target, self.name, answer, cost="none", whole=True)


def _joined(
    frame: pl.DataFrame, questions: Questions, target: str, id_column: str | None
) -> tuple[pl.DataFrame, str]:
    """The predictions in the order of the data, and how that was found."""
    name = _id_column(frame, questions, target, id_column)
    if frame.height != questions.rows:
        raise DataError(
            f"{target} has {frame.height:,} rows and the data {questions.rows:,}; "
            "predict every row of the data once"
        )
    if name is None:
        _require_same_texts(frame, questions, target)
        return frame, "rows joined by their order"
    wanted, given = code_text(questions.raw[name]), code_text(frame[name])
    place = {value: row for row, value in enumerate(given.to_list())}
    rows = [place.get(value) for value in wanted.to_list()]
    if None in rows:
        row = rows.index(None)
        raise DataError(
            f"{target} has no prediction for row {row + 1}, whose '{name}' is '{wanted[row]}'; "
            "predict every row"
        )
    return frame[[row for row in rows if row is not None]], f"rows joined by '{name}'"


def _id_column(frame: pl.DataFrame, questions: Questions, target: str, declared: str | None) -> str | None:
    """The column that names rows in both; None where there is none."""
    if declared is not None:
        require_columns([declared], questions.raw.columns, source="the data")
        require_columns([declared], frame.columns, source=target)
        for series, source in ((questions.raw[declared], "the data"), (frame[declared], target)):
            if not _names_rows(series):
                raise DataError(
                    f"column '{declared}' of {source} must be different in every row to join by it; "
                    "name another"
                )
        return declared
    for name in (questions.key, _ID):
        both = name in frame.columns and name in questions.raw.columns
        if name and both and _names_rows(frame[name]) and _names_rows(questions.raw[name]):
            return name
    return None


def _names_rows(series: pl.Series) -> bool:
    codes = code_text(series)
    return codes.null_count() == 0 and codes.n_unique() == len(codes)


def _require_same_texts(frame: pl.DataFrame, questions: Questions, target: str) -> None:
    """A file in another order is found out by its texts, where it holds them."""
    text = questions.text
    if text is None or text not in frame.columns or text not in questions.raw.columns:
        return
    differs = text_form(frame[text]).ne_missing(text_form(questions.raw[text]))
    if differs.any():
        row = int(differs.arg_max() or 0)
        raise DataError(
            f"{target} has another '{text}' in row {row + 1} than the data; write the predictions in the "
            "order of the data, or give both files an id column"
        )


def _read(frame: pl.DataFrame, questions: Questions, target: str) -> Answers:
    columns = _probability_columns(frame, questions)
    labels = next((name for name in _LABELS if name in frame.columns), None)
    if not columns and labels is None:
        raise DataError(
            f"{target} must hold a column 'prediction' or 'label', or a probability column a class "
            f"('{_PREFIX}<class>'), got {', '.join(repr(name) for name in frame.columns)}"
        )
    named = None if labels is None else _labels(frame[labels], questions, target)
    if not columns:
        assert named is not None
        return named
    table = np.stack([_numbers(frame[name], target) for name in columns], axis=1)
    try:
        found = probability_answers(table, list(columns.values()), known=questions.labels)
    except InvalidInputError as error:
        raise DataError(f"{target}: {error}") from error
    if named is not None:
        _require_agreement(found, named, target, str(labels))
    return found


def _probability_columns(frame: pl.DataFrame, questions: Questions) -> dict[str, str]:
    """Column to class; those with the prefix where there are any."""
    prefixed = {name: name[len(_PREFIX) :] for name in frame.columns if name.startswith(_PREFIX)}
    if prefixed:
        return prefixed
    taken = {*_LABELS, _ID, questions.key, *questions.inputs}
    return {name: name for name in frame.columns if name in questions.labels and name not in taken}


def _labels(series: pl.Series, questions: Questions, target: str) -> Answers:
    text = code_text(series)
    if text.null_count():
        row = int(text.is_null().arg_max() or 0)
        raise DataError(f"{target}, column '{series.name}': row {row + 1} has no label; predict every row")
    return label_answers(text.to_list(), known=questions.labels)


def _numbers(series: pl.Series, target: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count():
        row = int(numbers.is_null().arg_max() or 0)
        raise DataError(
            f"{target}, column '{series.name}': row {row + 1} must hold a probability, got {series[row]!r}"
        )
    return numbers.to_numpy().astype(np.float64)


def _require_agreement(found: Answers, named: Answers, target: str, column: str) -> None:
    said = _names(named.classes, named)
    likely = _names(found.classes, found)
    differs = [row for row, (one, other) in enumerate(zip(said, likely, strict=True)) if one != other]
    # A tie has no most probable class: either name will do.
    place = {name: code for code, name in enumerate(found.classes)}
    odd = [
        row
        for row in differs
        if said[row] not in place or found.probs[row, place[said[row]]] < found.probs[row].max() - 1e-9
    ]
    if odd:
        row = odd[0]
        raise DataError(
            f"{target}: '{column}' is not the most probable class in {len(odd):,} rows, first in "
            f"row {row + 1} ('{said[row]}', most probable is '{likely[row]}'); "
            "leave out the column or the probabilities "
            f"of {shown_labels(found.classes)}"
        )


def _names(classes: Sequence[str], answers: Answers) -> list[str]:
    return [classes[code] for code in answers.probs.argmax(axis=1)]

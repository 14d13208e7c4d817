"""Any Python function, `module:function`: texts or columns in, labels or probabilities out.

It gets a list of texts where the text is all there is to read, else a dict of column name to values. It
gives labels, a table `(n, k)` (the classes in `function.classes`, in `CLASSES` of its module, or in
--classes), or a list of dicts of label to probability; `{"label": ..., "score": ...}` is a label alone.
Always: what it raises is told with the row it was asked about.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import (
    Answers,
    Questions,
    label_answers,
    mapping_answers,
    probability_answers,
)
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.project_module import importable_from, load_function, names_function


@dataclass(frozen=True)
class CallableOpener:
    """Opens a function by name; the project's folder stands first on the path."""

    name: str = "callable"
    example: str = "mymodule:answer (a Python function)"

    def fits(self, target: str) -> bool:
        """By its looks."""
        return names_function(target)

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Import it.

        Raises:
            NotFoundError: There is no such module or function.
            InvalidInputError: The module fails, or the name is no function.
        """
        return model_of_function(load_function(target, options.folder), target, options)


def model_of_function(function: Callable[..., Any], target: str, options: OpenOptions) -> OpenedModel:
    """A function as a model.

    Args:
        function: As the module's header says.
        target: How it is called in messages.
        options: Its folder and the classes of its columns.
    """
    module = sys.modules.get(getattr(function, "__module__", ""), None)
    said = getattr(function, "classes", None) or getattr(module, "CLASSES", None) or ()
    classes = options.classes or tuple(said)

    def answer(questions: Questions) -> Answers:
        with importable_from(options.folder):
            given = _call(function, questions, target)
        try:
            return read_answers(given, rows=questions.rows, classes=classes, known=questions.labels)
        except InvalidInputError as error:
            raise InvalidInputError(f"{target}: {error}") from error

    return OpenedModel(target, "callable", answer)


def read_answers(
    given: Any,  # noqa: ANN401 - whatever a function returned
    *,
    rows: int,
    classes: Sequence[object],
    known: Sequence[str],
) -> Answers:
    """What a function returned as answers.

    Args:
        given: Labels, a table, or dicts; one of them a row.
        rows: How many were asked.
        classes: Labels of the columns of a table; empty where they are not known.
        known: Labels of the truth.

    Raises:
        InvalidInputError: Another number of answers, another form, or a table whose classes are not known.
    """
    listed = _as_list(given)
    if len(listed) != rows:
        raise InvalidInputError(f"a function must give one answer a row, got {len(listed)} for {rows} rows")
    if rows == 0 or not isinstance(listed[0], Mapping | list | tuple):
        return label_answers(listed, known=known)
    if isinstance(listed[0], Mapping):
        return _read_mappings(listed, known)
    if listed[0] and isinstance(listed[0][0], Mapping):
        return mapping_answers([_scores(row) for row in listed], known=known)
    if not classes:
        raise InvalidInputError(
            f"a table of {len(listed[0])} columns needs the names of its classes; give the function "
            "an attribute `classes`, its module a tuple CLASSES, or write --classes a,b,c in their order"
        )
    return probability_answers(listed, classes, known=known)


def _as_list(given: Any) -> list[Any]:  # noqa: ANN401
    for convert in ("to_list", "tolist"):
        if hasattr(given, convert):
            given = getattr(given, convert)()
            break
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        raise InvalidInputError(
            f"a function must give a list with one answer a row, got {type(given).__name__}; "
            "it is asked about many rows at once"
        )
    return [row.tolist() if isinstance(row, np.ndarray) else row for row in given]


def _read_mappings(rows: Sequence[Any], known: Sequence[str]) -> Answers:
    odd = next((at for at, row in enumerate(rows) if not isinstance(row, Mapping)), None)
    if odd is not None:
        raise InvalidInputError(
            f"a function must answer every row alike, got {type(rows[odd]).__name__} in row {odd + 1}"
        )
    if all({"label", "score"} == set(row) for row in rows):
        return label_answers([row["label"] for row in rows], known=known)
    return mapping_answers(rows, known=known)


def _scores(row: Sequence[Any]) -> dict[object, object]:
    """Of the form `[{"label": ..., "score": ...}, ...]`, all classes of one row."""
    if not all(isinstance(part, Mapping) and {"label", "score"} == set(part) for part in row):
        raise InvalidInputError(f"a row of dicts must hold label and score each, got {str(row)[:80]}")
    return {part["label"]: part["score"] for part in row}


def _call(function: Callable[..., Any], questions: Questions, target: str) -> object:
    try:
        return function(_asked(questions))
    except Exception as error:
        row = _first_failing(function, questions)
        what = (str(error).strip() or "no message").splitlines()[0][:300]
        first = questions.first + 1
        together = f"rows {first} to {questions.first + questions.rows} together, though no row alone"
        where = together if row is None else f"row {row}"
        raise InvalidInputError(
            f"{target} raised {type(error).__name__}: {what}, when asked about {where}; correct it there"
        ) from error


def _asked(questions: Questions) -> object:
    return questions.texts if questions.texts is not None else questions.columns


def _first_failing(function: Callable[..., Any], questions: Questions) -> int | None:
    """The first row that it fails on when asked about it alone, counted from 1; None for none."""
    for row in range(questions.rows):
        try:
            function(_asked(questions.take(row, row + 1)))
        except Exception:  # noqa: BLE001 - this is what is looked for
            return questions.first + row + 1
    return None

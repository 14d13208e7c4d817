"""Evidently's two ways to say which column is what, read as JSON: `ColumnMapping` and `DataDefinition`.

Holds the rules only: an object in, roles out; nothing of Evidently is imported.
Always: a name that neither of the two has is refused, so that nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from smallcraft.errors import InvalidInputError, nearest_name

_MAPPING = {
    *("target", "prediction", "datetime", "id", "numerical_features", "categorical_features"),
    *("datetime_features", "text_features", "target_names", "task", "pos_label", "embeddings"),
    *("user_id", "item_id", "recommendations_type"),
}
_DEFINITION = {
    *("id_column", "timestamp", "service_columns", "numerical_columns", "categorical_columns"),
    *("text_columns", "datetime_columns", "unknown_columns", "list_columns", "classification"),
    *("regression", "ranking", "llm", "numerical_descriptors", "categorical_descriptors"),
    *("test_descriptors", "embeddings", "special_columns"),
}
_TARGET = "target"


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Attributes:
        target: What is to be predicted; None where nothing is.
        prediction: Of the model in use; empty, one of labels or numbers, or a probability a class.
        numerical: Features.
        categorical: Features.
        text: Free texts.
        time: Of the row.
        identifier: That names a row.
        is_regression: Whether the target is a number.
    """

    target: str | None = None
    prediction: tuple[str, ...] = ()
    numerical: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    time: str | None = None
    identifier: str | None = None
    is_regression: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that was named, each once."""
        single = tuple(name for name in (self.target, self.time, self.identifier) if name)
        every = (*single, *self.prediction, *self.numerical, *self.categorical, *self.text)
        return tuple(dict.fromkeys(every))


def read_columns(told: Mapping[str, Any]) -> Columns:
    """What a mapping or a definition says.

    Raises:
        InvalidInputError: A name that neither has, or a value of another kind.
    """
    strange = sorted(set(told) - _MAPPING - _DEFINITION)
    if strange:
        raise InvalidInputError(
            f"'{strange[0]}' is no part of Evidently's ColumnMapping or DataDefinition"
            f"{nearest_name(strange[0], _MAPPING | _DEFINITION)}; remove it, or correct it"
        )
    is_definition = bool(set(told) & (_DEFINITION - _MAPPING))
    return _of_definition(told) if is_definition else _of_mapping(told)


def _of_mapping(told: Mapping[str, Any]) -> Columns:
    return Columns(
        target=_name(told, "target"),
        prediction=_names(told, "prediction"),
        numerical=_names(told, "numerical_features"),
        categorical=_names(told, "categorical_features"),
        text=_names(told, "text_features"),
        time=_name(told, "datetime"),
        identifier=_name(told, "id"),
        is_regression=told.get("task") == "regression",
    )


def _of_definition(told: Mapping[str, Any]) -> Columns:
    """The first task of a definition is the one that is imported."""
    found = Columns(
        numerical=_names(told, "numerical_columns"),
        categorical=_names(told, "categorical_columns"),
        text=_names(told, "text_columns"),
        time=_name(told, "timestamp"),
        identifier=_name(told, "id_column"),
    )
    for kind in ("classification", "regression"):
        tasks = told.get(kind) or []
        if not isinstance(tasks, Sequence) or not all(isinstance(task, Mapping) for task in tasks):
            raise InvalidInputError(
                f"'{kind}' must be a list of objects, got {tasks!r}; write it as Evidently does"
            )
        if tasks:
            task = tasks[0]
            predictions = (
                *_names(task, "prediction_labels"),
                *_names(task, "prediction_probas"),
                *_names(task, "prediction"),
            )
            target = _name(task, "target") or _TARGET
            found = replace(found, target=target, prediction=predictions, is_regression=kind == "regression")
            break
    apart = {found.target, *found.prediction, found.time, found.identifier}
    return replace(
        found,
        numerical=tuple(name for name in found.numerical if name not in apart),
        categorical=tuple(name for name in found.categorical if name not in apart),
        text=tuple(name for name in found.text if name not in apart),
    )


def _name(told: Mapping[str, Any], key: str) -> str | None:
    value = told.get(key)
    if value is None or isinstance(value, str):
        return value or None
    raise InvalidInputError(f"'{key}' must name one column, got {value!r}; write its name as text")


def _names(told: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = told.get(key)
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise InvalidInputError(f"'{key}' must name columns, got {value!r}; write a list of their names")
    return tuple(names)

"""A fitted scikit-learn estimator as a model that answers, from a `.skops` file or from memory."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import polars as pl

from smallcraft.data.table import require_columns
from smallcraft.errors import InvalidInputError, first_line
from smallcraft.evaluate.harness.answers import Answers, Questions, label_answers, probability_answers
from smallcraft.evaluate.harness.openers.opener import OpenedModel


def model_of_estimator(
    estimator: Any,  # noqa: ANN401 - scikit-learn carries no types
    target: str,
    *,
    kind: str,
    notes: tuple[str, ...] = (),
) -> OpenedModel:
    """An estimator as a model: `predict_proba` where it has one, else `predict`.

    It gets the columns it was fitted on by name (`feature_names_in_`), else the texts, else the features as a
    matrix of numbers in the order declared.

    Raises:
        InvalidInputError: It cannot predict.
    """
    if not hasattr(estimator, "predict"):
        raise InvalidInputError(
            f"{target} must hold an estimator that predicts, got {type(estimator).__name__}; "
            "save the whole fitted pipeline"
        )
    reads = _columns_read(estimator)

    def answer(questions: Questions) -> Answers:
        rows = _rows_for(estimator, questions, reads, target)
        try:
            return _ask(estimator, rows, questions)
        except InvalidInputError as error:
            raise InvalidInputError(f"{target}: {error}") from error
        except Exception as error:
            raise InvalidInputError(
                f"{target} ({type(estimator).__name__}) failed on {questions.rows:,} rows with "
                f"{type(error).__name__}: {first_line(error)}; was it fitted on these columns?"
            ) from error

    return OpenedModel(target, kind, answer, reads=reads, notes=notes)


def _columns_read(estimator: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Columns by name; of a first step that picks columns those alone, for it may have seen the label."""
    first = estimator.steps[0][1] if getattr(estimator, "steps", None) else estimator
    named = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    picked: set[str] = set()
    for _, step, columns in getattr(first, "transformers_", ()):
        if step == "drop":
            continue
        listed = [columns] if isinstance(columns, str) else columns
        if not all(isinstance(name, str) for name in listed):
            return tuple(named)
        picked |= set(listed)
    return tuple(name for name in named if name in picked) if picked else tuple(named)


def _ask(estimator: Any, rows: object, questions: Questions) -> Answers:  # noqa: ANN401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of another library, about how it is called
        if hasattr(estimator, "predict_proba") and hasattr(estimator, "classes_"):
            probs, classes = estimator.predict_proba(rows), list(estimator.classes_)
            return probability_answers(probs, classes, known=questions.labels)
        labels = np.asarray(estimator.predict(rows))
    if labels.ndim != 1:
        raise InvalidInputError(f"an estimator must predict one label a row, got shape {labels.shape}")
    return label_answers(labels.tolist(), known=questions.labels)


def _rows_for(
    estimator: Any,  # noqa: ANN401
    questions: Questions,
    reads: tuple[str, ...],
    target: str,
) -> object:
    if reads:
        require_columns(reads, questions.frame.columns, source="the data")
        return questions.frame.select(reads)
    if questions.texts is not None:
        return questions.texts
    matrix = number_matrix(questions, target)
    wanted = getattr(estimator, "n_features_in_", matrix.shape[1])
    if wanted != matrix.shape[1]:
        raise InvalidInputError(
            f"{target} reads {wanted} features, got {matrix.shape[1]} "
            f"({', '.join(questions.inputs)}); name them in its order with --features"
        )
    return matrix


def number_matrix(questions: Questions, target: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The features as `(n, p)` float64 in the order declared, NaN where a value is missing.

    Raises:
        InvalidInputError: A column holds something else than numbers.
    """
    for name in questions.inputs:
        dtype = questions.frame.schema[name]
        if not (dtype.is_numeric() or dtype == pl.Boolean):
            raise InvalidInputError(
                f"{target} reads a matrix of numbers, column '{name}' holds {dtype}; leave it out with "
                "--features, or give the model its columns by name"
            )
    columns = [questions.frame[name].cast(pl.Float64).to_numpy() for name in questions.inputs]
    return np.stack(columns, axis=1).astype(np.float64)

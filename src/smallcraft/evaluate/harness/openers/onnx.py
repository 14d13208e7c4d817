"""A `.onnx` file, run by onnxruntime: one text tensor, a tensor a column, or one matrix of features.

Always: a graph that does not fit the columns, or answers nothing usable, is refused with its inputs or
outputs named; it runs on one thread.
Left to others: whether the file may be run at all, and what its classes are called (`onnx_graph`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.table import text_form
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import Answers, Questions, label_answers, probability_answers
from smallcraft.evaluate.harness.openers.estimator import number_matrix
from smallcraft.evaluate.harness.openers.onnx_graph import classes_of, outside_files, read_graph
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions

_NUMBERS: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
_TEXT = "tensor(string)"
_LABELS = ("tensor(string)", "tensor(int64)", "tensor(int32)")
_FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")


@dataclass(frozen=True)
class OnnxOpener:
    """Opens a graph and finds out which columns it reads and which outputs answer."""

    name: str = "onnx"
    example: str = "model.onnx (run by onnxruntime)"

    def fits(self, target: str) -> bool:
        """By its suffix."""
        return target.lower().endswith(".onnx")

    def open(self, target: str, options: OpenOptions) -> OpenedModel:
        """Open it.

        Raises:
            NotFoundError: There is no such file.
            InvalidInputError: It is no graph that may be run, or gives nothing usable.
        """
        path = Path(target)
        graph = read_graph(path)
        session = _session(path, has_outside_data=bool(outside_files(graph)))
        inputs, outputs = session.get_inputs(), session.get_outputs()
        probs, label = _answering(outputs, path)
        classes = options.classes or classes_of(graph, session.get_modelmeta().custom_metadata_map)
        if probs and not classes:
            raise InvalidInputError(
                f"{path} does not say which class each column of '{probs}' is; "
                "write --classes a,b,c in their order"
            )

        def answer(questions: Questions) -> Answers:
            feed = _feed(inputs, questions, path)
            wanted = probs or label
            try:
                (found,) = session.run([wanted], feed)
            except Exception as error:
                what = (str(error).strip() or "no message").splitlines()[0][:300]
                raise InvalidInputError(
                    f"{path} failed on {questions.rows:,} rows with {type(error).__name__}: {what}"
                ) from error
            try:
                if probs:
                    return probability_answers(found, classes, known=questions.labels)
                return label_answers(_flat(found, label).tolist(), known=questions.labels)
            except InvalidInputError as error:
                raise InvalidInputError(f"{path}, output '{wanted}': {error}") from error

        reads = tuple(entry.name for entry in inputs) if len(inputs) > 1 else ()
        return OpenedModel(target, self.name, answer, reads=reads)


def _session(path: Path, *, has_outside_data: bool) -> Any:  # noqa: ANN401
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    source = str(path) if has_outside_data else path.read_bytes()
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        what = (str(error).strip() or "no message").splitlines()[0][:300]
        raise InvalidInputError(
            f"{path} cannot be run ({type(error).__name__}: {what}); "
            "export it for the onnxruntime installed here"
        ) from error


def _answering(outputs: Sequence[Any], path: Path) -> tuple[str, str]:
    """Names of the output of probabilities and of that of labels; empty for none, one of them is there."""
    told = ", ".join(f"{entry.name} {entry.type}{entry.shape}" for entry in outputs)
    tables = [entry.name for entry in outputs if entry.type in _FLOATS and len(entry.shape or ()) == 2]
    named = [name for name in tables if "prob" in name.lower()]
    labels = [entry.name for entry in outputs if entry.type in _LABELS and len(entry.shape or ()) in (1, 2)]
    if len(tables) == 1 or len(named) == 1:
        return (named or tables)[0], labels[0] if labels else ""
    maps = [entry.name for entry in outputs if entry.type.startswith("seq(map")]
    if maps:
        raise InvalidInputError(
            f"{path} gives '{maps[0]}' as maps; export it with zipmap off, so that it is a tensor"
        )
    if not tables and len(labels) == 1:
        return "", labels[0]
    raise InvalidInputError(
        f"{path} must give one table of probabilities (rows, classes) or one label a row, got {told}"
    )


def _feed(inputs: Sequence[Any], questions: Questions, path: Path) -> dict[str, Any]:
    if all(entry.name in questions.frame.columns and _holds_one_column(entry) for entry in inputs):
        return {entry.name: _shaped(_column(entry, questions, path), entry) for entry in inputs}
    if len(inputs) == 1:
        (only,) = inputs
        if only.type == _TEXT and questions.texts is not None:
            return {only.name: _shaped(np.array(questions.texts, dtype=object), only)}
        if only.type in _NUMBERS and len(only.shape) == 2 and questions.text is None:
            return {only.name: _matrix(only, questions, path)}
    wanted = ", ".join(f"{entry.name} {entry.type}{entry.shape}" for entry in inputs)
    raise InvalidInputError(
        f"{path} reads {wanted}, and the columns are {', '.join(questions.inputs)}; an input is one "
        "text, one matrix of features, or named as a column is"
    )


def _holds_one_column(entry: Any) -> bool:  # noqa: ANN401
    """A tensor of one value a row; a matrix may by chance be called as a column is."""
    shape: Sequence[Any] = entry.shape or ()
    return len(shape) == 1 or (len(shape) == 2 and shape[1] == 1)


def _column(entry: Any, questions: Questions, path: Path) -> NDArray[Any]:  # noqa: ANN401
    series = questions.frame[entry.name]
    if entry.type == _TEXT:
        return np.array(text_form(series).fill_null("").to_list(), dtype=object)
    if entry.type not in _NUMBERS:
        raise InvalidInputError(f"{path} reads '{entry.name}' as {entry.type}, which no column can be")
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise InvalidInputError(
            f"{path} reads '{entry.name}' as {entry.type}, the column holds {series.dtype}"
        )
    numbers = series.cast(pl.Float64).to_numpy().astype(np.float64)
    if entry.type not in _FLOATS and not np.isfinite(numbers).all():
        row = questions.first + int(np.flatnonzero(~np.isfinite(numbers))[0]) + 1
        raise InvalidInputError(
            f"{path} reads '{entry.name}' as {entry.type}, row {row} has no value; fill it"
        )
    return np.asarray(numbers.astype(_NUMBERS[entry.type]))


def _matrix(entry: Any, questions: Questions, path: Path) -> NDArray[Any]:  # noqa: ANN401
    matrix = number_matrix(questions, str(path))
    wanted = entry.shape[1]
    if isinstance(wanted, int) and wanted != matrix.shape[1]:
        raise InvalidInputError(
            f"{path} reads {wanted} features in '{entry.name}', got {matrix.shape[1]} "
            f"({', '.join(questions.inputs)}); name them in its order with --features"
        )
    return np.asarray(matrix.astype(_NUMBERS[entry.type]))


def _shaped(values: NDArray[Any], entry: Any) -> NDArray[Any]:  # noqa: ANN401
    """As a row of values, or as a column where the graph reads two dimensions."""
    return values.reshape(-1, 1) if len(entry.shape or ()) == 2 else values


def _flat(found: NDArray[Any], name: str) -> NDArray[Any]:
    if found.ndim == 2 and found.shape[1] != 1:
        raise InvalidInputError(f"'{name}' must hold one label a row, got shape {found.shape}")
    return found.reshape(-1)

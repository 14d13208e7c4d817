"""Answers the rows of a file with a bundle, and writes label, confidence and abstained beside them.

Where the bundle gives them: `set` (labels that the true one is among), `low` and `high` (of a number).
Several labels stand as a list in parquet and jsonl; in csv and tsv joined by `|`, or as a JSON list where a
label of the bundle holds a `|` itself.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from smallcraft.bundle.runtime import Bundle
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import typed_feature
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.workspace import write_whole
from smallcraft.records import Decisions, Label

_JOINT = "|"
_WRITERS = (".csv", ".tsv", ".parquet", ".jsonl")


def answer_file(bundle: Bundle, source: str, output: Path, *, abstain_below: float | None) -> int:
    """Answer every row of a file.

    Args:
        bundle: Reads its columns by name; others are carried along.
        source: A path or glob, as in `data.load`.
        output: `.csv`, `.tsv`, `.parquet` or `.jsonl`; appears whole or not at all. A column of the input
            that has the name of an added one is kept as `input_<name>`, or as `input_input_<name>` when that
            is taken too.
        abstain_below: Rows with a lower confidence are marked too; None marks those only that the bundle
            itself does not answer.

    Returns:
        Number of rows.

    Raises:
        DataError: A column is missing or holds values of the wrong kind.
        InvalidInputError: The output's suffix is none of those above, or rows shall be marked by a confidence
            that the bundle's answers do not have.
    """
    if output.suffix not in _WRITERS:
        raise InvalidInputError(
            f"the output must end in {', '.join(_WRITERS)}, got '{output.name}'; rename it"
        )
    read = read_source(source, None)
    refuse_bad_rows(read.broken)
    require_columns(bundle.inputs, read.frame.columns, source=source)
    rows = bundle_rows(_typed(read.frame, bundle, source), bundle.spec, source=source)
    added = _columns_of(bundle.decide(rows), abstain_below)
    if output.suffix in (".csv", ".tsv"):
        added = [_joined(series, bundle.classes) for series in added]
    written = _make_room(read.frame, [series.name for series in added]).with_columns(added)
    write_whole(output, _encoded(written, output.suffix))
    return written.height


def _columns_of(found: Decisions, abstain_below: float | None) -> list[pl.Series]:
    """The answers as columns; those that the bundle does not give are left out."""
    abstained = found.abstained
    if abstain_below is not None:
        if found.confidence is None:
            raise InvalidInputError("these answers are numbers without a confidence; leave out abstain_below")
        abstained = abstained | (found.confidence < abstain_below)
    nothing = [None] * len(abstained)
    columns = [
        pl.Series("label", _plain_labels(found.labels)),
        pl.Series("confidence", nothing if found.confidence is None else found.confidence, dtype=pl.Float64),
        pl.Series("abstained", abstained),
    ]
    if found.sets is not None:
        columns.append(pl.Series("set", [list(names) for names in found.sets], dtype=pl.List(pl.String)))
    ends = (("low", found.low), ("high", found.high))
    return columns + [pl.Series(name, values) for name, values in ends if values is not None]


def _plain_labels(labels: Sequence[Label]) -> pl.Series:
    """Labels as text, lists of text or numbers."""
    if any(isinstance(label, tuple) for label in labels):
        return pl.Series(
            [list(label) if isinstance(label, tuple) else None for label in labels],
            dtype=pl.List(pl.String),
        )
    return pl.Series(labels, dtype=pl.Float64 if isinstance(labels[0], float) else pl.String)


def _joined(series: pl.Series, classes: Sequence[str]) -> pl.Series:
    """A column of lists as text; any other as it is."""
    if series.dtype != pl.List(pl.String):
        return series
    if any(_JOINT in name for name in classes):
        texts = [
            None if names is None else json.dumps(names, ensure_ascii=False) for names in series.to_list()
        ]
        return pl.Series(series.name, texts, dtype=pl.String)
    return series.list.join(_JOINT)


def _make_room(frame: pl.DataFrame, added: Sequence[str]) -> pl.DataFrame:
    """The frame with its own columns of the added names renamed, also when it was answered before."""
    taken = set(frame.columns)
    renamed = {}
    for name in (name for name in added if name in taken):
        free = f"input_{name}"
        while free in taken:
            free = f"input_{free}"
        renamed[name] = free
    return frame.rename(renamed)


def _typed(frame: pl.DataFrame, bundle: Bundle, source: str) -> pl.DataFrame:
    """Text as text, features typed as in training."""
    text = bundle.spec.text
    if text is not None:
        missing = frame[text].is_null()
        if missing.any():
            row = int(missing.arg_max() or 0)
            raise DataError(
                f"column '{text}' of {source} must hold text, row {row + 1} is empty; fill or drop it"
            )
        frame = frame.with_columns(text_form(frame[text]))
    for name in bundle.spec.numbers:
        series, faults = typed_feature(frame[name])
        if faults:
            fault = faults[0]
            raise DataError(
                f"column '{name}' of {source}, row {fault.row + 1}: {fault.reason}; {fault.remedy}"
            )
        frame = frame.with_columns(series.alias(name))
    # Not typed by the values of this file: a category must read the same whatever rows stand beside it.
    categories = [text_form(frame[name]).str.strip_chars() for name in bundle.spec.categories]
    return frame.with_columns(series.set(series.str.len_bytes() == 0, None) for series in categories)


def _encoded(frame: pl.DataFrame, suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".parquet":
        frame.write_parquet(buffer)
    elif suffix == ".jsonl":
        frame.write_ndjson(buffer)
    else:
        frame.write_csv(buffer, separator="\t" if suffix == ".tsv" else ",")
    return buffer.getvalue()

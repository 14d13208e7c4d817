"""Answers the rows of a file with a bundle, and writes label, confidence and abstained beside them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.bundle.runtime import Bundle
from smallcraft.data.badrows import refuse_bad_rows
from smallcraft.data.columns import typed_feature
from smallcraft.data.load import read_source
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.columns import bundle_rows
from smallcraft.pipeline.workspace import write_whole

_ADDED = ("label", "confidence", "abstained")
_WRITERS = (".csv", ".tsv", ".parquet", ".jsonl")


def answer_file(bundle: Bundle, source: str, output: Path, *, abstain_below: float | None) -> int:
    """Answer every row of a file.

    Args:
        bundle: Reads its columns by name; others are carried along.
        source: A path or glob, as in `data.load`.
        output: `.csv`, `.tsv`, `.parquet` or `.jsonl`; appears whole or not at all. A column of the input
            that is called `label`, `confidence` or `abstained` is kept as `input_<name>`, or as
            `input_input_<name>` when that is taken too.
        abstain_below: Rows with a lower confidence are marked; None marks none.

    Returns:
        Number of rows.

    Raises:
        DataError: A column is missing or holds values of the wrong kind.
        InvalidInputError: The output's suffix is none of those above.
    """
    if output.suffix not in _WRITERS:
        raise InvalidInputError(
            f"the output must end in {', '.join(_WRITERS)}, got '{output.name}'; rename it"
        )
    read = read_source(source, None)
    refuse_bad_rows(read.broken)
    require_columns(bundle.inputs, read.frame.columns, source=source)
    rows = bundle_rows(_typed(read.frame, bundle, source), bundle.spec, source=source)
    answers = bundle.answer(rows).probs
    codes, confidence = np.argmax(answers, axis=1), answers.max(axis=1)
    written = _make_room(read.frame).with_columns(
        pl.Series("label", [bundle.classes[code] for code in codes], dtype=pl.String),
        pl.Series("confidence", confidence),
        pl.Series(
            "abstained",
            confidence < abstain_below if abstain_below is not None else np.zeros(len(codes), bool),
        ),
    )
    write_whole(output, _encoded(written, output.suffix))
    return written.height


def _make_room(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with its own columns of the added names renamed, also when it was answered before."""
    taken = set(frame.columns)
    renamed = {}
    for name in (name for name in _ADDED if name in taken):
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

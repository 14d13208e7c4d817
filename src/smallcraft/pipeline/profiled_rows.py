"""Rows of a frame with what a release says of them, as they are profiled: the same as a server would.

Leaves to others: what is measured of rows (`data.profiles`), rows that a server answered (`serve.windows`).
Always: a row is read as the bundle reads it, so a reference from a file and a window of a server compare.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.runtime import Bundle
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.data.table import text_form
from smallcraft.pipeline.stages.train import read_rows
from smallcraft.serve.windows.embeddings import answer_and_keep


def plain_rows(inputs: Inputs, spec: InputSpec) -> Rows:
    """What was read, without what anybody answered.

    Args:
        inputs: `n` rows.
        spec: Names of their columns.
    """
    return Rows(
        n=inputs.n,
        numbers=dict(zip(spec.numbers, np.ascontiguousarray(inputs.numbers.T), strict=True)),
        categories=dict(zip(spec.categories, inputs.categories, strict=True)),
        texts={} if spec.text is None or inputs.texts is None else {spec.text: inputs.texts},
    )


def typed_frame(frame: pl.DataFrame, spec: InputSpec) -> pl.DataFrame:
    """Columns of any file as a release reads them; what is no value of its column is missing.

    Args:
        frame: With all columns of `spec`.
        spec: The release's.
    """
    texts = [text_form(frame[spec.text]).fill_null("")] if spec.text else []
    numbers = [_as_number(frame[name]) for name in spec.numbers]
    # Not typed by the values of this file: a category must read the same whatever rows stand beside it.
    categories = [text_form(frame[name]).str.strip_chars() for name in spec.categories]
    told = [series.set(series.str.len_bytes() == 0, None) for series in categories]
    return frame.with_columns([*texts, *numbers, *told])


def _as_number(series: pl.Series) -> pl.Series:
    plain = series if series.dtype.is_numeric() else text_form(series).str.strip_chars()
    return plain.cast(pl.Float64, strict=False)


def answered_rows(bundle: Bundle, frame: pl.DataFrame, *, source: str) -> Rows:
    """What a bundle read and answered, with the embeddings that it made on the way.

    Args:
        bundle: Opened.
        frame: `n` rows with the columns that it reads; all are in memory with their tokens at once.
        source: Names the frame in messages.

    Raises:
        DataError: A column is missing, or holds what the bundle does not read.
    """
    inputs = read_rows(frame, bundle.spec, source=source)
    kept = answer_and_keep(bundle, inputs)
    probs, escalated = kept.answers.probs, kept.answers.escalated
    decided = bundle.decoder.decides.decide(probs, bundle.classes)
    answers = AnswerRows(
        labels=list(decided.labels),
        confidence=decided.confidence,
        probs=probs if bundle.task == "multiclass" else None,
        escalated=escalated if len(bundle.stages) > 1 else None,
        task=bundle.task,
    )
    return replace(plain_rows(inputs, bundle.spec), embedding=kept.embedding, answers=answers)

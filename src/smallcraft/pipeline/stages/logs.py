"""What a release remembers of its rows: which ones it was made from, and the winner's answer to each of dev.

Leaves to others: the files' form (`registry.memory`), storing them (`pipeline.stages.record`).
Always: pure and repeatable; neither the data file's format nor the order of its rows matters; no text of a
row is kept, and of the sealed split nothing that tells one row's label or outcome.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from smallcraft.data.table import row_digests
from smallcraft.pipeline.stages.measure import Measured
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.records import SPLIT_NAMES, Predictions, Roles
from smallcraft.registry.memory.answers import ANSWERS_FILE, answer_log, encode_answers
from smallcraft.registry.memory.rows import ROWS_FILE, Ids, RowIds, encode_rows, ids_of, split_rows


def memory_files(prepared: Prepared, winner: Measured) -> Mapping[str, bytes]:
    """Path inside the release to the bytes of every log that a build adds.

    Args:
        prepared: The splits.
        winner: The chosen candidate as it was measured on dev, before it was trained on dev too.
    """
    files = {ROWS_FILE: rows_log(prepared)}
    if isinstance(winner.predictions, Predictions):
        files[ANSWERS_FILE] = answers_log(prepared, winner)
    return files


def rows_log(prepared: Prepared) -> bytes:
    """`data/rows.npz`: the ids of the rows of each split."""
    roles, frames = prepared.table.roles, prepared.splits.frames
    splits = {
        str(name): split_rows(
            _input_digests(frames[name], roles),
            row_digests(frames[name], (*roles.inputs, roles.label)),
            is_sealed=name == "cert",
        )
        for name in SPLIT_NAMES
    }
    return encode_rows(RowIds(roles.inputs, roles.label, splits))


def answers_log(prepared: Prepared, winner: Measured) -> bytes:
    """`evaluation/dev.npz`: truth, answer and confidence of each dev row, where a row has one class."""
    predictions = winner.predictions
    assert isinstance(predictions, Predictions), "a winner was measured on dev, and answers with one class"
    dev = prepared.splits.frames["dev"]
    return encode_answers(answer_log(predictions, row_ids(dev, prepared.table.roles)))


def row_ids(frame: pl.DataFrame, roles: Roles) -> Ids:
    """`(n,)` uint64 ids of rows over what a model reads."""
    return ids_of(_input_digests(frame, roles))


def _input_digests(frame: pl.DataFrame, roles: Roles) -> list[bytes]:
    return row_digests(frame, roles.inputs)

"""Rows that were taken for their class: they teach, and are never sealed or measured on.

Always: such a row shares no key and no copy with a row of dev or cert; the plain sample alone is split.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from smallcraft.data.duplicates import near_duplicate_pairs
from smallcraft.data.split import Splits
from smallcraft.data.table import Table, make_table, row_digests
from smallcraft.pipeline.partitions.large import Large
from smallcraft.records import Roles


def plain_rows(large: Large) -> Table:
    """The plain sample as a table of its own."""
    table = large.table
    if large.is_plain.all():
        return table
    kept = np.flatnonzero(large.is_plain)
    plain = make_table(table.frame[kept], table.roles, source=table.source, positions=table.positions[kept])
    return replace(plain, rows_read=table.rows_read, rows_quarantined=table.rows_quarantined)


def with_rare_rows(splits: Splits, large: Large) -> Splits:
    """Splits whose train has the rows that were taken for their class.

    Args:
        splits: Of the plain sample.
        large: Has the others.
    """
    taken = large.table.frame.filter(pl.Series(~large.is_plain))
    if not taken.height:
        return splits
    roles = large.table.roles
    for name in ("dev", "cert"):
        taken = _without_ties(taken, splits.frames[name], roles)
    if not taken.height:
        return splits
    train = pl.concat([splits.frames["train"], taken.select(splits.frames["train"].columns)])
    table = make_table(train, roles, source=large.table.source)
    note = (
        f"{taken.height:,} more rows of rare classes were taken into train, so that each class is learned; "
        "dev and cert are a plain sample"
    )
    return replace(
        splits,
        frames={**splits.frames, "train": table.frame},
        refs={**splits.refs, "train": table.ref},
        notes=(*splits.notes, note),
    )


def _without_ties(taken: pl.DataFrame, measured: pl.DataFrame, roles: Roles) -> pl.DataFrame:
    """The rows that share neither a key nor a copy with rows that are measured on."""
    if roles.key is not None:
        keys = measured[roles.key].drop_nulls().unique()
        taken = taken.filter(~pl.col(roles.key).is_in(keys.implode()).fill_null(value=False))
    if roles.text is not None and taken.height:
        pairs = near_duplicate_pairs(
            measured[roles.text].fill_null("").to_list(), taken[roles.text].fill_null("").to_list()
        )
        copies = np.unique(pairs["right"])
    else:
        known = set(row_digests(measured, roles.features))
        copies = np.array(
            [row for row, digest in enumerate(row_digests(taken, roles.features)) if digest in known],
            dtype=np.int64,
        )
    return taken[np.delete(np.arange(taken.height), copies)]

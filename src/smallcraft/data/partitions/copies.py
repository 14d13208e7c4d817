"""Exact copies in a table that no memory holds: a digest a row, sorted into buckets on disk, counted there.

    chunk -> (digest, label, place) of each row -> buckets, by digest -> groups of equal digests

Copies are what they are in memory: rows with the same normalised text and equal features.
Leaves to others: near copies (a sample of the rows says how many there are), where buckets lie.
Always: rows with one digest are in one bucket, so what is counted is exact but for different rows with one
digest of 96 bits; a billion rows have less than one chance in ten billion of holding two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import normalised
from smallcraft.records import Roles

KEY = np.dtype([("high", np.uint64), ("low", np.uint32), ("label", np.uint32), ("place", np.uint64)])
_MOST_EXAMPLES = 100
_ODD = np.uint64(0x9E3779B97F4A7C15)
# What `normalised` strips off the ends, and what it takes for space, of ASCII.
_OUTER = " .,;:!?\"'`()[]{}"
_SPACES = r"[\s\x1c-\x1f]+"


@dataclass(frozen=True)
class Contradicted:
    """Copies with more than one label.

    Attributes:
        places: Of the rows, ascending, some of them where they are many.
        rows: How many they are.
        wrong: The least number of wrong labels among them.
    """

    places: tuple[int, ...]
    rows: int
    wrong: int


@dataclass(frozen=True)
class CopyCount:
    """Copies among some rows.

    Attributes:
        rows: All of them.
        distinct: Different ones.
        wrong: Least number of wrong labels that contradictions prove.
        contradictions: Groups of copies with more than one label.
        examples: The most wrong ones.
    """

    rows: int = 0
    distinct: int = 0
    wrong: int = 0
    contradictions: int = 0
    examples: tuple[Contradicted, ...] = ()


def row_keys(frame: pl.DataFrame, roles: Roles, places: NDArray[np.uint64]) -> NDArray[np.void]:
    """`(n,)` of `KEY`: what stands for each row, its label and its place.

    Args:
        frame: Rows with typed columns.
        roles: Which column plays which part.
        places: `(n,)` of the rows.
    """
    keys = np.empty(frame.height, dtype=KEY)
    columns = [frame[name] for name in sorted(roles.features)]
    if roles.text is not None:
        columns.append(normalised_column(frame[roles.text].fill_null("")))
    keys["high"] = _hashed(columns, 0)
    keys["low"] = (_hashed(columns, 1) >> np.uint64(32)).astype(np.uint32)
    keys["label"] = (frame[roles.label].hash(2).to_numpy() >> np.uint64(32)).astype(np.uint32)
    keys["place"] = places
    return keys


def normalised_column(texts: pl.Series) -> pl.Series:
    """`data.duplicates.normalised` of each text.

    >>> normalised_column(pl.Series(["  Where is　my CARD?? ", "?!"])).to_list()
    ['where is my card', '?!']
    """
    folded = texts.str.to_lowercase().str.replace_all(_SPACES, " ").str.strip_chars(" ")
    stripped = folded.str.strip_chars(_OUTER)
    plain = pl.DataFrame({"stripped": stripped, "folded": folded}).select(
        pl.when(pl.col("stripped") == "").then(pl.col("folded")).otherwise(pl.col("stripped"))
    )
    found = plain.to_series().rename(texts.name)
    odd = (texts.str.len_bytes() != texts.str.len_chars()).arg_true()
    if not len(odd):
        return found
    return found.scatter(odd, [normalised(text) for text in texts.gather(odd).to_list()])


def count_copies(keys: NDArray[np.void]) -> CopyCount:
    """Copies among the rows of one bucket.

    Args:
        keys: `(n,)` of `KEY`, in any order.
    """
    n = len(keys)
    if not n:
        return CopyCount()
    order = np.lexsort((keys["place"], keys["label"], keys["low"], keys["high"]))
    keys = keys[order]
    is_new = np.ones(n, dtype=np.bool_)
    is_new[1:] = (keys["high"][1:] != keys["high"][:-1]) | (keys["low"][1:] != keys["low"][:-1])
    is_run = is_new.copy()
    is_run[1:] |= keys["label"][1:] != keys["label"][:-1]
    starts, runs = np.flatnonzero(is_new), np.flatnonzero(is_run)
    sizes = np.diff(starts, append=n)
    group_of_run = np.searchsorted(starts, runs, side="right") - 1
    largest = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(largest, group_of_run, np.diff(runs, append=n))
    wrong = sizes - largest
    torn = np.flatnonzero(wrong)
    return CopyCount(
        n, len(starts), int(wrong.sum()), len(torn), _examples(keys["place"], starts, sizes, wrong, torn)
    )


def _examples(
    places: NDArray[np.uint64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    wrong: NDArray[np.int64],
    torn: NDArray[np.int64],
) -> tuple[Contradicted, ...]:
    found = []
    for group in torn[np.argsort(-wrong[torn], kind="stable")][:_MOST_EXAMPLES].tolist():
        start, size = int(starts[group]), int(sizes[group])
        shown = np.sort(places[start : start + size])[:10].tolist()
        found.append(Contradicted(tuple(shown), size, int(wrong[group])))
    return tuple(sorted(found, key=_most_wrong_first))


def merge_copies(parts: Sequence[CopyCount]) -> CopyCount:
    """Copies of all buckets together; no group lies in two."""
    examples = sorted((one for part in parts for one in part.examples), key=_most_wrong_first)
    return CopyCount(
        sum(part.rows for part in parts),
        sum(part.distinct for part in parts),
        sum(part.wrong for part in parts),
        sum(part.contradictions for part in parts),
        tuple(examples[:_MOST_EXAMPLES]),
    )


def _most_wrong_first(found: Contradicted) -> tuple[int, int]:
    return -found.wrong, found.places[0]


def _hashed(columns: Sequence[pl.Series], seed: int) -> NDArray[np.uint64]:
    """One hash a row over all columns; which one is which matters."""
    found = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        # 0.0 and -0.0 are one number.
        values = column + 0.0 if column.dtype.is_float() else column
        with np.errstate(over="ignore"):
            found = (found ^ values.hash(seed).to_numpy()) * _ODD
            found ^= found >> np.uint64(29)
    return found

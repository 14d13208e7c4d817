"""Votes with a line each that no memory holds: sorted into buckets by their item, and counted there.

    lines -> (item, annotator, label, place) -> buckets, beside those of the rows' ids -> votes of each item

Votes are what they are in memory: blank is no vote, ids are compared as text, one vote an annotator and item.
Leaves to others: reading lines, where buckets lie; what agreement is (`stats.agreement`).
Always: votes of one item are counted together; an item's block depends on the place of its row alone, so that
the same votes in columns of the table say the same. Items are told apart by a digest of 96 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import place
from smallcraft.data.partitions.places import numbers_of
from smallcraft.data.partitions.reading import Chunk
from smallcraft.data.partitions.votes import FIXED, VoteTally, merge_votes
from smallcraft.data.votes import LongColumns, trimmed
from smallcraft.errors import DataError
from smallcraft.stats.agreement import BLOCKS, item_sums

ROW = np.dtype([("high", np.uint64), ("low", np.uint32), ("place", np.uint64)])
LINE = np.dtype(
    [("high", np.uint64), ("low", np.uint32), ("who", np.uint32), ("label", np.uint32), ("place", np.uint64)]
)
_MOST_CELLS = 1 << 20


@dataclass(frozen=True)
class VoteLines:
    """Votes of a chunk of lines.

    Attributes:
        keys: `(m,)` of `LINE`; annotators and labels by their place in the two tuples.
        annotators: Their names, in the order in which they come.
        labels: Likewise.
        blank: Lines without a label: no votes.
    """

    keys: NDArray[np.void]
    annotators: tuple[str, ...]
    labels: tuple[str, ...]
    blank: int


class Names:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def known(self) -> tuple[str, ...]:
        """All of them, in the order of their numbers."""
        return tuple(self._numbers)

    def numbers_of(self, names: Sequence[str]) -> NDArray[np.uint32]:
        """`(n,)` uint32; names that are new get the next ones."""
        return np.array(
            [self._numbers.setdefault(name, len(self._numbers)) for name in names], dtype=np.uint32
        )


@dataclass(frozen=True)
class VoteCount:
    """What votes of some items add up to, or what is wrong with them.

    Attributes:
        tally: Of items that have a row, or of all items where there are no rows.
        clashes: Votes that say something else than what their annotator said before of the same item.
        clash: Places of the first such vote and of what its annotator said first; None without one.
        twins: Places of the first row whose id another row has before it, and of that one; None without.
    """

    tally: VoteTally
    clashes: int = 0
    clash: tuple[int, int] | None = None
    twins: tuple[int, int] | None = None


def item_digests(ids: pl.Series) -> NDArray[np.void]:
    """`(n,)` of the first two fields of `ROW` and `LINE`.

    Args:
        ids: As `trimmed` has them, without blanks.
    """
    found = np.empty(len(ids), dtype=ROW)
    found["high"] = ids.hash(0).to_numpy()
    found["low"] = (ids.hash(1).to_numpy() >> np.uint64(32)).astype(np.uint32)
    return found


def row_ids(ids: pl.Series, places: NDArray[np.uint64]) -> NDArray[np.void]:
    """`(m,)` of `ROW`: the ids of rows that have one.

    Args:
        ids: `(n,)` of any plain type.
        places: `(n,)` uint64 of the rows.
    """
    text = trimmed(ids)
    is_there = text.is_not_null()
    found = item_digests(text.filter(is_there))
    found["place"] = places[is_there.to_numpy()]
    return found


def vote_lines(chunk: Chunk, columns: LongColumns, places: NDArray[np.uint64]) -> VoteLines:
    """The votes of a chunk.

    Args:
        chunk: As it was read.
        columns: Which are which.
        places: `(n,)` uint64 of its lines.

    Raises:
        DataError: A vote has no item or no annotator.
    """
    frame = chunk.raw.frame
    labels = trimmed(frame[columns.label])
    voted = labels.is_not_null().arg_true()
    items, people = (_required(frame[name], voted, chunk) for name in (columns.item, columns.annotator))
    who, said = Names(), Names()
    keys = np.empty(len(voted), dtype=LINE)
    digests = item_digests(items)
    keys["high"], keys["low"] = digests["high"], digests["low"]
    keys["who"], keys["label"] = _numbered(people, who), _numbered(labels.gather(voted), said)
    keys["place"] = places[voted.to_numpy()]
    return VoteLines(keys, who.known, said.known, frame.height - len(voted))


def count_votes(
    rows: NDArray[np.void] | None,
    lines: NDArray[np.void],
    *,
    annotators: Sequence[str],
    labels: Sequence[str],
    seed: int,
) -> VoteCount:
    """Votes of all items of some digests.

    Args:
        rows: `(n,)` of `ROW`, the rows with these digests; None for votes without rows.
        lines: `(m,)` of `LINE`, all votes of these items.
        annotators: Names by number.
        labels: Names by number.
        seed: Deals items into blocks.
    """
    lines = lines[np.lexsort((lines["place"], lines["who"], lines["low"], lines["high"]))]
    is_item = _is_new(lines)
    is_first = is_item.copy()
    is_first[1:] |= lines["who"][1:] != lines["who"][:-1]
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(lines)), 0))
    clashing = np.flatnonzero(lines["label"] != lines["label"][first])
    clash = None
    if len(clashing):
        at = clashing[np.argmin(lines["place"][clashing])]
        clash = (int(lines["place"][at]), int(lines["place"][first[at]]))
    items = lines[is_item]
    places, twins = (items["high"], None) if rows is None else _places_in(rows, items)
    blocks = numbers_of(places, seed=seed, use="votes") % np.uint64(BLOCKS)
    has_row = np.ones(len(items), dtype=np.bool_) if rows is None else places != _NOWHERE
    item_of = np.cumsum(is_item) - 1
    counted = is_first & has_row[item_of]
    return VoteCount(
        replace(
            _tally(lines[counted], item_of[counted], blocks, annotators, labels),
            rows=int(has_row.sum()),
            lost=int((is_first & ~has_row[item_of]).sum()),
            again=len(lines) - int(is_first.sum()) - len(clashing),
        ),
        clashes=len(clashing),
        clash=clash,
        twins=twins,
    )


def merge_counts(parts: Sequence[VoteCount]) -> VoteCount:
    """Counts of all their items."""
    return VoteCount(
        merge_votes([part.tally for part in parts]),
        sum(part.clashes for part in parts),
        min((part.clash for part in parts if part.clash is not None), default=None),
        min((part.twins for part in parts if part.twins is not None), default=None),
    )


# No row has this place: pieces are numbered from 0, and there are fewer.
_NOWHERE = np.uint64(2**64 - 1)


def _places_in(
    rows: NDArray[np.void], items: NDArray[np.void]
) -> tuple[NDArray[np.uint64], tuple[int, int] | None]:
    """`(m,)` place of the row of each item, and of the first two rows that share an id."""
    rows = rows[np.lexsort((rows["place"], rows["low"], rows["high"]))]
    twins = None
    shared = np.flatnonzero(~_is_new(rows))
    if len(shared):
        at = shared[np.argmin(rows["place"][shared])]
        twins = (int(rows["place"][at]), int(rows["place"][at - 1]))
    both = np.concatenate([rows[["high", "low"]], items[["high", "low"]]])
    order = np.lexsort((np.arange(len(both)), both["low"], both["high"]))
    # Rows come before the item of the same id, so that the first of each digest is a row if there is one.
    starts = np.maximum.accumulate(np.where(_is_new(both[order]), np.arange(len(both)), 0))
    first = np.empty(len(both), dtype=np.int64)
    first[order] = order[starts]
    of_items = first[len(rows) :]
    found = np.full(len(items), _NOWHERE, dtype=np.uint64)
    has_row = of_items < len(rows)
    found[has_row] = rows["place"][of_items[has_row]]
    return found, twins


def _tally(
    lines: NDArray[np.void],
    item_of: NDArray[np.int64],
    blocks: NDArray[np.uint64],
    annotators: Sequence[str],
    labels: Sequence[str],
) -> VoteTally:
    k = len(labels)
    sums = np.zeros((BLOCKS, FIXED + k))
    step = max(1, _MOST_CELLS // max(k, 1))
    for start in range(0, len(blocks), step):
        within = slice(*np.searchsorted(item_of, [start, start + step]))
        cells = (item_of[within] - start) * k + lines["label"][within]
        n = min(step, len(blocks) - start)
        counts = np.bincount(cells, minlength=n * k).reshape(n, k).astype(np.int64)
        several = counts.sum(axis=1) >= 2
        np.add.at(sums, blocks[start : start + n][several].astype(np.int64), item_sums(counts))
    given = np.bincount(lines["who"], minlength=len(annotators))
    said = Counter({name: int(count) for name, count in zip(annotators, given, strict=True) if count})
    return VoteTally(tuple(labels), sums, said, len(blocks))


def _is_new(keys: NDArray[np.void]) -> NDArray[np.bool_]:
    """Where another digest begins, in keys that are sorted by it."""
    found = np.ones(len(keys), dtype=np.bool_)
    found[1:] = (keys["high"][1:] != keys["high"][:-1]) | (keys["low"][1:] != keys["low"][:-1])
    return found


def _numbered(texts: pl.Series, names: Names) -> NDArray[np.uint32]:
    """`(n,)` numbers of texts; each name is looked up once."""
    unique = texts.unique(maintain_order=True)
    numbers = pl.DataFrame({"name": unique, "number": names.numbers_of(unique.to_list())})
    together = pl.DataFrame({"name": texts}).join(numbers, on="name", how="left", maintain_order="left")
    return together["number"].to_numpy()


def _required(series: pl.Series, voted: pl.Series, chunk: Chunk) -> pl.Series:
    text = trimmed(series.gather(voted))
    if text.null_count():
        row = int(voted[int(text.is_null().arg_max() or 0)])
        at = place(chunk.raw.name, chunk.raw.line_of(row), chunk.row_in_file(row), series.name)
        raise DataError(f"{at}: blank, where there is a vote; fill it in or remove the line")
    return text

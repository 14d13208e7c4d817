"""Which rows a release was made from, as numbers that hold no text: two releases' data can be compared.

A row is known by 64 bits of a hash over the columns a model reads, and by 64 bits over these and the label.
Leaves to others: hashing rows (`data.table.row_digests`), the file around the columns (`memory.arrays`).
Always: neither the file format nor the order of rows matters; rows that occur twice count twice. Of the
sealed split the labels stand as one digest, never row by row.
Covered: rows added, removed, relabelled, moved between splits.
Not covered: a guess at a row's text can be confirmed, as with any hash without a secret; a pair of rows that
share their 64 bits (a chance of one in 30 million among a million rows).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import SPLIT_NAMES
from smallcraft.registry.memory.arrays import Columns, read_columns, write_columns

ROWS_FILE = "data/rows.npz"
_FORMAT = 1
_SEALED = "cert"
_OPEN = tuple(name for name in SPLIT_NAMES if name != _SEALED)
Ids = NDArray[np.uint64]


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split.

    Attributes:
        inputs: `(n,)` uint64, ascending: ids over what a model reads.
        labelled: `(n,)` uint64, of the same rows: ids over inputs and label; None for the sealed split.
        labels_digest: Digest over all rows with their labels, whatever their order.
    """

    inputs: Ids
    labelled: Ids | None
    labels_digest: str


@dataclass(frozen=True)
class RowIds:
    """The rows of a release.

    Attributes:
        inputs: Names of the columns that a model reads.
        label: Name of the label's column.
        splits: The name of each split to its rows.
    """

    inputs: tuple[str, ...]
    label: str
    splits: Mapping[str, SplitRows]


@dataclass(frozen=True)
class SplitChange:
    """What changed in one split.

    Attributes:
        before: Rows before.
        after: Rows now.
        added: Rows that stood in no split before.
        removed: Rows that stand in no split now.
        moved_in: Rows that stood in another split before.
        moved_out: Rows that stand in another split now.
        are_labels_equal: Of the sealed split, whether its rows and labels are those of before; else None.
    """

    split: str
    before: int
    after: int
    added: int
    removed: int
    moved_in: int
    moved_out: int
    are_labels_equal: bool | None = None


@dataclass(frozen=True)
class RowMove:
    """Rows that changed their split."""

    source: str
    target: str
    rows: int


@dataclass(frozen=True)
class RowChanges:
    """How the rows of two releases differ.

    Attributes:
        before: Rows of all splits before.
        after: Rows of all splits now.
        added: Rows that are new.
        removed: Rows that are gone.
        relabelled: Rows of train and dev, then and now, that have another label; those of cert are sealed.
        splits: Each split.
        moves: From split to split, where any row moved.
    """

    before: int
    after: int
    added: int
    removed: int
    relabelled: int
    splits: tuple[SplitChange, ...]
    moves: tuple[RowMove, ...]


def ids_of(digests: Sequence[bytes]) -> Ids:
    r"""The first 64 bits of each hash.

    >>> ids_of([bytes(32), b"\x01" + bytes(31)]).tolist()
    [0, 1]
    """
    return np.frombuffer(b"".join(digest[:8] for digest in digests), dtype="<u8").astype(np.uint64)


def split_rows(inputs: Sequence[bytes], labelled: Sequence[bytes], *, is_sealed: bool) -> SplitRows:
    """The rows of one split.

    Args:
        inputs: A digest a row over what a model reads.
        labelled: A digest a row over that and the label.
        is_sealed: Whether the labels may not be told row by row.

    Raises:
        InvalidInputError: The two are not about the same rows.
    """
    if len(inputs) != len(labelled):
        raise InvalidInputError(
            f"each row needs both digests, got {len(inputs)} and {len(labelled)}; hash the same frame twice"
        )
    digest = "sha256:" + hashlib.sha256(b"".join(sorted(labelled))).hexdigest()
    ids, of_labels = ids_of(inputs), ids_of(labelled)
    order = np.lexsort((of_labels, ids))
    return SplitRows(ids[order], None if is_sealed else of_labels[order], digest)


def encode_rows(rows: RowIds) -> bytes:
    """The bytes of `data/rows.npz`."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in SPLIT_NAMES:
        arrays[f"{name}_inputs"] = rows.splits[name].inputs.astype("<u8")
        labelled = rows.splits[name].labelled
        if labelled is not None:
            arrays[f"{name}_labelled"] = labelled.astype("<u8")
    digests = {name: rows.splits[name].labels_digest for name in SPLIT_NAMES}
    about = {"format": _FORMAT, "inputs": rows.inputs, "label": rows.label, "labels": digests}
    return write_columns(Columns(about, arrays))


def decode_rows(data: bytes, *, what: str = ROWS_FILE) -> RowIds:
    """The rows from their bytes.

    Raises:
        IntegrityError: The bytes are not what `encode_rows` writes.
    """
    names = [f"{name}_inputs" for name in SPLIT_NAMES] + [f"{name}_labelled" for name in _OPEN]
    found = read_columns(data, what=what, wanted=dict.fromkeys(names, "<u8"))
    digests = found.about.get("labels")
    inputs = found.about.get("inputs")
    is_known = found.about.get("format") == _FORMAT and isinstance(inputs, list)
    if not is_known or not isinstance(digests, dict) or set(digests) != set(SPLIT_NAMES):
        raise IntegrityError(
            f"{what} must be of format {_FORMAT} with a digest of labels a split, got "
            f"{found.about.get('format')!r}; read it with the smallcraft version that wrote it"
        )
    splits = {
        str(name): SplitRows(
            _ascending(found.arrays[f"{name}_inputs"], what),
            found.arrays.get(f"{name}_labelled"),
            str(digests[name]),
        )
        for name in SPLIT_NAMES
    }
    for name in _OPEN:
        if len(found.arrays[f"{name}_labelled"]) != len(splits[name].inputs):
            raise IntegrityError(f"{what}: each row of {name} needs both ids; do not use this file")
    return RowIds(tuple(map(str, inputs or ())), str(found.about.get("label")), splits)


def trained_on(rows: RowIds, inputs: Ids) -> NDArray[np.bool_]:
    """Which rows stood in train or dev of a release, under any label: what it was fitted to.

    Args:
        rows: Of the release.
        inputs: `(n,)` uint64 ids over what a model reads.

    Returns:
        `(n,)`, True for rows that say nothing of how the release does on new ones.
    """
    return np.isin(inputs, _open_ids(rows, is_labelled=False))


def compare_rows(before: RowIds, after: RowIds) -> RowChanges:
    """Rows added, removed, relabelled and moved.

    Raises:
        InvalidInputError: The two were made from other columns: no row can be told to be the same.
    """
    if (set(before.inputs), before.label) != (set(after.inputs), after.label):
        raise InvalidInputError(
            f"rows are compared over the same columns, got {', '.join(before.inputs)} -> {before.label} and "
            f"{', '.join(after.inputs)} -> {after.label}; compare the tables themselves"
        )
    then, now = _counted(before, after)
    gains, losses = np.maximum(now - then, 0), np.maximum(then - now, 0)
    moves = _take_moves(gains, losses)
    return RowChanges(
        before=int(then.sum()),
        after=int(now.sum()),
        added=int(gains.sum()),
        removed=int(losses.sum()),
        relabelled=_relabelled(before, after),
        splits=tuple(
            SplitChange(
                split=name,
                before=int(then[at].sum()),
                after=int(now[at].sum()),
                added=int(gains[at].sum()),
                removed=int(losses[at].sum()),
                moved_in=sum(move.rows for move in moves if move.target == name),
                moved_out=sum(move.rows for move in moves if move.source == name),
                are_labels_equal=_are_labels_equal(before, after) if name == _SEALED else None,
            )
            for at, name in enumerate(SPLIT_NAMES)
        ),
        moves=moves,
    )


def _counted(before: RowIds, after: RowIds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each id of either side stands in each split, `(3, m)` for before and for after."""
    sides = ([side.splits[name].inputs for name in SPLIT_NAMES] for side in (before, after))
    then, now = sides
    ids = np.unique(np.concatenate([*then, *now]))

    def count(splits: list[Ids]) -> NDArray[np.int64]:
        rows = [np.bincount(np.searchsorted(ids, split), minlength=len(ids)) for split in splits]
        return np.stack(rows).astype(np.int64)

    return count(then), count(now)


def _take_moves(gains: NDArray[np.int64], losses: NDArray[np.int64]) -> tuple[RowMove, ...]:
    """A row lost here and gained there has moved; it is taken out of both."""
    moves = []
    for source, lost in zip(SPLIT_NAMES, losses, strict=True):
        for target, gained in zip(SPLIT_NAMES, gains, strict=True):
            moved = np.minimum(lost, gained)
            lost -= moved
            gained -= moved
            if moved.any():
                moves.append(RowMove(source, target, int(moved.sum())))
    return tuple(moves)


def _relabelled(before: RowIds, after: RowIds) -> int:
    """Rows that stayed, less those that stayed with their label, where both sides know the labels."""
    stayed = _common(_open_ids(before, is_labelled=False), _open_ids(after, is_labelled=False))
    return stayed - _common(_open_ids(before, is_labelled=True), _open_ids(after, is_labelled=True))


def _open_ids(rows: RowIds, *, is_labelled: bool) -> Ids:
    """The ids of all rows that are not sealed."""
    splits = [rows.splits[name] for name in _OPEN]
    ids = [split.labelled if is_labelled else split.inputs for split in splits]
    return np.concatenate([part for part in ids if part is not None])


def _common(then: Ids, now: Ids) -> int:
    """How many ids stand on both sides, each as often as on the side where it is rarer."""
    ids, counts = np.unique(then, return_counts=True)
    others, other_counts = np.unique(now, return_counts=True)
    _, at, other_at = np.intersect1d(ids, others, assume_unique=True, return_indices=True)
    return int(np.minimum(counts[at], other_counts[other_at]).sum())


def _are_labels_equal(before: RowIds, after: RowIds) -> bool:
    return before.splits[_SEALED].labels_digest == after.splits[_SEALED].labels_digest


def _ascending(ids: Ids, what: str) -> Ids:
    if len(ids) > 1 and bool(np.any(ids[1:] < ids[:-1])):
        raise IntegrityError(f"{what}: ids must be in ascending order; do not use this file")
    return ids

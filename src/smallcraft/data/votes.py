"""Votes of several annotators as item-sorted codes, from one column an annotator or from a line a vote.

What the votes say belongs to `data.quality.consensus` and `data.quality.disagreement`.
Always: an item's votes stand together, one an annotator; blank is no vote; ids are compared as text, so that
`7` in one file is `"7"` in the other. Names of annotators and classes are sorted: the order of rows in a
file changes nothing but the order of the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import shown
from smallcraft.data.table import require_columns, text_form
from smallcraft.errors import DataError

_ITEM_NAMES = (
    *("item", "task", "item_id", "task_id", "example", "example_id", "row", "row_id", "question"),
    *("question_id", "instance", "instance_id", "document", "document_id", "doc_id", "text_id", "id"),
)
_ANNOTATOR_NAMES = (
    *("annotator", "worker", "annotator_id", "worker_id", "rater", "rater_id", "labeler", "labeller"),
    *("labeler_id", "coder", "coder_id", "judge", "judge_id", "annotated_by", "user", "user_id", "who"),
)
_LABEL_NAMES = (
    *("label", "annotation", "vote", "answer", "response", "judgment", "judgement", "rating", "class"),
    *("category", "output", "value", "choice"),
)


@dataclass(frozen=True)
class Votes:
    """Item-sorted integer codes.

    Attributes:
        starts: `(items + 1,)` int64; item `i` has the votes `starts[i]` to `starts[i + 1]`.
        annotator: `(m,)` int32 codes.
        label: `(m,)` int32 codes.
        annotators: Their names.
        classes: Their names.
        items: Ids of a long file, in order; None: item `i` is row `i` of the table.
        notes: What was left out or folded together, in plain sentences.
    """

    starts: NDArray[np.int64]
    annotator: NDArray[np.int32]
    label: NDArray[np.int32]
    annotators: tuple[str, ...]
    classes: tuple[str, ...]
    items: pl.Series | None
    notes: tuple[str, ...] = ()

    @property
    def n_items(self) -> int:
        """How many items there are, with votes or without."""
        return len(self.starts) - 1

    @property
    def votes_of_item(self) -> NDArray[np.int64]:
        """`(items,)` int64 votes of each."""
        return np.diff(self.starts)

    @property
    def item_of_vote(self) -> NDArray[np.int64]:
        """`(m,)` int64."""
        return np.repeat(np.arange(self.n_items), np.diff(self.starts))

    def part(self, start: int, stop: int) -> Votes:
        """The items from `start` up to `stop`; annotators and classes keep their codes."""
        return self.at(np.arange(start, stop))

    def at(self, places: NDArray[np.int64]) -> Votes:
        """The items at these places, in their order; -1 is an item without votes.

        >>> votes = votes_from_columns(pl.DataFrame({"ann": ["x", "y"], "bob": ["x", None]}), ["ann", "bob"])
        >>> votes.at(np.array([1, -1, 0])).starts.tolist()
        [0, 1, 1, 3]
        """
        sizes = np.where(places >= 0, np.diff(self.starts, append=self.starts[-1])[places], 0)
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        inside = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        chosen = np.repeat(self.starts[places], sizes) + inside
        items = None if self.items is None else self.items.gather(pl.Series(places).replace(-1, None))
        return replace(
            self, starts=starts, annotator=self.annotator[chosen], label=self.label[chosen], items=items
        )


@dataclass(frozen=True)
class LongColumns:
    """Which columns of a long file are which."""

    item: str
    annotator: str
    label: str

    @property
    def names(self) -> tuple[str, str, str]:
        """All three."""
        return self.item, self.annotator, self.label


def votes_from_columns(
    frame: pl.DataFrame, columns: Sequence[str], *, classes: Sequence[str] | None = None
) -> Votes:
    """Votes of a table with one column an annotator; the column's name is the annotator's.

    Args:
        frame: The rows; item `i` is row `i`. Nulls and blanks are no vote.
        columns: The annotators' columns, at least one.
        classes: Class names that come first, in this order, voted for or not; labels beyond them follow,
            sorted.

    Raises:
        DataError: A column is missing, or none of them holds a vote.

    >>> votes = votes_from_columns(pl.DataFrame({"ann": ["b", " "], "bob": ["a", "b"]}), ["ann", "bob"])
    >>> votes.starts.tolist(), votes.label.tolist(), votes.classes
    ([0, 2, 3], [1, 0, 1], ('a', 'b'))
    """
    require_columns(columns, frame.columns, source="the table")
    labels = [trimmed(frame[name]) for name in columns]
    voted = {value for series in labels for value in series.unique().drop_nulls().to_list()}
    if not voted:
        listed = ", ".join(f"'{name}'" for name in columns)
        raise DataError(
            f"the vote columns must hold a vote somewhere, got only blanks in {listed}; leave them out"
        )
    names = _class_names(voted, classes)
    codes = np.stack([_codes(series, names) for series in labels], axis=1)
    item, annotator = np.nonzero(codes >= 0)
    return Votes(
        starts=np.searchsorted(item, np.arange(frame.height + 1)).astype(np.int64),
        annotator=annotator.astype(np.int32),
        label=codes[item, annotator],
        annotators=tuple(columns),
        classes=names,
        items=None,
    )


def votes_from_long(frame: pl.DataFrame, *, item: str, annotator: str, label: str, source: str) -> Votes:
    """Votes of a file with a line a vote; items stand in the order in which they first appear.

    Args:
        frame: The lines. A blank label is no vote.
        item: Column of the item's id, of any plain type.
        annotator: Column of the annotator's name or number.
        label: Column of the vote.
        source: The file, for messages.

    Returns:
        One vote an annotator and item; equal repeats are folded, which `notes` tells.

    Raises:
        DataError: A column is missing, an item or annotator is blank, there is no vote at all, or an
            annotator gave one item two different labels.
    """
    require_columns([item, annotator, label], frame.columns, source=source)
    labels = trimmed(frame[label])
    blank = labels.null_count()
    if blank == len(labels):
        raise DataError(f"column '{label}' of {source} must hold votes, got {len(labels):,} blanks")
    if blank:
        frame, labels = frame.filter(labels.is_not_null()), labels.drop_nulls()
    ids, who = (_required(frame[name], source) for name in (item, annotator))
    names = _class_names(set(labels.unique().to_list()), None)
    found, places = _dense(ids)
    people, first_said = _dense(who)
    order = np.argsort(np.asarray(who.gather(first_said).to_list(), dtype=np.str_))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    votes = _grouped(found, rank[people], _codes(labels, names), len(places))
    votes = replace(
        votes,
        annotators=tuple(who.gather(first_said[order]).to_list()),
        classes=names,
        items=frame[item].gather(places),
        notes=(f"{blank:,} lines of {source} have a blank '{label}': no vote",) if blank else (),
    )
    return _once_each(votes, source)


def guess_long_columns(frame: pl.DataFrame, *, source: str = "the file") -> LongColumns:
    """Which columns of a long file hold the item, the annotator and the label, by their names.

    Of three columns, the one without a telling name is what the two others are not.

    Raises:
        DataError: One of the three cannot be told.

    >>> guess_long_columns(pl.DataFrame(schema=["task", "worker", "label", "seconds"]))
    LongColumns(item='task', annotator='worker', label='label')
    """
    found: dict[str, str] = {}
    for part, names in (("annotator", _ANNOTATOR_NAMES), ("label", _LABEL_NAMES), ("item", _ITEM_NAMES)):
        by_name = {_plain(column): column for column in reversed(frame.columns)}
        match = next((by_name[name] for name in names if name in by_name), None)
        left = [column for column in frame.columns if column not in found.values()]
        if match is None and len(frame.columns) == len(left) + 2 == 3:
            match = left[0]
        if match is None:
            has = ", ".join(f"'{column}'" for column in frame.columns)
            likely = ", ".join(f"'{name}'" for name in names[:3])
            raise DataError(
                f"{source} must have a column for the {part} of each vote, named like {likely}; it has "
                f"{has}; rename the column"
            )
        found[part] = match
    return LongColumns(found["item"], found["annotator"], found["label"])


def align_to_rows(votes: Votes, ids: pl.Series, *, source: str) -> Votes:
    """Votes of a long file set onto the rows of a table by id; a row without votes has none.

    Args:
        votes: With `items`.
        ids: `(rows,)` the id of each row, compared as text.
        source: The file of votes, for messages.

    Returns:
        Votes of one item a row, in the order of `ids`; `notes` tells how many votes have no row.

    Raises:
        DataError: Two rows share an id, or no vote has a row.
    """
    assert votes.items is not None
    wanted = trimmed(ids)
    repeated = wanted.drop_nulls().filter(wanted.drop_nulls().is_duplicated())
    if len(repeated):
        raise DataError(
            f"column '{ids.name}' must name each row once so that votes find their rows, got "
            f"{shown(repeated[0])} on {int((wanted == repeated[0]).sum()):,} rows; remove the copies or use "
            "another id"
        )
    held = pl.DataFrame({"id": trimmed(votes.items), "place": np.arange(votes.n_items)})
    rows = pl.DataFrame({"id": wanted}).join(held, on="id", how="left", maintain_order="left")
    places = rows["place"].fill_null(-1).to_numpy().astype(np.int64)
    aligned = replace(votes.at(places), items=None)
    if not len(aligned.label):
        raise DataError(
            f"no vote of {source} has a row: its items are like {shown(votes.items[0])}, the rows' "
            f"'{ids.name}' like {shown(ids[0]) if len(ids) else 'nothing'}; use the same ids in both"
        )
    lost = len(votes.label) - len(aligned.label)
    if not lost:
        return aligned
    told = f"{lost:,} of {len(votes.label):,} votes of {source} are left out: no row here has their item"
    return replace(aligned, notes=(*votes.notes, told))


def _grouped(
    item: NDArray[np.uint32], annotator: NDArray[np.int32], label: NDArray[np.int32], items: int
) -> Votes:
    from smallcraft.stats.kernels.votes import group_by_item

    grouped = group_by_item(item, items)
    return Votes(grouped.starts, annotator[grouped.order], label[grouped.order], (), (), None)


def _once_each(votes: Votes, source: str) -> Votes:
    """One vote an annotator and item, or a refusal."""
    from smallcraft.stats.kernels.votes import first_votes

    first = first_votes(votes.starts, votes.annotator, len(votes.annotators))
    again = first != np.arange(len(first))
    if not again.any():
        return votes
    clash = np.flatnonzero(votes.label != votes.label[first])
    if len(clash):
        at = int(clash[0])
        item = int(np.searchsorted(votes.starts, at, side="right")) - 1
        said = [shown(votes.classes[votes.label[place]]) for place in (first[at], at)]
        assert votes.items is not None
        raise DataError(
            f"{source}: annotator {shown(votes.annotators[votes.annotator[at]])} gave item "
            f"{shown(votes.items[item])} two labels, {said[0]} and {said[1]} ({len(clash):,} such votes); "
            "keep one"
        )
    sizes = np.add.reduceat(~again, votes.starts[:-1])
    told = f"{int(again.sum()):,} votes of {source} say again what their annotator said: counted once"
    return replace(
        votes,
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        annotator=votes.annotator[~again],
        label=votes.label[~again],
        notes=(*votes.notes, told),
    )


def _dense(texts: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Codes in order of first appearance, and the place where each first appears."""
    codes = texts.cast(pl.Categorical).to_physical().to_numpy()
    # The physical codes are those of a pool that other columns share: neither dense nor in order.
    first = np.full(int(codes.max()) + 1, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    places = np.sort(first[first >= 0])
    rank = np.empty(len(first), dtype=np.uint32)
    rank[codes[places]] = np.arange(len(places), dtype=np.uint32)
    return rank[codes], places


def _codes(labels: pl.Series, names: Sequence[str]) -> NDArray[np.int32]:
    """Place of each label in `names`; -1 for null."""
    physical = labels.cast(pl.Enum(list(names))).to_physical().cast(pl.Int32)
    return physical.fill_null(-1).to_numpy()


def _class_names(voted: set[str], first: Sequence[str] | None) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(first or ()))
    return (*known, *sorted(voted - set(known)))


def trimmed(series: pl.Series) -> pl.Series:
    """Ids and labels as they are compared: text without surrounding space; blank is null."""
    text = text_form(series).str.strip_chars()
    return text.set(text.str.len_bytes() == 0, None)


def _required(series: pl.Series, source: str) -> pl.Series:
    text = trimmed(series)
    if text.null_count():
        line = int(text.is_null().arg_max() or 0)
        raise DataError(
            f"column '{series.name}' of {source} must be filled in where there is a label, got "
            f"{text.null_count():,} blanks, the first in vote {line + 1:,}; fill it in or remove the line"
        )
    return text


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_").replace(".", "_")

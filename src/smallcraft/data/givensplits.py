"""Splits that the user decided: own files, or a column that names the split of each row.

Making splits belongs to `data.split`.
Always: given rows stay where the user put them; what they share with train is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from smallcraft.data.duplicates import near_duplicate_pairs
from smallcraft.data.table import Table, require_columns, row_digests, text_form
from smallcraft.errors import DataError
from smallcraft.records import Roles, SplitName

_SPELLINGS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "val": "dev",
    "valid": "dev",
    "validation": "dev",
    "cert": "cert",
    "test": "cert",
}


@dataclass(frozen=True)
class GivenParts:
    """What the user decided, and the rows left to deal out.

    Attributes:
        frames: Given splits; never train, whose rows are in `rest`.
        rest: Rows for train and for the splits that were not given.
        sources: Where given splits came from.
        notes: What was honoured.
    """

    frames: Mapping[SplitName, pl.DataFrame]
    rest: pl.DataFrame
    sources: Mapping[SplitName, str]
    notes: tuple[str, ...]


def given_parts(
    table: Table, *, cert: Table | None, dev: Table | None, split_column: str | None
) -> GivenParts:
    """Collect the user's own splits.

    Raises:
        DataError: A split is given twice, a column is missing, or the split column holds another word.
    """
    frames: dict[SplitName, pl.DataFrame] = {}
    sources: dict[SplitName, str] = {}
    notes: list[str] = []
    rest = table.frame
    if split_column is not None:
        by_column = _by_column(table, split_column)
        if "train" not in by_column:
            raise DataError(f"column '{split_column}' names no train row in {table.source}; mark some")
        rest = by_column.pop("train")
        frames.update(by_column)
        notes.append(f"column '{split_column}' decides: {rest.height:,} train rows" + _counts(frames))
    files: Mapping[SplitName, Table | None] = {"dev": dev, "cert": cert}
    for name, own in files.items():
        if own is None:
            continue
        if name in frames:
            raise DataError(
                f"{name} is given twice: by column '{split_column}' and by {own.source}; keep one"
            )
        require_columns(table.roles.named, own.frame.columns, source=own.source)
        frames[name], sources[name] = _aligned(own, table), own.source
        notes.append(f"{name} is {own.source}: {own.frame.height:,} rows, as given")
    return GivenParts(frames, rest, sources, tuple(notes))


def _aligned(own: Table, table: Table) -> pl.DataFrame:
    """The own table with the types of the main one: a column that is text there is text here too."""
    columns = []
    for name in table.roles.named:
        wanted, got = table.frame[name].dtype, own.frame[name].dtype
        if wanted == got:
            continue
        if wanted != pl.String:
            raise DataError(
                f"column '{name}' is {wanted} in {table.source} and {got} in {own.source}; "
                "write it the same way in both"
            )
        columns.append(text_form(own.frame[name]))
    return own.frame.with_columns(columns)


def _counts(frames: Mapping[SplitName, pl.DataFrame]) -> str:
    return "".join(f", {frame.height:,} {name} rows" for name, frame in frames.items())


def _by_column(table: Table, column: str) -> dict[SplitName, pl.DataFrame]:
    require_columns((column,), table.frame.columns, source=table.source)
    words = text_form(table.frame[column]).str.strip_chars().str.to_lowercase()
    unknown = [word for word in words.unique().to_list() if word not in _SPELLINGS]
    if unknown:
        row = words.to_list().index(unknown[0])
        raise DataError(
            f"{table.source}, row {row + 1}, column '{column}': train, dev or cert was wanted, got "
            f"{table.frame[column][row]!r}; write one of {', '.join(_SPELLINGS)}"
        )
    parts = words.replace_strict(dict(_SPELLINGS), return_dtype=pl.String)
    names = [name for name in ("train", "dev", "cert") if (parts == name).any()]
    return {_SPELLINGS[name]: table.frame.filter(parts == name) for name in names}


def overlap_notes(
    frames: Mapping[SplitName, pl.DataFrame],
    roles: Roles,
    *,
    given: Sequence[SplitName],
    similarity: float,
) -> list[str]:
    """What given splits share with the others: copies and keys. Splits made here share nothing."""
    notes = []
    pairs: tuple[tuple[SplitName, SplitName], ...]
    pairs = (("train", "dev"), ("train", "cert"), ("dev", "cert"))
    for left, right in pairs:
        if left not in given and right not in given:
            continue
        copies = shared_rows(frames[left], frames[right], roles, similarity=similarity)
        if copies:
            notes.append(
                f"{copies:,} of {frames[right].height:,} {right} rows copy a {left} row; "
                "they are kept, and the leakage check lists them"
            )
        notes += _key_notes(frames[left], frames[right], roles, names=(left, right))
    return notes


def shared_rows(left: pl.DataFrame, right: pl.DataFrame, roles: Roles, *, similarity: float) -> int:
    """Number of right rows that copy a left one: by text where there is one, else by equal features."""
    if roles.text is not None:
        texts = [frame[roles.text].fill_null("").to_list() for frame in (left, right)]
        pairs = near_duplicate_pairs(texts[0], texts[1], similarity=similarity)
        return len(set(pairs["right"].tolist()))
    known = set(row_digests(left, roles.features))
    return sum(row in known for row in row_digests(right, roles.features))


def _key_notes(left: pl.DataFrame, right: pl.DataFrame, roles: Roles, *, names: tuple[str, str]) -> list[str]:
    if roles.key is None:
        return []
    shared = right[roles.key].drop_nulls().is_in(left[roles.key].drop_nulls().implode()).sum()
    if not shared:
        return []
    return [f"{shared:,} {names[1]} rows have a '{roles.key}' that {names[0]} has too; kept as given"]

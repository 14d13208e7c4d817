"""Repairs of a data file: plan them from flagged rows, apply them, write a new version that can be replayed.

Finding faults belongs to the checks, which of them can be repaired to `data.repairable`, file formats to
`data.rewriting`. Rows are 0-based positions among the rows that `data.load.read_source` gives: all files of a
glob in order; broken records are no rows.
Always: the source is never changed; one repair a row, so their order does not matter; copies that contradict
each other are never merged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.canonical import canonical_json, digest_file
from smallcraft.data.columns import code_text, typed_columns
from smallcraft.data.formats import find_files
from smallcraft.data.load import read_source
from smallcraft.data.repairable import (
    CONTRADICTION,
    EXACT,
    broken_rows,
    copied_rows,
    leaked_rows,
    relabelled_rows,
)
from smallcraft.data.rewriting import Edits, edited_frame, refuse_target, rewrite_files, write_synced
from smallcraft.data.table import make_table, require_columns
from smallcraft.errors import DataError, IntegrityError, InvalidInputError
from smallcraft.records import FlaggedRows, Roles, StoredFile, TableRef

Action = Literal["drop", "relabel", "merge"]
ACTIONS: tuple[Action, ...] = get_args(Action)
RECORD_SUFFIX = ".repairs.json"
_RECORD_FORMAT = 1


@dataclass(frozen=True)
class Repair:
    """One change of one row.

    Attributes:
        row: Position in the file.
        column: The changed column; None where the whole row goes.
        before: The label that was there; None where the row goes, or where there was none.
        after: The label that comes there; None where the row goes.
        reason: Check and kind.
    """

    action: Action
    row: int
    column: str | None
    before: str | None
    after: str | None
    reason: str


@dataclass(frozen=True)
class VersionRecord:
    """What was done to make one version of a data file out of another; written beside it.

    Attributes:
        created: When, in ISO 8601.
        source: The files read: name, digest and size.
        target: The file written.
        before: The table that the source holds.
        after: The table that the target holds.
        chosen: The actions taken.
        counts: Repairs of each action.
        repairs: Every one, by row.
    """

    created: str
    source: tuple[StoredFile, ...]
    target: StoredFile
    before: TableRef
    after: TableRef
    chosen: tuple[Action, ...]
    counts: Mapping[str, int]
    repairs: tuple[Repair, ...]
    format: int = _RECORD_FORMAT


def known_actions(names: Sequence[str]) -> tuple[Action, ...]:
    """The actions of these names.

    Raises:
        InvalidInputError: A name is none of them.
    """
    for name in names:
        if name not in ACTIONS:
            raise InvalidInputError(
                f"a repair must be one of {', '.join(ACTIONS)}, got '{name}'; write --fix drop,relabel"
            )
    return tuple(action for action in ACTIONS if action in names)


# --- planning ------------------------------------------------------------------------


def plan_repairs(
    frame: pl.DataFrame,
    roles: Roles,
    flagged: Sequence[FlaggedRows],
    *,
    actions: Sequence[Action],
    row_of: Mapping[str, NDArray[np.int64]],
) -> tuple[Repair, ...]:
    """Decide what is done about flagged rows.

    - `relabel`: rows flagged `wrong` or `votes say otherwise` that come with another label; votes are heard
      before a model, and a model not at all on cert.
    - `drop`: rows without a text, or without a label after relabelling, flagged or not (a loader sets them
      aside before any check sees them); rows of train that copy a row of dev or cert, exactly or nearly;
      exact copies whose labels, after relabelling, contradict each other.
    - `merge`: of exact copies in one split that agree in their label the first row stays.

    Args:
        frame: Every row of the file, in its order.
        roles: Which column plays which part.
        flagged: Rows that checks flagged; kinds that are not named above are left alone.
        actions: What may be done.
        row_of: For each split `(rows,)` int64, the position in the file of each of its rows. Splits that are
            not in it stand in other files: their rows are not repaired.

    Returns:
        At most one repair a row, by row.

    Raises:
        InvalidInputError: An unknown action.
    """
    known_actions(actions)
    labels = code_text(frame[roles.label]).to_list()
    relabels = dict(relabelled_rows(flagged, labels, row_of)) if "relabel" in actions else {}
    repairs = {
        row: Repair("relabel", row, roles.label, labels[row], label, reason)
        for row, (label, reason) in relabels.items()
    }
    for row, (label, _) in relabels.items():
        labels[row] = label
    gone: dict[int, Repair] = {}
    if "drop" in actions:
        broken, leaked = broken_rows(frame, roles, labels), leaked_rows(frame, roles, flagged, row_of)
        for row, reason in (*broken, *leaked):
            gone.setdefault(row, Repair("drop", row, None, None, None, reason))
    for copies in copied_rows(frame, roles, flagged, row_of):
        left = [row for row in copies if row not in gone]
        for repair in _repaired_copies(left, {labels[row] for row in left}, actions):
            gone[repair.row] = repair
    repairs |= gone
    return tuple(repairs[row] for row in sorted(repairs))


def _repaired_copies(
    rows: Sequence[int], labels: set[str | None], actions: Sequence[Action]
) -> Iterator[Repair]:
    if len(labels) > 1 and "drop" in actions:
        for row in rows:
            yield Repair("drop", row, None, None, None, f"duplicates: {CONTRADICTION}")
    elif len(labels) == 1 and "merge" in actions:
        for row in rows[1:]:
            yield Repair("merge", row, None, None, None, f"duplicates: {EXACT} of row {rows[0]} of the file")


# --- applying ------------------------------------------------------------------------


def apply_repairs(frame: pl.DataFrame, repairs: Sequence[Repair]) -> pl.DataFrame:
    """The rows after the repairs; in whatever order these come.

    Args:
        frame: Every row of the file, in its order; raw or typed.
        repairs: At most one a row.

    Returns:
        The same columns and types; no other row or cell changes.

    Raises:
        InvalidInputError: Two repairs of one row.
        IntegrityError: A row is not there, or its label is not the one that the repair was made for.
    """
    return edited_frame(frame, _edits(frame, repairs))


def _edits(frame: pl.DataFrame, repairs: Sequence[Repair]) -> Edits:
    twice = [row for row, count in Counter(repair.row for repair in repairs).items() if count > 1]
    if twice:
        raise InvalidInputError(f"one repair a row was wanted, row {min(twice)} has several; keep one")
    beyond = [repair.row for repair in repairs if not 0 <= repair.row < frame.height]
    if beyond:
        raise IntegrityError(
            f"row {beyond[0]} is to be repaired, but there are {frame.height:,} rows; "
            "these repairs belong to other data"
        )
    relabels = [repair for repair in repairs if repair.action == "relabel"]
    dropped = frozenset(repair.row for repair in repairs if repair.action != "relabel")
    if not relabels:
        return Edits("", dropped, {}, {})
    column = relabels[0].column or ""
    labels = code_text(frame[column])
    for repair in relabels:
        if labels[repair.row] != repair.before:
            raise IntegrityError(
                f"row {repair.row} has the label {labels[repair.row]!r}, the repair was made for "
                f"{repair.before!r}; these repairs belong to other data"
            )
    first = {label: row for row, label in reversed(list(enumerate(labels.to_list()))) if label is not None}
    return Edits(
        column,
        dropped,
        {repair.row: first[repair.after] for repair in relabels if repair.after in first},
        {repair.row: repair.after or "" for repair in relabels if repair.after not in first},
    )


# --- versions ------------------------------------------------------------------------


def write_version(
    source: Path, target: Path, repairs: Sequence[Repair], *, roles: Roles, now: datetime
) -> VersionRecord:
    """Write the repaired rows as a new file, and beside it `<target>.repairs.json`.

    1. Refuse a target that is there, or that the source would read.
    2. Read the source, apply the repairs in memory.
    3. Write the target beside its place, read it back: it must hold that table.
    4. Record first, then the data, each under its name at once.

    Args:
        source: A file or glob.
        target: A new file with the source's suffix; it keeps every column.
        repairs: At most one a row.
        roles: Which column plays which part.
        now: The time to record.

    Raises:
        InvalidInputError: The target cannot be used.
        DataError: The source cannot be read, or no row would be left.
        IntegrityError: The repairs belong to other data, or what was written does not read back.
    """
    paths = find_files(source)
    refuse_target(source, paths, target)  # (1)
    raw = read_source(source, None)  # (2)
    if raw.frame.height <= sum(repair.action != "relabel" for repair in repairs):
        raise DataError(f"{source} would have no rows left; choose fewer repairs")
    before = _table_ref(raw.frame, roles, source)
    edits = _edits(raw.frame, repairs)
    wanted = _table_ref(edited_frame(raw.frame, edits), roles, source)
    part = target.with_name(f".part-{target.name}")  # (3)
    try:
        data = rewrite_files(paths, raw.files, edits, is_gzipped=target.suffix.lower() == ".gz")
        write_synced(part, data)
        written = _table_ref(read_source(part, None).frame, roles, part)
        if written != wanted:
            raise IntegrityError(
                f"{target} would not read back as planned ({written.digest}, planned {wanted.digest}); "
                "nothing was written; save the source again with a CSV or JSON library and repeat"
            )
        record = VersionRecord(
            created=now.isoformat(),
            source=tuple(StoredFile(path.name, digest_file(path), path.stat().st_size) for path in paths),
            target=StoredFile(target.name, digest_file(part), part.stat().st_size),
            before=before,
            after=written,
            chosen=tuple(action for action in ACTIONS if any(r.action == action for r in repairs)),
            counts={action: sum(r.action == action for r in repairs) for action in ACTIONS},
            repairs=tuple(sorted(repairs, key=lambda repair: repair.row)),
        )
        _write_record(record, record_path(target))  # (4)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return record


def record_path(target: Path) -> Path:
    """Where the record of a version stands.

    >>> record_path(Path("data/v2.csv")).name
    'v2.csv.repairs.json'
    """
    return target.with_name(target.name + RECORD_SUFFIX)


def read_record(path: Path) -> VersionRecord:
    """Read a record back.

    Raises:
        DataError: The file is no record that this version reads.
    """
    try:
        facts = json.loads(path.read_bytes())
        if facts["format"] != _RECORD_FORMAT:
            raise DataError(
                f"{path} has the record format {facts['format']}, this version reads {_RECORD_FORMAT}"
            )
        return _record(facts)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no record of repairs ({error}); name a {RECORD_SUFFIX} file") from error


def _record(facts: Mapping[str, Any]) -> VersionRecord:
    return VersionRecord(
        **{
            **facts,
            "source": tuple(StoredFile(**file) for file in facts["source"]),
            "target": StoredFile(**facts["target"]),
            "before": _read_ref(facts["before"]),
            "after": _read_ref(facts["after"]),
            "chosen": tuple(facts["chosen"]),
            "repairs": tuple(Repair(**repair) for repair in facts["repairs"]),
        }
    )


def _read_ref(facts: Mapping[str, Any]) -> TableRef:
    roles: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts["roles"].items()
    }
    return TableRef(**{**facts, "roles": Roles(**roles)})


def replay_repairs(source: Path, record: VersionRecord) -> TableRef:
    """Make the version again in memory and hold it against its record.

    Args:
        source: A file or glob with the rows that the record began with, in any format.
        record: As written beside the version.

    Returns:
        The table after the repairs, equal to `record.after`.

    Raises:
        IntegrityError: The source is another table, or the repairs do not give the recorded one.
    """
    roles = record.before.roles
    frame = read_source(source, roles.named).frame
    before = _table_ref(frame, roles, source)
    if before != record.before:
        raise IntegrityError(
            f"{source} holds the table {before.digest}, the record began with {record.before.digest}; "
            "name the file that was repaired"
        )
    after = _table_ref(apply_repairs(frame, record.repairs), roles, source)
    if after != record.after:
        raise IntegrityError(
            f"the repairs of {source} give {after.digest}, the record says {record.after.digest}; "
            "do not trust this version"
        )
    return after


def _table_ref(raw: pl.DataFrame, roles: Roles, source: Path) -> TableRef:
    require_columns(roles.named, raw.columns, source=str(source))
    return make_table(typed_columns(raw.select(roles.named), roles).frame, roles, source=str(source)).ref


def _write_record(record: VersionRecord, path: Path) -> None:
    part = path.with_name(f".part-{path.name}")
    write_synced(part, canonical_json(record))
    part.replace(path)

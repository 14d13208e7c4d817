"""The next version of the data after votes: labels that changed, and new rows, in a folder of its own.

Leaves to others: what the labels are (`label.merging`), which split a row is of
(`pipeline.labelling.placing`), rewriting a file (`data.repair`).
Always: no file of the user is changed; the folder appears whole or not at all, and the same votes over the
same data make it once; its record of every change can be replayed; all its files have the columns of the
source and one that says the split, so that one glob reads them and no row changes sides.
"""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from smallcraft.canonical import canonical_json, digest_file
from smallcraft.data.columns import code_text
from smallcraft.data.formats import FileFormat, file_format, find_files
from smallcraft.data.load import read_source
from smallcraft.data.repair import Repair, record_path, write_version
from smallcraft.label.merging import Merged
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.labelling.items import cast_values
from smallcraft.pipeline.labelling.placing import (
    COLUMN,
    NewPlaces,
    OwnPlaces,
    places_of_new,
    places_of_own,
)
from smallcraft.pipeline.labelling.rows import OWN, LabelTable
from smallcraft.pipeline.stages.prepare import Prepared
from smallcraft.pipeline.workspace import write_whole
from smallcraft.records import StoredFile

FOLDER = "labels"
_VERSION = "version-"
# The underscore sorts behind the dot: new rows stand after the old ones.
_ROWS, _NEW = "rows", "rows_new"
_HELD_OUT = "split: a copy of a row of another split"


@dataclass(frozen=True)
class DataVersion:
    """What was written.

    Attributes:
        path: What belongs into `[data] path`, relative to the project file: a glob.
        relabelled: Rows of the main file whose label is another one.
        added: New rows.
        split: What belongs into `[data] split`: the column that says where each row stands.
        left_out: New rows that have a key with a row of dev or cert, or copy one.
    """

    path: str
    relabelled: int
    added: int
    split: str = COLUMN
    left_out: int = 0


def write_data_version(
    config: Config,
    table: LabelTable,
    merged: Merged,
    *,
    prepared: Prepared,
    blind: Collection[str],
    campaign: str,
    now: datetime,
) -> DataVersion | None:
    """Write the data as it is after the votes.

    1. what changes: labels of rows and of their copies, new rows
    2. into a folder beside its place, which is given its name when it is whole
    3. unless the newest version holds just that

    Args:
        config: The project.
        table: The rows that were asked about.
        merged: Their labels now.
        prepared: The splits that they were asked under.
        blind: Ids of rows that were drawn blindly.
        campaign: Named as the reason.
        now: Goes into the record.

    Returns:
        None where no label changed and no row is new.

    Raises:
        IntegrityError: The data changed since the rows were read.
        InvalidInputError: The version would be read as a part of the data.
    """
    source = config.resolve(config.data.path)
    raw = read_source(source, None).frame
    labels = _labels(table, merged)
    repairs = _repairs(config, table, raw, labels=labels, campaign=campaign)  # (1)
    rows = [row for row, item in enumerate(table.items) if table.sources[row] != OWN and item in labels]
    items = [table.items[row] for row in rows]
    places = places_of_new(config, prepared, table.frame[rows], items, blind=blind)
    fresh = _new_rows(config, table, raw, labels=labels, places=places)
    if not repairs and not fresh.height:
        return None
    suffix = _suffix(find_files(source)[0])
    folder = config.folder / FOLDER
    taken = _versions(folder)
    target = folder / f"{_VERSION}{max(taken, default=1) + 1}"
    aside = folder / f".{target.name}.new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    own = aside / f"{_ROWS}{suffix}"
    _write_own(config, own, repairs, places=places_of_own(prepared, rows=raw.height), now=now)  # (2)
    if fresh.height:
        write_whole(aside / f"{_NEW}{suffix}", _written(fresh, file_format(own)))
    newest = folder / f"{_VERSION}{max(taken)}" if taken else None
    if newest is not None and _digests(newest) == _digests(aside):  # (3)
        shutil.rmtree(aside)
        target = newest
    else:
        aside.rename(target)
    return DataVersion(
        f"{FOLDER}/{target.name}/{_ROWS}*{suffix}",
        len(repairs),
        fresh.height,
        config.data.split or COLUMN,
        len(places.left_out),
    )


def _write_own(
    config: Config, target: Path, repairs: list[Repair], *, places: OwnPlaces, now: datetime
) -> None:
    """The rows of the source with their labels and places; those that no split holds are left out."""
    source = config.resolve(config.data.path)
    if config.data.split is not None:
        write_version(source, target, repairs, roles=config.roles(), now=now)
        return
    gone = set(places.held_out)
    dropped = [Repair("drop", row, None, None, None, _HELD_OUT) for row in places.held_out]
    kept = [repair for repair in repairs if repair.row not in gone]
    record = write_version(source, target, [*kept, *dropped], roles=config.roles(), now=now)
    words = [word for row, word in enumerate(places.split) if row not in gone]
    frame = read_source(target, None).frame.with_columns(pl.Series(COLUMN, words, dtype=pl.String))
    write_whole(target, _written(frame, file_format(target)))
    stored = StoredFile(target.name, digest_file(target), target.stat().st_size)
    write_whole(record_path(target), canonical_json(replace(record, target=stored)))


def _labels(table: LabelTable, merged: Merged) -> Mapping[str, str]:
    """Id to label of rows that people said something of."""
    rows = np.flatnonzero(merged.voted & (merged.label >= 0)).tolist()
    return {table.items[row]: table.seen.classes[merged.label[row]] for row in rows}


def _repairs(
    config: Config, table: LabelTable, raw: pl.DataFrame, *, labels: Mapping[str, str], campaign: str
) -> list[Repair]:
    """Of every copy of a row whose label is another one now."""
    column = config.data.label
    before = code_text(raw[column])
    return [
        Repair("relabel", row, column, before[row], label, f"label/{campaign}")
        for item, label in sorted(labels.items())
        for row in table.copies.get(item, ())
        if before[row] != label
    ]


def _new_rows(
    config: Config,
    table: LabelTable,
    raw: pl.DataFrame,
    *,
    labels: Mapping[str, str],
    places: NewPlaces,
) -> pl.DataFrame:
    """New rows with their labels, in the columns and types of the source; what is not known is missing."""
    rows = [row for row, item in enumerate(table.items) if item in places.split]
    items = [table.items[row] for row in rows]
    split = config.data.split or COLUMN
    frame = table.frame[rows].with_columns(
        pl.Series(config.data.label, [labels[item] for item in items], dtype=pl.String),
        pl.Series(split, [places.split[item] for item in items], dtype=pl.String),
    )
    columns = {**raw.schema, split: raw.schema.get(split, pl.String())}
    return pl.DataFrame(
        [
            cast_values(frame[name], dtype)
            if name in frame.columns
            else pl.Series(name, [None] * len(rows), dtype=dtype)
            for name, dtype in columns.items()
        ]
    )


def _versions(folder: Path) -> list[int]:
    """Numbers of the versions that are there; the user's own file is the first and not among them."""
    names = [path.name.removeprefix(_VERSION) for path in folder.glob(f"{_VERSION}*")]
    return [int(name) for name in names if name.isdecimal()]


def _digests(folder: Path) -> Mapping[str, str]:
    """Name to digest of the data; records tell the time and are left out."""
    return {path.name: digest_file(path) for path in folder.iterdir() if path.suffix != ".json"}


def _suffix(path: Path) -> str:
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix


def _written(frame: pl.DataFrame, form: FileFormat) -> bytes:
    stream = io.BytesIO()
    if form.name == "parquet":
        frame.write_parquet(stream)
    elif form.name == "jsonl":
        frame.write_ndjson(stream)
    else:
        frame.write_csv(stream, separator="\t" if form.name == "tsv" else ",")
    data = stream.getvalue()
    return gzip.compress(data, mtime=0) if form.is_gzipped else data

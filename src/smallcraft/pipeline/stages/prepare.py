"""From files to splits: load, split, check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.checks import run_checks
from smallcraft.data.load import load_table
from smallcraft.data.partitions.counting import MOST_BAD_ROWS
from smallcraft.data.partitions.pieces import Piece
from smallcraft.data.split import DEALT_BY_NUMBER, Splits, split_table
from smallcraft.data.table import Table
from smallcraft.engine.engines import shared_engine
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.partitions.large import Large, Whole, large_pieces, read_large, whole_results
from smallcraft.pipeline.partitions.longvotes import VotesFile, open_votes
from smallcraft.pipeline.partitions.rare import plain_rows, with_rare_rows
from smallcraft.pipeline.partitions.scan import Subject as ScanSubject
from smallcraft.pipeline.stages.longvotes import LongVotes, votes_for_rows
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CheckResult

# No column of a file can be called that.
ROW_IN_FILE = "\x00row in file"


@dataclass(frozen=True)
class Prepared:
    """Splits, and what the checks say of them.

    Attributes:
        table: The main table.
        splits: Train, dev and cert.
        checks: One result a check.
        given: The user's own `dev` and `cert`, where they are files.
        long_votes: Of a file with a line a vote; None without one.
        whole: What was counted of all rows, where `table` is a sample of them.
    """

    table: Table
    splits: Splits
    checks: tuple[CheckResult, ...]
    given: Mapping[str, Table] = field(default_factory=dict)
    long_votes: LongVotes | None = None
    whole: Whole | None = None

    @property
    def meter(self) -> str:
        """What looks at cert are counted under: the user's own sealed file, else the whole table.

        Not the rows that a seed made of it: another seed must not renew a test set that is spent.
        """
        if "cert" in self.given:
            return self.given["cert"].ref.digest
        return self.table.ref.order_free_digest if self.whole is None else self.whole.content

    @property
    def rows_read(self) -> int:
        """Rows of all files: those of the splits, those held out, and those set aside."""
        return sum(table.rows_read for table in (self.table, *self.given.values()))

    @property
    def rows_quarantined(self) -> int:
        """Rows of all files that were set aside."""
        return sum(table.rows_quarantined for table in (self.table, *self.given.values()))


def prepare_data(
    config: Config, listener: Listener, *, votes: str | Path | None = None, dealing: int = DEALT_BY_NUMBER
) -> Prepared:
    """Load the project's files, split them and run every check that reads rows alone.

    Args:
        config: The project.
        listener: Told as things happen.
        votes: A file of votes instead of the project's.
        dealing: How rows are dealt to splits, as `split_table` numbers it; another than today's for a
            release that was.

    Raises:
        DataError: The data cannot be used.
    """
    prepared = read_splits(config, listener, votes=votes, dealing=dealing)
    listener.stage("checking the data")
    frames = {str(name): frame for name, frame in prepared.splits.frames.items()}
    checks = run_checks(frames, prepared.table.roles)
    whole = prepared.whole
    told = checks if whole is None else whole_results(whole, checks, confidence=config.quality.confidence)
    for result in told:
        listener.checked(result)
    return replace(prepared, checks=checks)


def read_splits(
    config: Config, listener: Listener, *, votes: str | Path | None = None, dealing: int = DEALT_BY_NUMBER
) -> Prepared:
    """Load the project's files and split them; nothing is checked yet.

    Args:
        config: The project.
        listener: Told as things happen.
        votes: A file of votes instead of the project's.
        dealing: How rows are dealt to splits, as `split_table` numbers it; another than today's for a
            release that was.

    Raises:
        DataError: The data cannot be used.
    """
    listener.stage(f"reading {config.data.path}")
    if votes is None and config.data.votes_file is not None:
        votes = config.locate(config.data.votes_file)
    file = None if votes is None else open_votes(votes)
    keep = () if file is None else (file.columns.item,)
    taught = (*keep, *((config.ladder.teacher,) if config.ladder.teacher else ()))
    pieces = large_pieces(config.locate(config.data.path), most=config.data.most_rows)
    large = _load_large(config, pieces, taught, file, listener) if pieces else None
    table = _load(config, config.data.path, part="main", keep=taught) if large is None else large.table
    # Nobody is taught on cert, so the teacher's column may be missing there.
    given = {
        name: _load(config, path, part=name, keep=keep if name == "cert" else taught)
        for name, path in _given_splits(config).items()
    }
    long = None
    if file is not None:
        long = votes_for_rows(
            file,
            [one.frame[file.columns.item] for one in (table, *given.values())],
            shared_engine(config.engine),
            most=config.data.most_rows,
            is_sample=large is not None,
            progress=listener.progress,
        )
    for part, loaded in {"main": table, **given}.items():
        if loaded.rows_quarantined:
            is_whole = large is None or part != "main" or loaded.rows_quarantined <= MOST_BAD_ROWS
            listener.note(_quarantine_note(config, part, loaded, is_whole=is_whole))
    listener.stage("splitting into train, dev and cert")
    splits = split_table(
        table if large is None else plain_rows(large),
        fractions=config.data.fractions.by_split,
        seed=config.seed,
        cert=given.get("cert"),
        dev=given.get("dev"),
        split_column=config.data.split,
        dealing=dealing,
    )
    if large is not None:
        splits = with_rare_rows(splits, large)
        splits = replace(splits, notes=(large.whole.note, *splits.notes))
    for sentence in splits.notes:
        listener.note(sentence)
    return Prepared(table, splits, (), given, long, None if large is None else large.whole)


def _given_splits(config: Config) -> dict[str, str]:
    return {name: path for name in ("cert", "dev") if (path := getattr(config.data, name)) is not None}


def _load_large(
    config: Config,
    pieces: tuple[Piece, ...],
    keep: Sequence[str],
    votes: VotesFile | None,
    listener: Listener,
) -> Large:
    """Count all rows, and hold a sample of them."""
    split, part = config.data.split, "main"
    may_set_aside = config.data.on_bad_rows == "quarantine"
    subject = ScanSubject(
        config.data.path,
        pieces,
        config.roles(),
        config.seed,
        (*keep, split) if split else tuple(keep),
        votes,
    )
    large = read_large(
        subject,
        shared_engine(config.engine),
        most=config.data.most_rows,
        progress=listener.progress,
        quarantine=Workspace(config.folder).quarantine(part) if may_set_aside else None,
    )
    return replace(large, table=with_positions(large.table))


def _load(config: Config, path: str, *, part: str, keep: Sequence[str]) -> Table:
    split = config.data.split
    aside = Workspace(config.folder).quarantine(part) if config.data.on_bad_rows == "quarantine" else None
    loaded = load_table(
        config.locate(path),
        config.roles(),
        on_bad_rows=config.data.on_bad_rows,
        quarantine=aside,
        keep=(*keep, split) if split and part == "main" else tuple(keep),
        for_training=part == "main",
    )
    # Notes go into the release: they name files as the project does, not where they lie on this machine.
    return with_positions(replace(loaded, source=path))


def with_positions(table: Table) -> Table:
    """The table, each row knowing its position in its file."""
    positions = pl.Series(ROW_IN_FILE, table.positions, dtype=pl.Int64)
    return replace(table, frame=table.frame.with_columns(positions))


def positions_in(frame: pl.DataFrame) -> NDArray[np.int64]:
    """`(n,)` positions in the file, from 0."""
    return frame[ROW_IN_FILE].to_numpy().astype(np.int64)


def _quarantine_note(config: Config, part: str, table: Table, *, is_whole: bool) -> str:
    which = "each with its reason," if is_whole else f"the first {MOST_BAD_ROWS:,} with their reasons"
    return (
        f"{table.rows_quarantined:,} of {table.rows_read:,} rows were set aside, {which} "
        f"in {Workspace(config.folder).quarantine(part)}"
    )

"""What is checked: rows by split, where they stand in their file, and what the row checks said of them.

Made of a project's splits or of a bare file. Always: every row knows its place in the user's file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.checks import BUILTIN, run_checks
from smallcraft.data.load import load_table
from smallcraft.data.quality.answers import AuditAnswers, read_audit_answers
from smallcraft.data.table import Table
from smallcraft.errors import DataError
from smallcraft.pipeline.config import Config
from smallcraft.pipeline.events import Listener
from smallcraft.pipeline.partitions.large import Large, Whole, whole_results
from smallcraft.pipeline.quality_report import QualityReport, SplitSize
from smallcraft.pipeline.stages.assess import Assessment
from smallcraft.pipeline.stages.material import SEALED, WHOLE
from smallcraft.pipeline.stages.prepare import Prepared, positions_in, with_positions
from smallcraft.pipeline.worst_rows import gather_rows
from smallcraft.records import CheckResult, Roles

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Subject:
    """What is checked.

    Attributes:
        source: Its name, for people.
        path: The main data file.
        table: Its rows.
        frames: Rows by split.
        digests: Digest of each split.
        checks: The checks that read rows alone.
        notes: What was done to the rows before.
        in_main_file: Splits whose rows stand in the main file.
        whole: What was counted of all rows, where `table` is a sample of them.
    """

    source: str
    path: Path
    table: Table
    frames: Mapping[str, pl.DataFrame]
    digests: Mapping[str, str]
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...]
    in_main_file: tuple[str, ...]
    whole: Whole | None = None

    @property
    def roles(self) -> Roles:
        """Which column plays which part."""
        return self.table.roles

    @property
    def tested(self) -> str:
        """The split that bounds every metric."""
        return SEALED if SEALED in self.frames else WHOLE

    @property
    def lines(self) -> Mapping[str, NDArray[np.int64]]:
        """For each split, where its rows stand in their file."""
        return {split: positions_in(frame) for split, frame in self.frames.items()}


def project_subject(config: Config, prepared: Prepared) -> Subject:
    """A project's splits as what is checked."""
    splits = prepared.splits
    return Subject(
        source=config.data.path,
        path=config.resolve(config.data.path),
        table=prepared.table,
        frames={str(name): frame for name, frame in splits.frames.items()},
        digests={str(name): ref.digest for name, ref in splits.refs.items()},
        checks=prepared.checks,
        notes=splits.notes,
        in_main_file=tuple(name for name in splits.frames if name not in prepared.given),
        whole=prepared.whole,
    )


def bare_subject(data: str, roles: Roles, folder: Path, keep: Sequence[str], listener: Listener) -> Subject:
    """A bare file as what is checked: one split called `all`; rows that cannot be used are set aside.

    Args:
        data: The file.
        roles: Which column plays which part.
        folder: Where rows that cannot be used are written.
        keep: More columns that are held, as text.
        listener: Told as things happen.

    Raises:
        DataError: The file cannot be used, or has one class only.
    """
    aside = folder / "quarantine.parquet"
    loaded = load_table(
        data,
        roles,
        on_bad_rows="quarantine",
        quarantine=aside,
        keep=keep,
        for_training=False,
    )
    table = with_positions(loaded)
    notes = []
    if table.rows_quarantined:
        notes.append(
            f"{table.rows_quarantined:,} of {table.rows_read:,} rows cannot be used and stand in {aside}, "
            "each with its reason"
        )
        listener.note(notes[0])
    else:
        aside.unlink(missing_ok=True)
    return table_subject(table, data, Path(data), notes, listener)


def sample_subject(large: Large, data: str, listener: Listener) -> Subject:
    """A sample of a table that is too large to be held, as what is checked: one split called `all`.

    Raises:
        DataError: It has one class only.
    """
    listener.note(large.whole.note)
    notes = [large.whole.note, *_aside_notes(large.table)]
    table = with_positions(large.table)
    return table_subject(table, data, Path(data), notes, listener, whole=large.whole)


def _aside_notes(table: Table) -> list[str]:
    if not table.rows_quarantined:
        return []
    told = f"{table.rows_quarantined:,} of {table.rows_read:,} rows cannot be used and are left out"
    return [f"{told}; the first of them stand in quarantine.parquet, each with its reason"]


def table_subject(
    table: Table,
    source: str,
    path: Path,
    notes: Sequence[str],
    listener: Listener,
    *,
    whole: Whole | None = None,
) -> Subject:
    """One table as what is checked, all of it one split called `all`.

    Raises:
        DataError: It has one class only.
    """
    label = table.roles.label
    if table.frame[label].n_unique() < 2:
        raise DataError(
            f"column '{label}' of {source} holds one class only; at least 2 are needed - "
            "is that the label? name it with --label"
        )
    listener.stage("checking the rows")
    frames = {WHOLE: table.frame}
    # Leaks go from one split to another.
    names = [name for name in BUILTIN if name != "leakage"]
    checks = run_checks(frames, table.roles, names=names)
    for result in checks if whole is None else whole_results(whole, checks, confidence=_CONFIDENCE):
        listener.checked(result)
    return Subject(
        source=source,
        path=path,
        table=table,
        frames=frames,
        digests={WHOLE: table.ref.digest},
        checks=checks,
        notes=tuple(notes),
        in_main_file=(WHOLE,),
        whole=whole,
    )


def read_answers(path: Path | None, subject: Subject) -> AuditAnswers | None:
    """An answered sheet of an audit of the tested split; None where there is none."""
    if path is None:
        return None
    return read_audit_answers(path, frame=subject.frames[subject.tested], roles=subject.roles)


def project_answers(config: Config, subject: Subject, path: Path | None = None) -> AuditAnswers | None:
    """The answers of the project's audit, or of the sheet at `path`; None where there was no audit."""
    if path is None and config.data.audit is not None:
        path = config.resolve(config.data.audit)
    return read_answers(path, subject)


def make_report(
    subject: Subject, assessment: Assessment, *, model: str, confidence: float = _CONFIDENCE
) -> QualityReport:
    """The record that page, JSON and datasheet are made of.

    Args:
        subject: What was checked.
        assessment: What was found.
        model: What judged the rows.
        confidence: Of intervals over all rows of a table of which a sample was judged.
    """
    label, checks = subject.roles.label, assessment.checks
    if subject.whole is not None:
        checks = whole_results(subject.whole, checks, confidence=confidence)
    return QualityReport(
        source=subject.source,
        splits=tuple(
            SplitSize(split, frame.height, frame[label].n_unique(), subject.digests[split])
            for split, frame in subject.frames.items()
        ),
        model=model,
        index=assessment.index.as_measurement(),
        factors=assessment.index.factors,
        checks=checks,
        rows=gather_rows(assessment.checks, subject.frames, subject.roles, lines=subject.lines),
        notes=subject.notes,
    )

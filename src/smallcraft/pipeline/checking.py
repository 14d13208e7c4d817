"""The job of `smallcraft check`: from a project or a bare file to a page and its findings.

1. read the rows, and run the checks that read rows alone
2. judge every row by a model that did not see it, or take the user's own probabilities
3. set labels, votes and audits beside each other (`stages.assess`)
4. write the page and the findings; where asked for, the sheet of an audit and a repaired version

Leaves to others: votes without rows (`checking_votes`).
Always: no file of the user is changed; what is written appears whole; the same rows and seed give the same
findings.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from smallcraft.data.columns import written_labels
from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.data.table import make_table
from smallcraft.engine.engines import shared_engine
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.check_output import Checked, CheckOptions, write_check
from smallcraft.pipeline.config import Config, name_from_path
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.partitions.large import inspect_table, large_pieces, read_large
from smallcraft.pipeline.partitions.longvotes import VotesFile, open_votes
from smallcraft.pipeline.partitions.scan import Subject as ScanSubject
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.stages.assess import assess
from smallcraft.pipeline.stages.longvotes import LongVotes, votes_for_rows
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data, with_positions
from smallcraft.pipeline.stages.quality import (
    Judged,
    gather_material,
    judge_project,
    judge_table,
    own_judgement,
    votes_of_rows,
)
from smallcraft.pipeline.subject import (
    Subject,
    bare_subject,
    make_report,
    project_answers,
    project_subject,
    read_answers,
    sample_subject,
    table_subject,
)
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Measurement, Roles

_CONFIDENCE = 0.95


def check_project(
    config: Config,
    *,
    options: CheckOptions | None = None,
    listener: Listener | None = None,
    now: datetime | None = None,
) -> Checked:
    """Check the data of a project.

    Args:
        config: The project.
        options: What is asked for beside the checks.
        listener: Told as things happen.
        now: Printed on the page.

    Raises:
        DataError: The data, or a file beside them, cannot be used.
        InvalidInputError: What is asked for cannot be done.
    """
    options, listener = options or CheckOptions(), listener or SilentListener()
    prepared = prepare_data(config, listener, votes=options.votes)
    subject = project_subject(config, prepared)
    _refuse_for_task(options, subject)
    answers = project_answers(config, subject, options.answers)
    listener.stage("judging every row by a model that did not see it")
    if options.probs is None:
        judged = judge_project(config, prepared, progress=listener.progress)
    else:
        judged = _own(options.probs, subject)
    return _finish(
        subject,
        judged,
        long=prepared.long_votes,
        answers=answers,
        folder=options.output or Workspace(config.folder).check,
        options=options,
        confidence=config.quality.confidence,
        seed=config.seed,
        listener=listener,
        now=now,
    )


def _refuse_for_task(options: CheckOptions, subject: Subject) -> None:
    """What asks about the one class of a row makes no sense for several labels or a number."""
    asked = {
        "--probs": options.probs,
        "--audit": options.audit,
        "--answers": options.answers,
        "--votes": options.votes,
    }
    named = [name for name, value in asked.items() if value]
    if named and subject.roles.task != "multiclass":
        raise InvalidInputError(
            f"{', '.join(named)} asks about one class a row, but the task is {subject.roles.task}; "
            "leave it out: the checks of rows, copies and leakage are made all the same"
        )


def assess_project(
    config: Config,
    prepared: Prepared,
    judged: Judged,
    *,
    model_accuracy: Measurement | None,
    listener: Listener,
) -> QualityReport:
    """The quality of a project's data, for its build.

    Args:
        config: The project.
        prepared: Its splits and row checks.
        judged: Its rows, judged out of sample.
        model_accuracy: Of the release, on cert; set against the noise ceiling.
        listener: Told of each check.
    """
    subject = project_subject(config, prepared)
    material = gather_material(
        subject.frames,
        subject.roles,
        subject.checks,
        judged,
        votes=votes_of_rows(subject.frames, subject.roles, prepared.long_votes),
        answers=project_answers(config, subject),
        model_accuracy=model_accuracy,
        confidence=config.quality.confidence,
        seed=config.seed,
    )
    return make_report(subject, assess(material, tell=listener.checked), model=judged.about)


def check_file(
    data: str | Path,
    *,
    label: str | None = None,
    text: str | None = None,
    backbone: str = "auto",
    options: CheckOptions | None = None,
    seed: int = 0,
    listener: Listener | None = None,
    now: datetime | None = None,
) -> Checked:
    """Check a bare table: its roles are guessed, all rows are one split.

    Args:
        data: A file, a folder, a glob, or an address of an object store.
        label: The label column, when the guess would be wrong.
        text: The text column, likewise.
        backbone: As in `[ladder] backbone`; `none` to do without.
        options: What is asked for beside the checks.
        seed: Of everything random.
        listener: Told as things happen.
        now: Printed on the page.

    Raises:
        DataError: The data, or a file beside them, cannot be used.
        InvalidInputError: What is asked for cannot be done.
    """
    options, listener = options or CheckOptions(), listener or SilentListener()
    folder = options.output or Path(f"{name_from_path(str(data))}-check")
    votes = None if options.votes is None else open_votes(options.votes)
    keep = () if votes is None else (votes.columns.item,)
    listener.stage(f"reading {data}")
    pieces = large_pieces(data, most=options.most_rows)
    if pieces:
        _refuse_for_size(options)
    roles = inspect_table(data, pieces, label=label, text=text).roles
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder / ".cache"
    try:
        if pieces:
            scanned = ScanSubject(str(data), pieces, roles, seed, keep, votes)
            subject = _large_subject(scanned, folder, options, listener)
        else:
            subject = bare_subject(str(data), roles, folder, keep, listener)
        long = None if votes is None else _votes_of(subject, votes, options, listener)
        _refuse_for_task(options, subject)
        answers = read_answers(options.answers, subject)
        listener.stage("judging every row by a model that did not see it")
        judged = _judge_file(subject, options.probs, cache, backbone=backbone, seed=seed, listener=listener)
        done = _finish(
            subject,
            judged,
            long=long,
            answers=answers,
            folder=folder,
            options=options,
            confidence=_CONFIDENCE,
            seed=seed,
            listener=listener,
            now=now,
        )
    except (DataError, InvalidInputError):
        if is_new:
            shutil.rmtree(folder)
        raise
    # A killed run goes on from here; a finished one needs it no more.
    shutil.rmtree(cache, ignore_errors=True)
    return done


def _votes_of(subject: Subject, votes: VotesFile, options: CheckOptions, listener: Listener) -> LongVotes:
    """The votes on the rows that are held."""
    return votes_for_rows(
        votes,
        [subject.table.frame[votes.columns.item]],
        shared_engine(options.engine),
        most=options.most_rows,
        is_sample=subject.whole is not None,
        progress=listener.progress,
    )


def _judge_file(
    subject: Subject, probs: Path | None, cache: Path, *, backbone: str, seed: int, listener: Listener
) -> Judged:
    """Rows of a bare table, judged by a model that did not see them, or by the user's probabilities."""
    if probs is not None:
        return _own(probs, subject)
    return judge_table(
        subject.table,
        subject.checks,
        cache=cache,
        backbone=backbone,
        seed=seed,
        progress=listener.progress,
    )


def _large_subject(scanned: ScanSubject, folder: Path, options: CheckOptions, listener: Listener) -> Subject:
    """A table that is too large to be held, counted, and the sample of it that is checked."""
    large = read_large(
        scanned,
        shared_engine(options.engine),
        most=options.most_rows,
        progress=listener.progress,
        quarantine=folder / "quarantine.parquet",
    )
    return sample_subject(large, scanned.name, listener)


def _refuse_for_size(options: CheckOptions) -> None:
    """What has to read or write the whole table row by row is not done to one that is not held."""
    named = [name for name, value in {"--fix": options.fix, "--probs": options.probs}.items() if value]
    if named:
        raise InvalidInputError(
            f"{' and '.join(named)} want the whole table in memory, and it has more rows than are held; "
            "write --most-rows with a larger number, or check a part of it"
        )


def check_frame(
    frame: pl.DataFrame, roles: Roles, *, seed: int = 0, listener: Listener | None = None
) -> QualityReport:
    """Check rows in memory; nothing is written.

    Args:
        frame: The rows.
        roles: Which column plays which part.
        seed: Of everything random.
        listener: Told as things happen.

    Raises:
        DataError: A column is missing, or there is one class only.
    """
    listener = listener or SilentListener()
    if roles.task != "multiclass":
        frame = frame.with_columns(written_labels(frame[roles.label], roles))
    table = with_positions(make_table(frame, roles, source="the frame"))
    subject = table_subject(table, "the frame", Path(), (), listener)
    with tempfile.TemporaryDirectory() as cache:
        judged = judge_table(table, subject.checks, cache=Path(cache), seed=seed, progress=listener.progress)
    material = gather_material(
        subject.frames,
        roles,
        subject.checks,
        judged,
        votes=votes_of_rows(subject.frames, roles, None),
        confidence=_CONFIDENCE,
        seed=seed,
    )
    return make_report(subject, assess(material, tell=listener.checked), model=judged.about)


def _own(path: Path, subject: Subject) -> Judged:
    frames = {split: subject.frames[split] for split in subject.in_main_file}
    return own_judgement(path, subject.table, frames)


def _finish(
    subject: Subject,
    judged: Judged,
    *,
    long: LongVotes | None,
    answers: AuditAnswers | None,
    folder: Path,
    options: CheckOptions,
    confidence: float,
    seed: int,
    listener: Listener,
    now: datetime | None,
) -> Checked:
    """Assess, and write everything down."""
    listener.stage("setting labels, votes and audits beside each other")
    material = gather_material(
        subject.frames,
        subject.roles,
        subject.checks,
        judged,
        votes=votes_of_rows(subject.frames, subject.roles, long),
        answers=answers,
        confidence=confidence,
        seed=seed,
    )
    return write_check(
        subject,
        judged,
        assess(material, tell=listener.checked),
        folder=folder,
        options=options,
        seed=seed,
        now=now or datetime.now(UTC),
    )

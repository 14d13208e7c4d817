"""The job of `smallcraft check`: from a project, a bare file or a file of votes to a page and its findings.

1. read the rows, and run the checks that read rows alone
2. judge every row by a model that did not see it, or take the user's own probabilities
3. set labels, votes and audits beside each other (`stages.assess`)
4. write the page and the findings; where asked for, the sheet of an audit and a repaired version

Always: no file of the user is changed; what is written appears whole; the same rows and seed give the same
findings.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from smallcraft.canonical import digest_file
from smallcraft.data.columns import written_labels
from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.data.quality.consensus import find_consensus, inspect_consensus
from smallcraft.data.quality.disagreement import inspect_disagreement
from smallcraft.data.table import make_table
from smallcraft.engine.engines import shared_engine
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.check_output import Checked, CheckOptions, write_check, write_votes_check
from smallcraft.pipeline.config import Config, name_from_path
from smallcraft.pipeline.events import Listener, SilentListener
from smallcraft.pipeline.partitions.large import inspect_table, large_pieces, read_large
from smallcraft.pipeline.partitions.scan import Subject as ScanSubject
from smallcraft.pipeline.quality_report import INDEX, QualityReport, SplitSize
from smallcraft.pipeline.stages.assess import assess
from smallcraft.pipeline.stages.longvotes import LongVotes, read_long_votes
from smallcraft.pipeline.stages.material import WHOLE
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
from smallcraft.pipeline.worst_rows import gather_rows
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
    long = None if options.votes is None else read_long_votes(options.votes)
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
            keep = () if long is None else (long.item,)
            subject = _large_subject(
                ScanSubject(str(data), pieces, roles, seed, keep), folder, options, listener
            )
        else:
            subject = bare_subject(str(data), roles, folder, long, listener)
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


def check_votes(
    votes: Path,
    *,
    options: CheckOptions | None = None,
    seed: int = 0,
    listener: Listener | None = None,
    now: datetime | None = None,
) -> Checked:
    """Check a file of votes on its own: who disagrees, what the votes say together, who errs.

    Args:
        votes: A line a vote: item, annotator, label.
        options: Only the folder is used; everything else needs the rows.
        seed: Of everything random.
        listener: Told as things happen.
        now: Printed on the page.

    Raises:
        DataError: The file cannot be used.
        InvalidInputError: What is asked for needs the rows.
    """
    options, listener = options or CheckOptions(), listener or SilentListener()
    if options.probs or options.audit or options.answers or options.fix:
        raise InvalidInputError(
            "probabilities, audits and repairs are about rows, and a file of votes has none; "
            f"write `smallcraft check FILE --votes {votes}`"
        )
    listener.stage(f"reading {votes}")
    long = read_long_votes(votes)
    assert long.votes.items is not None
    consensus = find_consensus(long.votes, seed=seed)
    checks = (
        inspect_disagreement(long.votes, split=WHOLE, confidence=_CONFIDENCE, seed=seed),
        inspect_consensus(consensus, long.votes, given=None, split=WHOLE),
    )
    for result in checks:
        listener.checked(result)
    no_rows = Measurement(INDEX, None, "fraction", 0, "", split=WHOLE, detail="votes alone hold no rows")
    report = QualityReport(
        source=str(votes),
        splits=(SplitSize(WHOLE, long.votes.n_items, len(long.votes.classes), digest_file(votes)),),
        model="none: votes alone hold no rows for a model to read",
        index=no_rows,
        factors={},
        checks=checks,
        rows=gather_rows(checks, {}, Roles(label="")),
        notes=long.votes.notes,
    )
    folder = options.output or Path(f"{name_from_path(str(votes))}-check")
    return write_votes_check(report, consensus, long.votes.items, folder=folder, now=now or datetime.now(UTC))


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

"""What `smallcraft check` writes: the page, the findings, the sheet of an audit, a repaired version.

Always: no file of the user is changed; what is written appears whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.load import read_source
from smallcraft.data.quality.audit import plan_audit, write_audit_sheet
from smallcraft.data.quality.consensus import Consensus
from smallcraft.data.repair import Action, VersionRecord, plan_repairs, write_version
from smallcraft.engine.naming import LOCAL
from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.check_page import render_check_page
from smallcraft.pipeline.findings_file import findings_frame, write_findings
from smallcraft.pipeline.partitions.size import MOST_ROWS
from smallcraft.pipeline.quality_report import QualityReport
from smallcraft.pipeline.stages.assess import Assessment
from smallcraft.pipeline.stages.quality import Judged
from smallcraft.pipeline.subject import Subject, make_report
from smallcraft.pipeline.workspace import write_whole

PAGE, FINDINGS, SHEET, SUMMARY = "check.html", "findings.parquet", "audit.csv", "check.json"
CONSENSUS = "consensus.parquet"


@dataclass(frozen=True)
class CheckOptions:
    """What the user asked for beside the checks.

    Attributes:
        probs: The user's own probabilities.
        votes: A long file of votes, or a folder, a glob or an address of an object store with such files.
        audit: Rows of an audit to draw.
        answers: The sheet of an audit, answered.
        fix: Kinds of repair to make.
        output: Folder for what is written.
        most_rows: A bare table, or a file of votes, with more rows is counted whole, piece by piece, and this
            many of its rows are held for what needs them side by side.
        engine: Where pieces of one are read; see `engine.naming`.
    """

    probs: Path | None = None
    votes: str | Path | None = None
    audit: int | None = None
    answers: Path | None = None
    fix: tuple[Action, ...] = ()
    output: Path | None = None
    most_rows: int = MOST_ROWS
    engine: str = LOCAL


@dataclass(frozen=True)
class Checked:
    """What was found and what was written.

    Attributes:
        report: All findings.
        page: `check.html`.
        findings: `findings.parquet`.
        sheet: The audit to answer, where one was asked for.
        version: The repaired file, where one was asked for.
        record: What the repairs were.
        lines: For each split `(rows,)` where its rows stand in their file.
    """

    report: QualityReport
    page: Path
    findings: Path
    lines: Mapping[str, NDArray[np.int64]] = field(repr=False)
    sheet: Path | None = None
    version: Path | None = None
    record: VersionRecord | None = None

    def as_json(self) -> Mapping[str, Any]:
        """The stable form: the report, and where everything is."""
        return {
            **self.report.as_json(),
            "page": str(self.page),
            "findings": str(self.findings),
            "audit_sheet": None if self.sheet is None else str(self.sheet),
            "version": None if self.version is None else str(self.version),
            "repairs": None if self.record is None else dict(self.record.counts),
        }


def write_check(
    subject: Subject,
    judged: Judged,
    assessment: Assessment,
    *,
    folder: Path,
    options: CheckOptions,
    seed: int,
    now: datetime,
) -> Checked:
    """Write everything that was found and asked for.

    Args:
        subject: What was checked.
        judged: Its rows, judged out of sample; an audit is drawn by them.
        assessment: What was found.
        folder: Where to; made when it is not there.
        options: What is asked for.
        seed: Draws the audit.
        now: Printed on the page and in the record of repairs.

    Raises:
        InvalidInputError: An audit without a model, or a repair that there is not.
        DataError: A sheet is there already, or no row would be left.
    """
    report = make_report(subject, assessment, model=judged.about)
    folder.mkdir(parents=True, exist_ok=True)
    sheet = _draw_audit(subject, judged, folder, options, seed=seed)
    version, record = _repair(subject, assessment, folder, options, now=now)
    labels = {split: frame[subject.roles.label] for split, frame in subject.frames.items()}
    write_findings(folder / FINDINGS, findings_frame(assessment.checks, lines=subject.lines, labels=labels))
    if assessment.consensus:
        write_findings(folder / CONSENSUS, _consensus_frame(assessment.consensus, subject.lines))
    done = Checked(report, folder / PAGE, folder / FINDINGS, subject.lines, sheet, version, record)
    _write_pages(done, folder, now=now)
    return done


def write_votes_check(
    report: QualityReport, consensus: Consensus, items: pl.Series, *, folder: Path, now: datetime
) -> Checked:
    """Write what a file of votes alone says: the page, and each item's label.

    Args:
        report: What was found.
        consensus: Of the items, in their order.
        items: `(n,)` their names.
        folder: Where to; made when it is not there.
        now: Printed on the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_findings(folder / FINDINGS, findings_frame(report.checks))
    labelled = _consensus_frame({"all": consensus}, {}).with_columns(item=items.cast(pl.String))
    write_findings(folder / CONSENSUS, labelled)
    done = Checked(report, folder / PAGE, folder / FINDINGS, {})
    _write_pages(done, folder, now=now)
    return done


def _write_pages(done: Checked, folder: Path, *, now: datetime) -> None:
    write_whole(done.page, render_check_page(done.report, now=now).encode("utf-8"))
    write_whole(folder / SUMMARY, json.dumps(done.as_json(), indent=2).encode("utf-8"))


def _consensus_frame(
    consensus: Mapping[str, Consensus], lines: Mapping[str, NDArray[np.int64]]
) -> pl.DataFrame:
    """What people say together of each row: split, row, line, label, confidence."""
    parts = []
    for split, found in consensus.items():
        names = pl.Series([*found.classes, None], dtype=pl.String)
        rows = pl.int_range(len(found.label), eager=True)
        parts.append(
            pl.DataFrame(
                {
                    "split": pl.repeat(split, len(found.label), eager=True),
                    "row": rows,
                    "line": pl.Series(lines[split]) if split in lines else rows,
                    # -1 is no label: the name after the last one.
                    "label": names.gather(np.where(found.label < 0, len(found.classes), found.label)),
                    "confidence": pl.Series(found.confidence).fill_nan(None),
                }
            )
        )
    return pl.concat(parts)


def _draw_audit(
    subject: Subject, judged: Judged, folder: Path, options: CheckOptions, *, seed: int
) -> Path | None:
    if options.audit is None:
        return None
    split = subject.tested
    if split not in judged.predictions:
        raise InvalidInputError(
            f"an audit of {split} is drawn by what a model says of its rows, and there is none: "
            f"{judged.about}; bring probabilities with --probs"
        )
    frame = subject.frames[split]
    plan = plan_audit(judged.predictions[split], n=options.audit, seed=seed, split=split)
    sheet = folder / SHEET
    write_audit_sheet(sheet, plan, frame, subject.roles)
    return sheet


def _repair(
    subject: Subject, assessment: Assessment, folder: Path, options: CheckOptions, *, now: datetime
) -> tuple[Path | None, VersionRecord | None]:
    if not options.fix:
        return None, None
    flagged = [rows for check in assessment.checks for rows in check.flagged]
    row_of = {split: subject.lines[split] for split in subject.in_main_file}
    raw = read_source(subject.path, None).frame
    repairs = plan_repairs(raw, subject.roles, flagged, actions=options.fix, row_of=row_of)
    target = folder / f"fixed{_suffixes(subject.path)}"
    return target, write_version(subject.path, target, repairs, roles=subject.roles, now=now)


def _suffixes(path: Path) -> str:
    """`.csv`, or `.csv.gz`."""
    return "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix

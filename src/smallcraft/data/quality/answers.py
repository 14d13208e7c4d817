"""Answers of a label audit, read back from its sheet and held against the rows that they are about.

How an audit is drawn and judged belongs to `data.quality.audit`.
Always: an answer counts for the very row that was shown: a row that changed since is refused, not guessed.
A blank answer is a row that nobody looked at; `unsure` is one that somebody did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.badrows import shown
from smallcraft.data.quality.sheet import (
    NONE_OF_THESE,
    UNSURE,
    StoredPlan,
    read_plan,
    read_sheet,
    special_answers,
    stratum_table,
    unescaped,
)
from smallcraft.data.table import row_digests, text_form
from smallcraft.errors import DataError, nearest_name
from smallcraft.records import Roles


@dataclass(frozen=True)
class AuditAnswers:
    """The answered rows of an audit, in the order of the sheet.

    Attributes:
        split: Whose rows.
        audit: Names the audit.
        items: `(m,)` int64 place of each answered row in the audit.
        rows: `(m,)` int64 positions in the split.
        stratum: `(m,)` int64.
        given: `(m,)` the labels that the rows have.
        adjudicated: `(m,)` the labels that they should have; None where none fits or none can be told.
        is_unsure: `(m,)` bool, true where the auditor could not tell.
        classes: The `k` class names.
        sizes: `(7,)` int64 rows of each stratum, audited or not.
        class_sizes: `(k, 7)` int64 rows of each class in each stratum.
        asked: Rows on the sheet.
        is_relabelled: True when the labels are those of another version of the data than was drawn from.
    """

    split: str
    audit: str
    items: NDArray[np.int64]
    rows: NDArray[np.int64]
    stratum: NDArray[np.int64]
    given: tuple[str, ...]
    adjudicated: tuple[str | None, ...]
    is_unsure: NDArray[np.bool_]
    classes: tuple[str, ...]
    sizes: NDArray[np.int64]
    class_sizes: NDArray[np.int64]
    asked: int
    is_relabelled: bool = False

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """`(m,)` bool: the given label is the adjudicated one."""
        return np.array([a == b for a, b in zip(self.given, self.adjudicated, strict=True)], dtype=np.bool_)

    @property
    def unanswered(self) -> int:
        """Rows of the sheet that nobody answered."""
        return self.asked - len(self.rows)


def read_audit_answers(
    path: Path, *, frame: pl.DataFrame, roles: Roles, is_relabelled: bool = False
) -> AuditAnswers:
    """Read a filled-in sheet.

    Args:
        path: The sheet; its plan stands beside it.
        frame: The rows that the audit was drawn from.
        roles: Which column plays which part.
        is_relabelled: True reads the answers against another version of the rows, for `compare_versions`:
            rows are found by their inputs wherever they stand now, and labels may have changed.

    Raises:
        DataError: The sheet is of another audit or other rows, a row changed, or an answer is no label.
    """
    lines = read_sheet(path)
    if not lines:
        raise DataError(f"{path} has no rows; write the sheet anew with smallcraft check --audit")
    plan = read_plan(path, lines[0][0].partition("-")[0])
    answers = _answers(path, lines, plan)
    found = _found_rows(path, plan, frame, roles) if is_relabelled else _same_rows(path, plan, frame, roles)
    labels = text_form(frame[roles.label])
    kept = [at for at in answers if at in found]
    rows = np.array([found[at] for at in kept], dtype=np.int64)
    sizes, class_sizes = stratum_table(plan)
    return AuditAnswers(
        split=plan.split,
        audit=plan.token,
        items=np.array(kept, dtype=np.int64),
        rows=rows,
        stratum=np.array([plan.items[at].stratum for at in kept], dtype=np.int64),
        given=tuple(labels.gather(rows).to_list()),
        adjudicated=tuple(_label(answers[at], plan.classes) for at in kept),
        is_unsure=np.array([_is_special(answers[at], UNSURE, plan.classes) for at in kept], dtype=np.bool_),
        classes=plan.classes,
        sizes=sizes,
        class_sizes=class_sizes,
        asked=len(plan.items),
        is_relabelled=is_relabelled,
    )


def _answers(path: Path, lines: Sequence[tuple[str, str]], plan: StoredPlan) -> dict[int, str]:
    """The answer of each answered item, each a class or a special word, in the order of the sheet."""
    audit = plan.token
    places = {audit_id: at for at, audit_id in enumerate(plan.audit_ids)}
    known = {name.casefold(): name for name in special_answers(plan.classes)}
    known |= {name.casefold(): name for name in plan.classes}
    answers: dict[int, str] = {}
    unknown: list[str] = []
    for audit_id, cell in lines:
        if audit_id not in places:
            raise DataError(
                f"{path}: audit id {shown(audit_id)} is not of audit {audit}; "
                "keep sheets apart and the ids as they were written"
            )
        if not cell:
            continue
        answer = _understood(cell, plan.classes, known)
        if answer is None:
            unknown.append(f"{audit_id} answers {shown(cell)}, which is no label of this data")
            continue
        at = places[audit_id]
        if answers.setdefault(at, answer) != answer:
            raise DataError(f"{path}: {audit_id} stands there twice with two answers; keep one")
    if unknown:
        cell = unknown[0].partition(" answers ")[2].partition(",")[0].strip("'\"")
        more = f" ({len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise DataError(
            f"{path}: {unknown[0]}{more}; write one of the labels, '{UNSURE}' or '{NONE_OF_THESE}'"
            + nearest_name(cell, [*plan.classes, *special_answers(plan.classes)])
        )
    return {at: answers[at] for at in sorted(answers)}


def _understood(cell: str, classes: Sequence[str], known: Mapping[str, str]) -> str | None:
    """The class or special word that a cell means: as written, without our mark, then in any case."""
    for form in (cell, unescaped(cell)):
        if form in classes:
            return form
    # Spreadsheets write `true` as TRUE; two classes that differ in case alone must be written exactly.
    folded = unescaped(cell).casefold()
    if sum(name.casefold() == folded for name in classes) > 1:
        return None
    return known.get(folded)


def _is_special(answer: str, word: str, classes: Sequence[str]) -> bool:
    return answer == word and word in special_answers(classes)


def _label(answer: str, classes: Sequence[str]) -> str | None:
    return None if any(_is_special(answer, word, classes) for word in (UNSURE, NONE_OF_THESE)) else answer


def _same_rows(path: Path, plan: StoredPlan, frame: pl.DataFrame, roles: Roles) -> dict[int, int]:
    """Every item at the very row it was drawn from."""
    if frame.height != plan.rows:
        raise DataError(
            f"{path} was drawn from {plan.rows:,} rows of {plan.split}, got {frame.height:,}; "
            "give the file that it was drawn from, or draw a new audit"
        )
    rows = frame[[item.row for item in plan.items]]
    inputs = row_digests(rows, roles.inputs)
    whole = row_digests(rows, (*roles.inputs, roles.label))
    changed = [at for at, item in enumerate(plan.items) if inputs[at].hex() != item.inputs]
    if changed:
        are_others = len(changed) == len(plan.items)
        first = plan.items[changed[0]].row
        what = "its rows are others" if are_others else f"row {first} holds something else"
        raise DataError(
            f"{path}: {what} than when the sheet was written ({len(changed)} of {len(plan.items)} differ); "
            "give the file that it was drawn from, or draw a new audit"
        )
    moved = [item.row for at, item in enumerate(plan.items) if whole[at].hex() != item.whole]
    if moved:
        raise DataError(
            f"{path}: the label of row {moved[0]} changed since the sheet was written ({len(moved)} did); an "
            "audit does not speak for labels that were changed after it: draw a new one"
        )
    return {at: item.row for at, item in enumerate(plan.items)}


def _found_rows(path: Path, plan: StoredPlan, frame: pl.DataFrame, roles: Roles) -> dict[int, int]:
    """Items by their inputs, wherever they stand; of several copies the one nearest the old place."""
    places: dict[str, list[int]] = {}
    for row, digest in enumerate(row_digests(frame, roles.inputs)):
        places.setdefault(digest.hex(), []).append(row)
    found = {
        at: _nearest(places[item.inputs], item.row)
        for at, item in enumerate(plan.items)
        if item.inputs in places
    }
    if not found:
        raise DataError(
            f"{path}: none of its {len(plan.items)} rows is in this data; give a version of the same"
        )
    return found


def _nearest(rows: Sequence[int], place: int) -> int:
    return min(rows, key=lambda row: (abs(row - place), row))

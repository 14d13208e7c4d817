"""The files of a label audit: a sheet for a person to fill in, and the design that its answers are read by.

Beside `audit.csv` stand `audit.csv.plan.json` (which rows, drawn how, digests of what they held) and
`audit.csv.guide.txt` (how to answer, and the labels there are). What the answers mean is said by
`data.quality.answers`.
Always: an audit id names its plan, so that a sheet cannot be read by another one's; no cell can start a
formula in a spreadsheet, and every cell reads back as it was; answers are never overwritten.
Not covered: the plan holds the size of each stratum, hence a hint of how well the model does on the split;
whoever chooses models should not read it. Cells are cut at the length that spreadsheets hold.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import DataError, nearest_name
from smallcraft.stats.stratified import STRATA

FORMAT = 1
AUDIT_ID, ROW, GIVEN, ALLOWED, ANSWER = "audit_id", "row", "given_label", "allowed_labels", "adjudicated"
OWN_COLUMNS = (AUDIT_ID, ROW, GIVEN, ALLOWED, ANSWER)
UNSURE, NONE_OF_THESE = "unsure", "none of these"
# What spreadsheets take for the start of a formula (the last four: full-width forms), and our own mark; after
# a separator too, since a spreadsheet of another country may cut the line there.
_STARTS, _SEPARATORS = r"[=+\-@\t\r\n'＝＋－＠]", r"[,;|\t\r\n]"
_NEEDS_MARK = re.compile(rf"(?:^|(?<={_SEPARATORS}))(?={_STARTS})")
_HAS_MARK = re.compile(rf"(?:^|(?<={_SEPARATORS}))'(?={_STARTS})")
_LONGEST_CELL = 30_000
_MOST_LABELS_IN_A_CELL = 20
_TOKEN_DIGITS = 8


@dataclass(frozen=True)
class Item:
    """One audited row: its position, stratum, and digests of its inputs and of inputs and label together."""

    row: int
    stratum: int
    inputs: str
    whole: str


@dataclass(frozen=True)
class StoredPlan:
    """How an audit was drawn, as written to disk; items in the order of the sheet.

    Attributes:
        rows: Rows of the split.
        classes: What the given labels may be.
        sizes: Rows of each stratum.
        class_sizes: Rows of each class in each stratum.
    """

    split: str
    seed: int
    rows: int
    classes: tuple[str, ...]
    sizes: tuple[int, ...]
    class_sizes: tuple[tuple[int, ...], ...]
    items: tuple[Item, ...]
    format: int = FORMAT

    @property
    def token(self) -> str:
        """Names the plan in every audit id."""
        return digest_bytes(canonical_json(self)).removeprefix("sha256:")[:_TOKEN_DIGITS]

    @property
    def audit_ids(self) -> tuple[str, ...]:
        """The id of each item, in the order of the sheet."""
        token = self.token
        return tuple(f"{token}-{place:04d}" for place in range(1, len(self.items) + 1))


def escaped(cell: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe in front of what could start a formula.

    >>> escaped("=1+1"), escaped("plain"), escaped("'quoted'"), escaped("a;=b")
    ("'=1+1", 'plain', "''quoted'", "a;'=b")
    """
    return _NEEDS_MARK.sub("'", cell)


def unescaped(cell: str) -> str:
    """The cell as it was before `escaped`.

    >>> unescaped(escaped("-1")), unescaped("it's")
    ('-1', "it's")
    """
    return _HAS_MARK.sub("", cell)


def write_sheet(path: Path, plan: StoredPlan, rows: Sequence[Mapping[str, str]]) -> None:
    """Write sheet, plan and guide; all or nothing for each file, the sheet last.

    Args:
        path: Of the sheet.
        plan: How it was drawn.
        rows: One mapping an item, from column to text; the same columns in each.

    Raises:
        DataError: A sheet with other content is there, or the folder cannot be written.
    """
    sheet = _csv_bytes(rows)
    if path.exists() and path.read_bytes() != sheet:
        raise DataError(f"{path} is there already and may hold answers; move it away or choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for target, data in (
            (plan_path(path), canonical_json(plan) + b"\n"),
            (_guide_path(path), _guide(path, plan.classes).encode()),
            (path, sheet),
        ):
            half_written = target.with_name(target.name + ".part")
            half_written.write_bytes(data)
            half_written.replace(target)
    except OSError as error:
        raise DataError(
            f"the audit sheet {path} cannot be written: {error.strerror}; make its folder writable"
        ) from error


def plan_path(sheet: Path) -> Path:
    """Where the plan of a sheet stands."""
    return sheet.with_name(sheet.name + ".plan.json")


def allowed_text(path: Path, classes: Sequence[str]) -> str:
    """What may be answered, short enough for a cell."""
    if len(classes) > _MOST_LABELS_IN_A_CELL:
        return f"one of the {len(classes)} labels in {_guide_path(path).name}"
    return " | ".join(classes)


def special_answers(classes: Sequence[str]) -> tuple[str, ...]:
    """The answers that are no label; a label of that name goes first."""
    taken = {name.casefold() for name in classes}
    return tuple(word for word in (UNSURE, NONE_OF_THESE) if word not in taken)


def read_sheet(path: Path) -> list[tuple[str, str]]:
    """Audit id and answer of every line of a sheet, spaces around them cut.

    Commas, semicolons and tabs are understood, as spreadsheets of different countries write them.

    Raises:
        DataError: The file cannot be read, or lacks a column.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"the audit sheet {path} cannot be read: {error.strerror}; `--audit 120` writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 (byte {error.start}); save it from the spreadsheet as 'CSV UTF-8'"
        ) from error
    header = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=header.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file ({error}); save the sheet as CSV again") from error
    names = [name.strip() for name in lines[0]] if lines else []
    for wanted in (AUDIT_ID, ANSWER):
        if wanted not in names:
            has = ", ".join(f"'{name}'" for name in names) or "nothing"
            raise DataError(
                f"column '{wanted}' is not in {path}; it has {has}{nearest_name(wanted, names)}; "
                "keep the columns of the sheet"
            )
    at, answer = names.index(AUDIT_ID), names.index(ANSWER)
    return [
        (line[at].strip(), line[answer].strip() if answer < len(line) else "")
        for line in lines[1:]
        if any(cell.strip() for cell in line) and at < len(line)
    ]


def read_plan(sheet: Path, token: str) -> StoredPlan:
    """The plan that a sheet was drawn by; looked for beside it, by name and then by what it holds.

    Raises:
        DataError: None there, or none of this sheet.
    """
    beside = plan_path(sheet)
    others = sorted(sheet.parent.glob("*.plan.json"))
    found = [_parsed(path) for path in dict.fromkeys([beside, *others]) if path.is_file()]
    for plan in found:
        if plan is not None and plan.token == token:
            return plan
    if not found:
        raise DataError(
            f"{beside.name} is not beside {sheet}; keep it with the sheet that it was written with"
        )
    raise DataError(
        f"{sheet} belongs to audit {token}, and no plan beside it does; "
        "put the plan that was written with the sheet back"
    )


def _parsed(path: Path) -> StoredPlan | None:
    """None for what is not a plan; one that was edited has another token and fits no sheet."""
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
        if body.get("format") != FORMAT:
            return None
        return StoredPlan(
            split=str(body["split"]),
            seed=int(body["seed"]),
            rows=int(body["rows"]),
            classes=tuple(body["classes"]),
            sizes=tuple(body["sizes"]),
            class_sizes=tuple(tuple(sizes) for sizes in body["class_sizes"]),
            items=tuple(Item(**item) for item in body["items"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _csv_bytes(rows: Sequence[Mapping[str, str]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([escaped(name) for name in rows[0]])
    writer.writerows([escaped(_cut(cell)) for cell in row.values()] for row in rows)
    # The byte order mark makes spreadsheets read UTF-8 as such.
    return b"\xef\xbb\xbf" + buffer.getvalue().encode()


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_CELL else f"{cell[:_LONGEST_CELL]} [... {len(cell):,} characters]"


def _guide_path(sheet: Path) -> Path:
    return sheet.with_name(sheet.name + ".guide.txt")


def _guide(path: Path, classes: Sequence[str]) -> str:
    special = special_answers(classes)
    also = f" Where you cannot tell write: {UNSURE}." if UNSURE in special else ""
    also += f" Where no label fits write: {NONE_OF_THESE}." if NONE_OF_THESE in special else ""
    return (
        f"How to fill in {path.name}\n\n"
        f"Read each row and write into the column '{ANSWER}' the label that it should have. Judge the row "
        f"first and look at the given label after.{also} Leave what you have not looked at blank.\n"
        "An apostrophe in front of a cell only keeps a spreadsheet from running it; leave it or drop it.\n\n"
        "The labels, one a line:\n" + "".join(f"{name}\n" for name in classes)
    )


def stratum_table(plan: StoredPlan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sizes `(7,)` and class sizes `(k, 7)` as arrays."""
    sizes = np.asarray(plan.sizes, dtype=np.int64)
    table = np.asarray(plan.class_sizes, dtype=np.int64).reshape(len(plan.classes), STRATA)
    return sizes, table

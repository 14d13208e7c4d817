"""What the last check found: each flagged row with its place, and its content where that may be shown.

Leaves to others: finding (`data.checks`), the whole report (`check/check.html`).
Always: no row of the sealed set has its content shown, nor one in which personal data was found; content is
read from the file that was checked, and only where that was not changed since.
Not covered: content of rows of a `dev` or `cert` file of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from smallcraft.dashboard.quoted import quote_values
from smallcraft.dashboard.sources import Sources, stamp_of
from smallcraft.data.load import read_source
from smallcraft.errors import IntegrityError, NotFoundError, SmallcraftError
from smallcraft.pipeline.report_parts.quoting import Quote
from smallcraft.pipeline.worst_rows import PERSONAL_DATA

_ORDER = {"FAIL": 0, "UNDECIDED": 1, "PASS": 2}
_SEALED = "cert"


@dataclass(frozen=True)
class FlaggedRow:
    """One row that a check flagged.

    Attributes:
        check: That did.
        kind: Of what.
        split: It stands in.
        line: Of its file, from 1 for the first row; None where not known.
        given: Its label; None where not known.
        suggested: What it might be; None where nothing is.
        score: Lower is worse; None without one.
        told: What was found, in a sentence; empty where only its place is.
        content: None where it is not shown.
        hidden: Why it is not; empty where it is, or where none is (`LastCheck.why`).
    """

    check: str
    kind: str
    split: str
    line: int | None
    given: str | None
    suggested: str | None
    score: float | None
    told: str
    content: Quote | None
    hidden: str


@dataclass(frozen=True)
class LastCheck:
    """What the last check wrote.

    Attributes:
        report: As `check --json` tells it.
        rows: Every flagged row: checks that fail first, then rows for which another label is suggested.
        content: The rows of the checked file; None where they are not to be had.
        why: Why not; empty where they are.
    """

    report: Mapping[str, Any]
    rows: pl.DataFrame
    content: pl.DataFrame | None
    why: str

    def kinds(self) -> tuple[tuple[str, str, int], ...]:
        """Check, kind and how many rows, in the order of the rows."""
        counted = self.rows.group_by("check", "kind", maintain_order=True).len()
        return tuple(counted.iter_rows())

    def of_kind(self, check: str, kind: str) -> pl.DataFrame:
        """Rows of one check and kind; empty words are any."""
        chosen = self.rows
        if check:
            chosen = chosen.filter(pl.col("check") == check)
        return chosen.filter(pl.col("kind") == kind) if kind else chosen

    def shown(self, rows: pl.DataFrame) -> tuple[FlaggedRow, ...]:
        """Rows as they stand on a page."""
        private = set(self.rows.filter(pl.col("check") == PERSONAL_DATA).select("split", "row").iter_rows())
        told = {
            (check["check"], one["split"], one["row"], one["kind"]): str(one["what"])
            for check in self.report["checks"]
            for one in check["findings"]
        }
        return tuple(self._shown(row, private, told) for row in rows.iter_rows(named=True))

    def _shown(
        self,
        row: Mapping[str, Any],
        private: set[tuple[str, int]],
        told: Mapping[tuple[str, str, int | None, str], str],
    ) -> FlaggedRow:
        content, hidden = None, ""
        if row["split"] == _SEALED:
            hidden = "not shown: it is of the sealed set"
        elif (row["split"], row["row"]) in private:
            hidden = "not shown: personal data was found in it"
        elif self.content is not None and row["line"] is not None and row["line"] < self.content.height:
            values = tuple(
                (name, value if value is None or isinstance(value, int | float) else str(value))
                for name, value in self.content.row(row["line"], named=True).items()
            )
            content = quote_values(values)
            hidden = "" if content else "not shown: personal data was found in it"
        return FlaggedRow(
            row["check"],
            row["kind"],
            row["split"],
            None if row["line"] is None else row["line"] + 1,
            row["given"],
            row["suggested"],
            row["score"],
            told.get((row["check"], row["split"], row["row"], row["kind"]), ""),
            content,
            hidden,
        )


def last_check(sources: Sources) -> LastCheck:
    """The last check of a project.

    Raises:
        NotFoundError: None was made.
        IntegrityError: What it wrote is damaged.
    """
    folder = sources.workspace.check
    files = [folder / "check.json", folder / "findings.parquet"]
    if not all(path.is_file() for path in files):
        raise NotFoundError(
            "no check was made yet; `smallcraft check` looks for wrong labels, leaks and copies in the data"
        )
    stamp = stamp_of([*files, sources.folder / "smallcraft.toml"])
    return sources.remember("check", stamp, lambda: _read(sources, *files))


def _read(sources: Sources, report: Path, findings: Path) -> LastCheck:
    try:
        told = json.loads(report.read_bytes())
        severity = {check["check"]: _ORDER[check["outcome"]] for check in told["checks"]}
        rows = pl.read_parquet(findings)
    except (ValueError, TypeError, KeyError, pl.exceptions.PolarsError) as error:
        why = str(error).splitlines()[0]
        raise IntegrityError(
            f"the last check in {report.parent} cannot be read ({why}); run `smallcraft check` again"
        ) from error
    order = pl.col("check").replace_strict(severity, default=3, return_dtype=pl.Int64)
    rows = rows.sort(order, pl.col("suggested").is_null(), maintain_order=True)
    content, why = _content(sources, str(told["source"]), report)
    return LastCheck(told, rows, content, why)


def _content(sources: Sources, source: str, report: Path) -> tuple[pl.DataFrame | None, str]:
    """What a model reads of each row of the file, if it is as it was checked."""
    try:
        config = sources.config()
        path = Path(config.resolve(source))
        if not path.is_file() or config.data.dev or config.data.cert:
            return None, "only its place is known here; `check/check.html` shows the worst rows"
        if path.stat().st_mtime_ns > report.stat().st_mtime_ns:
            return None, "the file was changed since; run `smallcraft check` again"
        frame = read_source(path, config.roles().inputs).frame
        return frame.select(config.roles().inputs), ""
    except (SmallcraftError, OSError, pl.exceptions.PolarsError) as error:
        return None, f"its file cannot be read ({str(error).splitlines()[0]})"

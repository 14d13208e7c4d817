"""Every row that a check flagged, as one table and as a Parquet file: what a script starts from.

Always: all flagged rows of all checks, in the order of the checks and worst first within each; no row's
content; equal findings give equal bytes; the file appears whole or not at all.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.pipeline.workspace import write_whole
from smallcraft.records import CheckResult, Finding, FlaggedRows

SCHEMA: Mapping[str, pl.DataType] = {
    "check": pl.String(),
    "kind": pl.String(),
    "split": pl.String(),
    "row": pl.Int64(),
    "line": pl.Int64(),
    "score": pl.Float64(),
    "given": pl.String(),
    "suggested": pl.String(),
    "partner_split": pl.String(),
    "partner_row": pl.Int64(),
}


def findings_frame(
    checks: Sequence[CheckResult],
    *,
    lines: Mapping[str, NDArray[np.int64]] | None = None,
    labels: Mapping[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """All flagged rows of all checks, one a line.

    Args:
        checks: What was found. A check that lists no flagged rows stands with the rows of its findings.
        lines: For each split `(rows,)` positions in the user's file, from 0.
        labels: For each split `(rows,)` the given labels.

    Returns:
        A frame with the columns of `SCHEMA`: `row` counts from 0 in its split, `line` from 0 in the file;
        null where something is not known or does not apply. A lower `score` is worse.
    """
    parts = [
        _flagged_part(check.check, flagged, lines or {}, labels or {})
        for check in checks
        for flagged in check.flagged or _flagged_by_findings(check.findings)
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *parts])


def write_findings(path: Path, frame: pl.DataFrame) -> None:
    """Write the table as Parquet, so that it appears whole or not at all."""
    stream = io.BytesIO()
    frame.write_parquet(stream)
    write_whole(path, stream.getvalue())


def _flagged_part(
    check: str,
    flagged: FlaggedRows,
    lines: Mapping[str, NDArray[np.int64]],
    labels: Mapping[str, pl.Series],
) -> pl.DataFrame:
    rows = np.asarray(flagged.rows, dtype=np.int64)
    positions, given = lines.get(flagged.split), labels.get(flagged.split)
    columns: dict[str, pl.Series | str | None] = {
        "check": check,
        "kind": flagged.kind,
        "split": flagged.split,
        "row": pl.Series(rows),
        "line": None if positions is None else pl.Series(positions[rows]),
        "score": _scores(flagged),
        "given": None if given is None else given.gather(rows).cast(pl.String),
        "suggested": None if flagged.suggested is None else pl.Series(flagged.suggested, dtype=pl.String),
        **_partners(flagged),
    }
    return _framed(columns, len(rows))


def _framed(columns: Mapping[str, pl.Series | str | None], rows: int) -> pl.DataFrame:
    """Columns of one length: a single value stands in every row."""
    return pl.DataFrame(
        {
            name: (
                value.cast(SCHEMA[name])
                if isinstance(value, pl.Series)
                else pl.repeat(value, rows, dtype=SCHEMA[name], eager=True)
            )
            for name, value in columns.items()
        },
        schema=SCHEMA,
    )


def _scores(flagged: FlaggedRows) -> pl.Series | None:
    """Scores, where a NaN is no score."""
    return None if flagged.score is None else pl.Series(flagged.score, dtype=pl.Float64).fill_nan(None)


def _partners(flagged: FlaggedRows) -> dict[str, pl.Series | str | None]:
    """Where the copied rows stand; -1 is no partner."""
    if flagged.partner is None:
        return {"partner_split": None, "partner_row": None}
    partner = pl.Series(flagged.partner, dtype=pl.Int64)
    has_one = partner >= 0
    split = pl.repeat(flagged.partner_split, len(partner), dtype=pl.String, eager=True)
    return {
        "partner_split": split.zip_with(has_one, pl.Series([None], dtype=pl.String)),
        "partner_row": partner.zip_with(has_one, pl.Series([None], dtype=pl.Int64)),
    }


def _flagged_by_findings(findings: Sequence[Finding]) -> tuple[FlaggedRows, ...]:
    """The rows that findings speak of, for a check that flags none: one entry a split and kind."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.row is not None:
            grouped.setdefault((finding.split, finding.kind), []).append(finding)
    return tuple(
        FlaggedRows(
            split,
            kind,
            np.array([finding.row for finding in found], dtype=np.int64),
            score=np.array([np.nan if f.score is None else f.score for f in found], dtype=np.float64),
            suggested=tuple(finding.suggested for finding in found),
        )
        for (split, kind), found in grouped.items()
    )

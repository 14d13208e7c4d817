"""What `smallcraft check` found, as one record: the page, the JSON and the Parquet file are made of it.

Holds the record and its stable JSON form; which rows are shown is chosen by `worst_rows`.
Always: "not measured" is `null` in the JSON, never 0; equal records give equal JSON; the JSON holds no row's
content.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement

INDEX = "data_quality_index"
LABEL_ACCURACY, LEAKED_SHARE, FAILING_SHARE = "label_accuracy", "leaked_share", "failing_share"


@dataclass(frozen=True)
class SplitSize:
    """How much there was to look at."""

    name: str
    rows: int
    classes: int
    digest: str


@dataclass(frozen=True)
class ShownRow:
    """One row that a check flagged, with all that a person needs to decide about it.

    Attributes:
        split: Whose row.
        row: Its position in the split, from 0.
        line: Its position in the user's file, from 0; None where that is not known.
        content: Its text, or `age = 39, job = clerk`; empty where it must not be shown.
        given: The label it has; None for none.
        suggested: The label that the check would put there.
        kind: What sort of thing within the check; may be empty.
        check: Who flagged it.
        score: How sure the check is; lower is worse. None where there is no such number.
        why: What is wrong, in words.
        remedy: What to do about it.
    """

    split: str
    row: int
    line: int | None
    content: str
    given: str | None
    suggested: str | None
    kind: str
    check: str
    score: float | None
    why: str
    remedy: str


@dataclass(frozen=True)
class QualityReport:
    """Everything that `smallcraft check` has to say.

    Attributes:
        source: Where the rows came from, for people.
        splits: What was looked at.
        model: How the probabilities behind model-based checks were made, or why there are none.
        index: The data quality index; its value is None when it is undetermined, and then `detail` says what
            would determine it.
        factors: What the index is the product of, by name: `label_accuracy`, `leaked_share`, `failing_share`.
        checks: In the order in which they were made.
        rows: Rows for a person to look at, worst first over all checks; some hundreds at most.
        notes: What was done to the data before, and what is odd.
    """

    source: str
    splits: tuple[SplitSize, ...]
    model: str
    index: Measurement
    factors: Mapping[str, Measurement]
    checks: tuple[CheckResult, ...]
    rows: tuple[ShownRow, ...]
    notes: tuple[str, ...]

    def as_json(self) -> Mapping[str, Any]:
        """The stable form for scripts: only dicts, lists, text and finite numbers.

        Returns:
            `source`, `splits`, `index` with its `factors`, `model`, `checks`, `notes`. Flagged rows stand as
            counts; the rows themselves are in the Parquet file (`findings_file`).
        """
        return {
            "source": self.source,
            "splits": {
                split.name: {"rows": split.rows, "classes": split.classes, "digest": split.digest}
                for split in self.splits
            },
            "index": {
                **_measurement_json(self.index),
                "factors": {name: _measurement_json(factor) for name, factor in self.factors.items()},
            },
            "model": self.model,
            "checks": [_check_json(check) for check in self.checks],
            "notes": list(self.notes),
        }


def _check_json(check: CheckResult) -> dict[str, Any]:
    return {
        "check": check.check,
        "outcome": check.outcome.value,
        "summary": check.summary,
        "numbers": {name: _number(value) for name, value in check.numbers.items()},
        "measurements": [_measurement_json(measurement) for measurement in check.measurements],
        "findings": [_finding_json(finding) for finding in check.findings],
        "flagged": [_flagged_json(flagged) for flagged in check.flagged],
    }


def _measurement_json(measurement: Measurement) -> dict[str, Any]:
    return {
        "name": measurement.name,
        "value": _number(measurement.value),
        "low": _number(measurement.low),
        "high": _number(measurement.high),
        "unit": measurement.unit,
        "n": measurement.n,
        "method": measurement.method,
        "split": measurement.split,
        "slice": measurement.slice,
        "detail": measurement.detail,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "split": finding.split,
        "row": None if finding.row is None else int(finding.row),
        "column": finding.column,
        "kind": finding.kind,
        "what": finding.what,
        "remedy": finding.remedy,
        "score": _number(finding.score),
        "suggested": finding.suggested,
    }


def _flagged_json(flagged: FlaggedRows) -> dict[str, Any]:
    return {"split": flagged.split, "kind": flagged.kind, "count": len(flagged.rows)}


def _number(value: float | int | None) -> float | int | None:
    """A number as JSON can hold it, whatever its width in memory; what is not finite is not measured."""
    if value is None or not math.isfinite(value):
        return None
    return float(value) if isinstance(value, float | np.floating) else int(value)

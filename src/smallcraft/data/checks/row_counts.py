"""Counts rows and classes of each split, and says which classes cannot be learned or measured.

FAIL: a class of dev or cert that train never shows, or an empty split.
UNDECIDED: a class of train that dev or cert never shows, so its quality stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from smallcraft.data.balance import effective_classes
from smallcraft.records import CheckResult, Finding, Outcome, Roles


@dataclass(frozen=True)
class RowCounts:
    """Rows, classes, smallest class and effective number of classes of each split."""

    name: str = "row_counts"

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        numbers: dict[str, float | int | None] = {}
        counts = {split: _class_counts(frame, roles.label) for split, frame in splits.items()}
        for split, classes in counts.items():
            sizes = list(classes.values())
            numbers[f"rows_{split}"] = splits[split].height
            numbers[f"classes_{split}"] = len(sizes)
            numbers[f"smallest_class_{split}"] = min(sizes) if sizes else None
            numbers[f"effective_classes_{split}"] = effective_classes(sizes) if sizes else None
        findings = _findings(counts, roles.label)
        unlearned = any(finding.split != "train" for finding in findings)
        empty = [split for split, frame in splits.items() if frame.height == 0]
        outcome = Outcome.FAIL if unlearned or empty else Outcome.UNDECIDED if findings else Outcome.PASS
        rows = ", ".join(f"{split} {frame.height:,}" for split, frame in splits.items())
        reason = f"; empty: {', '.join(empty)}" if empty else f"; {findings[0].what}" if findings else ""
        return CheckResult(self.name, outcome, f"rows: {rows}{reason}", numbers, tuple(findings))


def _class_counts(frame: pl.DataFrame, label: str) -> dict[str, int]:
    counted = frame[label].drop_nulls().value_counts()
    return dict(zip(counted[label].to_list(), counted["count"].to_list(), strict=True))


def _findings(counts: Mapping[str, Mapping[str, int]], label: str) -> list[Finding]:
    train = counts.get("train", {})
    unlearned, unmeasured = [], []
    for split, classes in counts.items():
        if split == "train" or not train:
            continue
        for name in sorted(set(classes) - set(train)):
            what = f"class '{name}' has {classes[name]} rows in {split} and none in train"
            remedy = "add rows of it to train, or take it out of the test data"
            unlearned.append(Finding("row_counts", split, None, label, what, remedy))
        for name in sorted(set(train) - set(classes)):
            what = f"class '{name}' has {train[name]} rows in train and none in {split}"
            remedy = f"add rows of it: its quality cannot be measured on {split}"
            unmeasured.append(Finding("row_counts", "train", None, label, what, remedy))
    return unlearned + unmeasured

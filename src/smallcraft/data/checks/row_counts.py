"""Counts rows and classes of each split, and says which classes cannot be learned or measured.

FAIL: a class of dev or cert that train never shows, or an empty split.
UNDECIDED: a class of train that dev or cert never shows, so its quality stays unknown.
Rows that are not split yet: FAIL with fewer than two classes, UNDECIDED where a class has too few rows to
stand in train, dev and cert. Numbers have no classes: rows alone are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from smallcraft.data.balance import effective_classes
from smallcraft.data.targets import label_counts
from smallcraft.data.wording import WHOLE
from smallcraft.records import SPLIT_NAMES, CheckResult, Finding, Outcome, Roles


@dataclass(frozen=True)
class RowCounts:
    """Rows, classes, smallest class and effective number of classes of each split."""

    name: str = "row_counts"

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        numbers: dict[str, float | int | None] = {}
        counts = {split: dict(label_counts(frame[roles.label], roles)) for split, frame in splits.items()}
        for split, classes in counts.items():
            sizes = list(classes.values())
            numbers[f"rows_{split}"] = splits[split].height
            numbers[f"classes_{split}"] = len(sizes)
            numbers[f"smallest_class_{split}"] = min(sizes) if sizes else None
            numbers[f"effective_classes_{split}"] = effective_classes(sizes) if sizes else None
        missing, unmeasured = [], []
        if roles.task != "regression":
            missing, unmeasured = _unlearned(counts, roles.label), _unmeasured(counts, roles.label)
        findings = missing + unmeasured
        empty = [split for split, frame in splits.items() if frame.height == 0]
        outcome = Outcome.FAIL if missing or empty else Outcome.UNDECIDED if findings else Outcome.PASS
        reason = f"; empty: {', '.join(empty)}" if empty else f"; {findings[0].what}" if findings else ""
        return CheckResult(self.name, outcome, f"rows: {_rows(splits)}{reason}", numbers, tuple(findings))


def _rows(splits: Mapping[str, pl.DataFrame]) -> str:
    return ", ".join(
        f"{frame.height:,}" if split == WHOLE else f"{split} {frame.height:,}"
        for split, frame in splits.items()
    )


def _unlearned(counts: Mapping[str, Mapping[str, int]], label: str) -> list[Finding]:
    """Classes that cannot be learned: there is nothing to learn them from, or nothing to tell them from."""
    found = []
    if WHOLE in counts and len(counts[WHOLE]) < 2:
        what = f"{len(counts[WHOLE])} class: a classifier needs at least two"
        remedy = "name the column that holds the classes"
        found.append(Finding("row_counts", WHOLE, None, label, what, remedy, kind="too few classes"))
    train = counts.get("train", {})
    for split, classes in counts.items():
        for name in sorted(set(classes) - set(train)) if train else ():
            what = f"class '{name}' has {classes[name]} rows in {split} and none in train"
            remedy = "add rows of it to train, or take it out of the test data"
            found.append(Finding("row_counts", split, None, label, what, remedy, kind="not in train"))
    return found


def _unmeasured(counts: Mapping[str, Mapping[str, int]], label: str) -> list[Finding]:
    """Classes whose quality stays unknown."""
    found = []
    for name, rows in sorted(counts.get(WHOLE, {}).items()):
        if rows < len(SPLIT_NAMES):
            what = f"class '{name}' has {rows} of the {len(SPLIT_NAMES)} rows that train, dev and cert need"
            remedy = "add rows of it, or merge it into another class"
            found.append(Finding("row_counts", WHOLE, None, label, what, remedy, kind="too few rows"))
    train = counts.get("train", {})
    for split, classes in counts.items():
        for name in sorted(set(train) - set(classes)):
            what = f"class '{name}' has {train[name]} rows in train and none in {split}"
            remedy = f"add rows of it: its quality cannot be measured on {split}"
            found.append(Finding("row_counts", "train", None, label, what, remedy, kind=f"not in {split}"))
    return found

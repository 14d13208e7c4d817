"""Finds rows that are copies of each other inside a split, and copies that contradict each other.

Copies across splits belong to `leakage`.
FAIL: exact copies with different labels in dev or cert: at least that many of their labels are wrong or
undecidable, whatever model is measured. UNDECIDED: only in train.
Exact copies of a text with features count only where the features agree too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, exact_groups, renumbered, row_copies
from smallcraft.data.table import row_digests
from smallcraft.records import CheckResult, Finding, Outcome, Roles

_MOST_FINDINGS = 100


@dataclass(frozen=True)
class Duplicates:
    """Exact and near copies of each split, and the least number of label errors they prove."""

    name: str = "duplicates"
    similarity: float = NEAR_COPY

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        numbers: dict[str, float | int | None] = {}
        findings: list[Finding] = []
        proven: dict[str, int] = {}
        for split, frame in splits.items():
            copies = row_copies(frame, roles, similarity=self.similarity)
            exact = exact_copies(frame, roles) if copies.is_meaningful else copies.groups
            repeated = frame.height - int(exact.max(initial=-1)) - 1
            near = frame.height - int(copies.groups.max(initial=-1)) - 1 - repeated
            found = contradictions(exact, frame[roles.label])
            proven[split] = sum(wrong for _, wrong in found)
            numbers[f"exact_{split}"] = repeated if copies.is_meaningful else None
            numbers[f"near_{split}"] = max(near, 0) if copies.is_meaningful else None
            numbers[f"label_errors_at_least_{split}"] = proven[split]
            numbers[f"label_error_share_at_least_{split}"] = (
                proven[split] / frame.height if frame.height else None
            )
            findings += [_finding(split, rows, frame[roles.label], roles) for rows, _ in found]
        outcome = Outcome.PASS
        if findings:
            measured = any(count for split, count in proven.items() if split != "train")
            outcome = Outcome.FAIL if measured else Outcome.UNDECIDED
        return CheckResult(
            self.name, outcome, _summary(numbers, proven), numbers, tuple(findings[:_MOST_FINDINGS])
        )


def exact_copies(frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    """Group number of each row; rows with equal normalised text and equal features share one."""
    keys: dict[bytes, int] = {}
    rows = [keys.setdefault(row, len(keys)) for row in row_digests(frame, roles.features)]
    features = np.asarray(rows, dtype=np.int64)
    if roles.text is None:
        return features
    texts = exact_groups(frame[roles.text].fill_null("").to_list())
    return renumbered(texts * max(len(keys), 1) + features)


def contradictions(groups: NDArray[np.int64], labels: pl.Series) -> list[tuple[list[int], int]]:
    """Groups of copies with more than one label: their rows, and the least number of wrong labels.

    >>> contradictions(np.array([0, 0, 0, 1]), pl.Series(["a", "b", "a", "a"]))
    [([0, 1, 2], 1)]
    """
    frame = pl.DataFrame({"group": groups, "label": labels, "row": np.arange(len(groups))})
    mixed = frame.filter(pl.col("label").n_unique().over("group") > 1)
    found = []
    for (_,), part in mixed.group_by("group", maintain_order=True):
        most = int(part["label"].value_counts(sort=True)["count"][0])
        found.append((part["row"].to_list(), part.height - most))
    return found


def _finding(split: str, rows: list[int], labels: pl.Series, roles: Roles) -> Finding:
    given = ", ".join(f"'{name}'" for name in sorted(set(labels.gather(rows).to_list())))
    listed = ", ".join(str(row) for row in rows[:10])
    what = f"rows {listed} of {split} are copies with different labels: {given}"
    remedy = "decide on one label, or remove the copies"
    return Finding("duplicates", split, rows[0], roles.label, what, remedy)


def _summary(numbers: Mapping[str, float | int | None], proven: Mapping[str, int]) -> str:
    parts = []
    for split, wrong in proven.items():
        exact, near = numbers[f"exact_{split}"], numbers[f"near_{split}"]
        copies = "copies not told" if exact is None else f"{exact:,} exact and {near:,} near copies"
        parts.append(f"{split}: {copies}" + (f", at least {wrong:,} wrong labels" if wrong else ""))
    return "; ".join(parts)

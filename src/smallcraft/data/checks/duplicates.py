"""Finds rows that are copies of each other inside a split, and copies that contradict each other.

Copies across splits belong to `leakage`.
FAIL: exact copies with different labels in dev or cert: at least that many of their labels are wrong or
undecidable, whatever model is measured. UNDECIDED: only in train, or in a file that is not split yet.
Exact copies of a text with features count only where the features agree too.
Always: flagged are near copies (partner: the first row that they are chained to), then exact copies (partner:
the first such row), then contradictions (partner: the first copy with another label).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, RowGroups, exact_groups, first_rows, renumbered, row_copies
from smallcraft.data.table import row_digests
from smallcraft.data.targets import comparable_labels
from smallcraft.data.wording import split_place
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles

NEAR, EXACT, CONTRADICTION = "near copy", "exact copy", "contradiction"
_MOST_FINDINGS = 100
_MEASURING = ("dev", "cert")


@dataclass(frozen=True)
class Contradiction:
    """Copies with more than one label.

    Attributes:
        rows: All of them, ascending.
        labels: The label of each.
        wrong: The least number of wrong labels.
        majority: The label that more of them have than any other; None on a tie.
    """

    rows: tuple[int, ...]
    labels: tuple[str | None, ...]
    wrong: int
    majority: str | None

    @property
    def support(self) -> tuple[float, ...]:
        """For each row the share of the copies that have its label."""
        return tuple(self.labels.count(label) / len(self.labels) for label in self.labels)

    @property
    def partners(self) -> tuple[int, ...]:
        """For each row the first copy that has another label."""
        first_other = next(place for place, label in enumerate(self.labels) if label != self.labels[0])
        return tuple(self.rows[first_other if label == self.labels[0] else 0] for label in self.labels)


@dataclass(frozen=True)
class Duplicates:
    """Exact and near copies of each split, and the least number of label errors they prove."""

    name: str = "duplicates"
    similarity: float = NEAR_COPY

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        splits = comparable_labels(splits, roles)
        numbers: dict[str, float | int | None] = {}
        flagged: list[FlaggedRows] = []
        found: dict[str, list[Contradiction]] = {}
        for split, frame in splits.items():
            copies = row_copies(frame, roles, similarity=self.similarity)
            exact = _exact(copies, frame, roles)
            found[split] = sorted(contradictions(exact, frame[roles.label]), key=_most_wrong_first)
            numbers |= _numbers(split, copies, exact, found[split])
            flagged += _flagged(split, copies, exact, found[split])
        findings = [
            _finding(split, contradiction, roles) for split, part in found.items() for contradiction in part
        ]
        outcome = Outcome.UNDECIDED if findings else Outcome.PASS
        if any(found.get(split) for split in _MEASURING):
            outcome = Outcome.FAIL
        return CheckResult(
            check=self.name,
            outcome=outcome,
            summary="; ".join(_summary(split, numbers) for split in splits),
            numbers=numbers,
            findings=tuple(findings[:_MOST_FINDINGS]),
            flagged=tuple(flagged),
        )


def exact_copies(frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    """Group number of each row; rows with equal normalised text and equal features share one."""
    texts = None if roles.text is None else exact_groups(frame[roles.text].fill_null("").to_list())
    return _with_equal_features(texts, frame, roles)


def _with_equal_features(
    texts: NDArray[np.int64] | None, frame: pl.DataFrame, roles: Roles
) -> NDArray[np.int64]:
    if texts is not None and not roles.features:
        return texts
    keys: dict[bytes, int] = {}
    rows = [keys.setdefault(row, len(keys)) for row in row_digests(frame, roles.features)]
    features = np.asarray(rows, dtype=np.int64)
    return features if texts is None else renumbered(texts * max(len(keys), 1) + features)


def _exact(copies: RowGroups, frame: pl.DataFrame, roles: Roles) -> NDArray[np.int64]:
    if copies.exact is None:
        return copies.groups
    return _with_equal_features(copies.exact, frame, roles)


def contradictions(groups: NDArray[np.int64], labels: pl.Series) -> list[Contradiction]:
    """Groups of copies with more than one label, in order of their first rows.

    >>> [found] = contradictions(np.array([0, 0, 0, 1]), pl.Series(["a", "b", "a", "a"]))
    >>> found.rows, found.wrong, found.majority, found.partners
    ((0, 1, 2), 1, 'a', (1, 0, 1))
    """
    frame = pl.DataFrame({"group": groups, "label": labels, "row": np.arange(len(groups))})
    mixed = frame.filter(pl.col("label").n_unique().over("group") > 1)
    found = []
    for part in mixed.partition_by("group", maintain_order=True):
        counts = part["label"].value_counts(sort=True)
        most = int(counts["count"][0])
        is_tied = int(counts["count"][1]) == most
        found.append(
            Contradiction(
                rows=tuple(part["row"].to_list()),
                labels=tuple(part["label"].to_list()),
                wrong=part.height - most,
                majority=None if is_tied else counts["label"][0],
            )
        )
    return found


def _most_wrong_first(contradiction: Contradiction) -> tuple[int, int]:
    return -contradiction.wrong, contradiction.rows[0]


def _numbers(
    split: str, copies: RowGroups, exact: NDArray[np.int64], found: Sequence[Contradiction]
) -> dict[str, float | int | None]:
    rows = len(exact)
    repeated = rows - int(exact.max(initial=-1)) - 1
    near = rows - int(copies.groups.max(initial=-1)) - 1 - repeated
    proven = sum(contradiction.wrong for contradiction in found)
    return {
        f"exact_{split}": repeated if copies.is_meaningful else None,
        f"near_{split}": max(near, 0) if copies.is_meaningful else None,
        f"label_errors_at_least_{split}": proven,
        f"label_error_share_at_least_{split}": proven / rows if rows else None,
    }


def _flagged(
    split: str, copies: RowGroups, exact: NDArray[np.int64], found: Sequence[Contradiction]
) -> list[FlaggedRows]:
    if not copies.is_meaningful:
        return []
    every = np.arange(len(exact))
    first_exact, first_near = first_rows(exact)[exact], first_rows(copies.groups)[copies.groups]
    flagged = []
    for kind, rows, partner in (
        (NEAR, every[(first_exact == every) & (first_near != every)], first_near),
        (EXACT, every[first_exact != every], first_exact),
    ):
        if len(rows):
            flagged.append(FlaggedRows(split, kind, rows, partner_split=split, partner=partner[rows]))
    return [*flagged, _contradicting(split, found)] if found else flagged


def _contradicting(split: str, found: Sequence[Contradiction]) -> FlaggedRows:
    rows = np.array([row for part in found for row in part.rows], dtype=np.int64)
    score = np.array([share for part in found for share in part.support])
    partner = np.array([row for part in found for row in part.partners], dtype=np.int64)
    suggested = [part.majority if label != part.majority else None for part in found for label in part.labels]
    order = np.lexsort((rows, score))
    return FlaggedRows(
        split=split,
        kind=CONTRADICTION,
        rows=rows[order],
        score=score[order],
        suggested=tuple(suggested[at] for at in order.tolist()),
        partner_split=split,
        partner=partner[order],
    )


def _finding(split: str, found: Contradiction, roles: Roles) -> Finding:
    given = ", ".join(f"'{name}'" for name in sorted({str(label) for label in found.labels}))
    listed = ", ".join(str(row) for row in found.rows[:10])
    listed += f" and {len(found.rows) - 10:,} more" if len(found.rows) > 10 else ""
    return Finding(
        check="duplicates",
        split=split,
        row=found.rows[0],
        column=roles.label,
        what=f"rows {listed} of {split_place(split)} are copies with different labels: {given}",
        remedy="decide on one label, or remove the copies",
        kind=CONTRADICTION,
        score=min(found.support),
        suggested=found.majority,
    )


def _summary(split: str, numbers: Mapping[str, float | int | None]) -> str:
    exact, near = numbers[f"exact_{split}"], numbers[f"near_{split}"]
    wrong = numbers[f"label_errors_at_least_{split}"]
    copies = "copies not told" if exact is None else f"{exact:,} exact and {near:,} near copies"
    proven = f", at least {wrong:,} wrong labels" if wrong else ""
    return f"{split_place(split)}: {copies}{proven}"

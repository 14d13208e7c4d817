"""Asks how much the rows of each split really tell: copies, small classes, and what train never shows.

- distinct rows, and independent rows `n^2 / sum(c^2)` over groups of `c` copies (equal normalised text and
  features), also with texts of equal word sets as copies
- effective number of classes `exp(H)`, the smallest class, and what a perfect record on it would show
- values, numbers, label x group cells and words of dev and cert that train never shows

UNDECIDED, each time by what follows from it, on rows that measure (dev, cert, or rows not split yet):
copies make an interval said to cover 95 % cover less than that, rounded to a percent; a class is so small
that even a perfect record does not show that it is more often right than wrong; a split brings clearly more
unseen than train brings of itself (intervals apart, at 95 % over all comparisons).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.balance import effective_classes, independent_rows
from smallcraft.data.coverage import Unseen, find_unseen, word_sets
from smallcraft.data.duplicates import COARSE_SHARE, exact_groups
from smallcraft.data.targets import comparable_labels, label_counts
from smallcraft.data.wording import WHOLE, split_place
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome, Roles
from smallcraft.stats.intervals import clopper_pearson_interval, normal_quantile

_LEVEL = 0.95
_MEASURING = ("dev", "cert", WHOLE)
_NAMES: Mapping[str, tuple[str, str]] = {
    "unseen value": ("unseen_value_share", "values"),
    "outside range": ("outside_range_share", "numbers outside the range"),
    "unseen cell": ("unseen_cell_share", "cells of label and group"),
    "unseen words": ("out_of_vocabulary_share", "words"),
}


@dataclass(frozen=True)
class Redundancy:
    """Independent rows, smallest classes, and what the splits show that train does not."""

    name: str = "redundancy"

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        splits = comparable_labels(splits, roles)
        numbers: dict[str, float | int | None] = {}
        findings: list[Finding] = []
        for split, frame in splits.items():
            numbers |= _row_numbers(split, frame, roles) | _class_numbers(split, frame, roles)
            if split in _MEASURING:
                findings += _copies_finding(split, numbers)
                findings += _small_classes(split, frame, roles)
        unseen = _unseen(splits, roles)
        for split, found in unseen:
            key = f"rows_with_{found.kind.replace(' ', '_')}_{split}"
            numbers[key] = int(numbers.get(key) or 0) + len(found.rows)
        level = 1 - (1 - _LEVEL) / max(len(unseen), 1)
        findings += [
            _unseen_finding(split, found) for split, found in unseen if found.is_clearly_more(level=level)
        ]
        return CheckResult(
            self.name,
            Outcome.UNDECIDED if findings else Outcome.PASS,
            _summary(numbers, splits, findings),
            numbers,
            tuple(findings),
            measurements=tuple(
                _measurement(split, found) for split, found in unseen if found.split.value is not None
            ),
            flagged=tuple(_flagged(unseen)),
        )


def honest_coverage(independent_share: float, *, level: float = _LEVEL) -> float:
    """What an interval covers that takes all rows for independent, where only a share of them is.

    >>> round(honest_coverage(1.0), 2), round(honest_coverage(0.5), 2)
    (0.95, 0.83)
    """
    reach = normal_quantile(1 - (1 - level) / 2) * math.sqrt(independent_share)
    return math.erf(reach / math.sqrt(2))


def least_rows_to_tell(*, level: float = _LEVEL) -> int:
    """Fewest rows on which a perfect record shows a share above one half.

    >>> least_rows_to_tell()
    6
    """
    rows = 1
    while clopper_pearson_interval(rows, rows, level=level).low <= 0.5:
        rows += 1
    return rows


def _row_numbers(split: str, frame: pl.DataFrame, roles: Roles) -> dict[str, float | int | None]:
    features = [frame[name] for name in roles.features]
    texts = None if roles.text is None else frame[roles.text].cast(pl.String)
    exact = [] if texts is None else [pl.Series("\0text", exact_groups(texts.fill_null("").to_list()))]
    sizes = _group_sizes([*exact, *features])
    is_told = texts is not None or len(sizes) >= COARSE_SHARE * frame.height
    alike = None
    if texts is not None:
        alike = independent_rows(_group_sizes([word_sets(texts).alias("\0words"), *features]))
    return {
        f"rows_{split}": frame.height,
        f"distinct_rows_{split}": len(sizes),
        f"independent_rows_{split}": independent_rows(sizes) if is_told else None,
        f"independent_rows_by_words_{split}": alike,
    }


def _group_sizes(columns: list[pl.Series]) -> list[int]:
    frame = pl.DataFrame(columns)
    return frame.group_by(frame.columns).len()["len"].to_list() if frame.height else []


def _class_numbers(split: str, frame: pl.DataFrame, roles: Roles) -> dict[str, float | int | None]:
    sizes = list(_class_sizes(frame, roles).values())
    widest = clopper_pearson_interval(min(sizes) / 2, min(sizes), level=_LEVEL) if sizes else None
    perfect = clopper_pearson_interval(min(sizes), min(sizes), level=_LEVEL) if sizes else None
    return {
        f"effective_classes_{split}": effective_classes(sizes) if sizes else None,
        f"smallest_class_{split}": min(sizes) if sizes else None,
        f"widest_interval_of_smallest_class_{split}": widest.high - widest.low if widest else None,
        f"perfect_record_shows_{split}": perfect.low if perfect else None,
    }


def _class_sizes(frame: pl.DataFrame, roles: Roles) -> dict[str, int]:
    counts = label_counts(frame[roles.label].cast(pl.String), roles)
    return dict(sorted(counts.items(), key=lambda item: (item[1], item[0])))


def _copies_finding(split: str, numbers: Mapping[str, float | int | None]) -> Iterator[Finding]:
    rows, told = numbers[f"rows_{split}"], numbers[f"independent_rows_{split}"]
    if not rows or told is None:
        return
    covered = honest_coverage(told / rows)
    if covered < _LEVEL - 0.005:
        what = (
            f"copies leave {told:,.0f} independent of {rows:,} rows in {split_place(split)}: "
            f"intervals of {_LEVEL:.0%} cover about {covered:.0%}"
        )
        yield Finding(
            "redundancy", split, None, None, what, "keep one row of each group of copies", kind="copies"
        )


def _small_classes(split: str, frame: pl.DataFrame, roles: Roles) -> Iterator[Finding]:
    least = least_rows_to_tell()
    for name, rows in _class_sizes(frame, roles).items():
        if rows < least:
            shown = clopper_pearson_interval(rows, rows, level=_LEVEL).low
            what = (
                f"class '{name}' has {rows} rows in {split_place(split)}: even if all are answered right, "
                f"that shows no more than {shown:.0%} ({_LEVEL:.0%} confidence)"
            )
            remedy = f"add rows of it, {least} at least, or merge it into another class"
            yield Finding("redundancy", split, None, roles.label, what, remedy, kind="small class")


def _unseen(splits: Mapping[str, pl.DataFrame], roles: Roles) -> list[tuple[str, Unseen]]:
    train = splits.get("train")
    if train is None or not train.height:
        return []
    return [
        (split, found)
        for split, frame in splits.items()
        if split in ("dev", "cert") and frame.height
        for found in find_unseen(train, frame, roles)
    ]


def _unseen_finding(split: str, found: Unseen) -> Finding:
    what = (
        f"{found.split.value or 0:.1%} of the {_NAMES[found.kind][1]} in column '{found.column}' of {split} "
        f"are not in train, which brings {found.train.value or 0:.1%} of itself"
    )
    remedy = "ask where these rows are from; add rows like them to train"
    return Finding("redundancy", split, None, found.column, what, remedy, kind=found.kind)


def _measurement(split: str, found: Unseen) -> Measurement:
    interval = found.split.interval(level=_LEVEL)
    return Measurement(
        name=_NAMES[found.kind][0],
        value=found.split.value,
        unit="share",
        n=int(found.split.totals.sum()),
        method=f"Clopper-Pearson {_LEVEL:.0%}, rows of a key (else each row) as one",
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        split=split,
        slice=found.column,
        detail=f"train brings {found.train.value or 0:.2%} of itself, each left out in turn",
    )


def _flagged(unseen: list[tuple[str, Unseen]]) -> Iterator[FlaggedRows]:
    """Rows with an unseen value, number or cell; an unseen word is nothing odd in a row."""
    rows: dict[tuple[str, str], list[NDArray[np.int64]]] = {}
    for split, found in unseen:
        if found.kind != "unseen words" and len(found.rows):
            rows.setdefault((split, found.kind), []).append(found.rows)
    for (split, kind), parts in rows.items():
        yield FlaggedRows(split, kind, np.unique(np.concatenate(parts)).astype(np.int64))


def _summary(
    numbers: Mapping[str, float | int | None], splits: Mapping[str, pl.DataFrame], findings: list[Finding]
) -> str:
    if findings:
        more = f" (and {len(findings) - 1:,} more findings)" if len(findings) > 1 else ""
        return findings[0].what + more
    parts = []
    for split in splits:
        told, rows = numbers[f"independent_rows_{split}"], numbers[f"rows_{split}"]
        worth = "not told" if told is None else f"{told:,.0f}"
        parts.append(f"{worth} of {rows:,} in {split_place(split)}")
    return f"independent rows: {', '.join(parts)}"

"""Finds rows of dev and cert that copy a row that a model may have learned from.

FAIL: an exact copy of a cert row in train or dev. UNDECIDED: near copies of cert rows, or copies of dev rows.
UNDECIDED too where copies cannot be told from ordinary rows (few distinct feature rows).
Always: all splits are searched at once; a row is flagged once for each split that it copies, beside the row
most like it there; one that is an exact copy under another label is a contradiction as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, row_copies, shared_texts
from smallcraft.data.table import row_digests
from smallcraft.data.targets import comparable_labels
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome, Roles
from smallcraft.stats.intervals import share_interval

EXACT, NEAR, CONTRADICTION = "exact copy", "near copy", "contradiction"
LEAKED_SHARE = "leaked_share"
_LEVEL = 0.95
_MOST_FINDINGS = 100
_DIRECTIONS = (("train", "cert"), ("dev", "cert"), ("train", "dev"))


@dataclass(frozen=True)
class CopiedRows:
    """Each row of one split that copies a row of another, beside the one most like it; worst first.

    Attributes:
        rows: `(m,)` int64 positions in the split that is measured.
        partner: `(m,)` int64 positions in the other.
        similarity: `(m,)` float64 Jaccard index, 1 for exact copies.
        is_exact: `(m,)` bool.
        same_label: `(m,)` bool.
    """

    rows: NDArray[np.int64]
    partner: NDArray[np.int64]
    similarity: NDArray[np.float64]
    is_exact: NDArray[np.bool_]
    same_label: NDArray[np.bool_]


Direction = tuple[str, str]


@dataclass(frozen=True)
class Leakage:
    """Copies across splits: how many, what share, and whether their labels agree."""

    name: str = "leakage"
    similarity: float = NEAR_COPY

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        splits = comparable_labels(splits, roles)
        copied = copied_rows(splits, roles, similarity=self.similarity)
        if copied is None:
            return self._not_told(splits)
        numbers: dict[str, float | int | None] = {}
        for direction, found in copied.items():
            numbers |= _numbers(direction, found, splits[direction[1]].height)
        findings = [_finding(direction, found, at, roles) for direction, found, at in _worst(copied)]
        summary = "; ".join(_words(direction, splits, numbers) for direction in copied)
        return CheckResult(
            check=self.name,
            outcome=_outcome(copied),
            summary=summary or "nothing to compare: one split only",
            numbers=numbers,
            findings=tuple(findings),
            measurements=_leaked_shares(copied, splits, roles),
            flagged=tuple(part for direction, found in copied.items() for part in _flagged(direction, found)),
        )

    def _not_told(self, splits: Mapping[str, pl.DataFrame]) -> CheckResult:
        why = "most rows equal another one in all features, so copies cannot be told from ordinary rows"
        summary = f"{why}; name a key to tie rows together"
        tested = dict.fromkeys(right for left, right in _DIRECTIONS if left in splits and right in splits)
        measurements = tuple(
            Measurement(LEAKED_SHARE, None, "fraction", 0, "not measured", split=split, detail=why)
            for split in tested
        )
        return CheckResult(self.name, Outcome.UNDECIDED, summary, {}, measurements=measurements)


def copied_rows(
    splits: Mapping[str, pl.DataFrame], roles: Roles, *, similarity: float
) -> Mapping[Direction, CopiedRows] | None:
    """Copies from train into dev and from both into cert; only directions whose splits there are.

    Returns:
        By (other split, measured split); None where copies cannot be told.
    """
    directions = [(left, right) for left, right in _DIRECTIONS if left in splits and right in splits]
    if not directions:
        return {}
    named = {split: splits[split] for split in dict.fromkeys(name for both in directions for name in both)}
    if roles.text is not None:
        return _copied_texts(named, roles, directions, similarity)
    if not all(row_copies(_features(splits, both, roles), roles).is_meaningful for both in directions):
        return None
    digests = {split: row_digests(frame, roles.features) for split, frame in named.items()}
    found = {}
    for left, right in directions:
        known: dict[bytes, int] = {}
        for row, digest in enumerate(digests[left]):
            known.setdefault(digest, row)
        partner = np.array([known.get(digest, -1) for digest in digests[right]], dtype=np.int64)
        rows = np.flatnonzero(partner >= 0)
        ones = np.ones(len(rows))
        labels = (splits[left][roles.label], splits[right][roles.label])
        found[left, right] = _copied(rows, partner[rows], ones, ones.astype(np.bool_), labels=labels)
    return found


def _features(splits: Mapping[str, pl.DataFrame], both: Direction, roles: Roles) -> pl.DataFrame:
    return pl.concat([splits[split].select(roles.features) for split in both])


def _copied_texts(
    frames: Mapping[str, pl.DataFrame], roles: Roles, directions: Sequence[Direction], similarity: float
) -> Mapping[Direction, CopiedRows]:
    assert roles.text is not None
    texts = {split: frame[roles.text].fill_null("").to_list() for split, frame in frames.items()}
    shared = shared_texts(texts, similarity=similarity)
    found = {}
    for left, right in directions:
        pairs = shared.pairs(left, right)
        is_exact = shared.groups[left][pairs["left"]] == shared.groups[right][pairs["right"]]
        order = np.lexsort((pairs["left"], ~is_exact, -pairs["similarity"], pairs["right"]))
        best = order[np.unique(pairs["right"][order], return_index=True)[1]]
        best = best[np.lexsort((~is_exact[best], -pairs["similarity"][best]))]
        pairs, is_exact = pairs[best], is_exact[best]
        labels = (frames[left][roles.label], frames[right][roles.label])
        found[left, right] = _copied(
            pairs["right"], pairs["left"], pairs["similarity"], is_exact, labels=labels
        )
    return found


def _copied(
    rows: NDArray[np.int64],
    partner: NDArray[np.int64],
    similarity: NDArray[np.float64],
    is_exact: NDArray[np.bool_],
    *,
    labels: tuple[pl.Series, pl.Series],
) -> CopiedRows:
    left, right = labels
    same = left.gather(partner).eq_missing(right.gather(rows)).to_numpy()
    return CopiedRows(rows.copy(), partner.copy(), similarity.copy(), is_exact, same)


def _outcome(copied: Mapping[Direction, CopiedRows]) -> Outcome:
    if any(right == "cert" and found.is_exact.any() for (_, right), found in copied.items()):
        return Outcome.FAIL
    if not copied or any(len(found.rows) for found in copied.values()):
        return Outcome.UNDECIDED
    return Outcome.PASS


def _numbers(direction: Direction, found: CopiedRows, rows: int) -> dict[str, float | int | None]:
    left, right = direction
    at, count = f"{right}_in_{left}", len(found.rows)
    return {
        f"rows_{at}": count,
        f"exact_{at}": int(found.is_exact.sum()),
        f"share_{at}": count / rows if rows else None,
        f"label_agreement_{at}": float(found.same_label.mean()) if count else None,
    }


def _leaked_shares(
    copied: Mapping[Direction, CopiedRows], splits: Mapping[str, pl.DataFrame], roles: Roles
) -> tuple[Measurement, ...]:
    """For each split that is measured: the share of rows that copy a row of any split before it."""
    shares = []
    for split in dict.fromkeys(right for _, right in copied):
        frame, parts = splits[split], [found for (_, right), found in copied.items() if right == split]
        if not frame.height:
            continue
        is_leaked = np.zeros(frame.height, dtype=np.bool_)
        for found in parts:
            is_leaked[found.rows] = True
        clusters = None if roles.key is None else _clusters(frame[roles.key])
        interval = share_interval(is_leaked, level=_LEVEL, clusters=clusters)
        adjusted = "" if clusters is None else ", Korn-Graubard effective rows"
        shares.append(
            Measurement(
                name=LEAKED_SHARE,
                value=float(is_leaked.mean()),
                unit="fraction",
                n=frame.height,
                method=f"rows that copy one of another split; Clopper-Pearson {_LEVEL:.0%}{adjusted}",
                low=interval.low,
                high=interval.high,
                split=split,
            )
        )
    return tuple(shares)


def _clusters(keys: pl.Series) -> NDArray[np.int64]:
    """Equal for rows of one key; a row without a key stands alone."""
    alone = -1 - np.arange(len(keys), dtype=np.int64)
    codes = keys.rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
    return np.where(codes < 0, alone, codes)


def _flagged(direction: Direction, found: CopiedRows) -> list[FlaggedRows]:
    left, right = direction
    flagged = []
    for kind, chosen in (
        (CONTRADICTION, found.is_exact & ~found.same_label),
        (EXACT, found.is_exact),
        (NEAR, ~found.is_exact),
    ):
        if chosen.any():
            score = 1 - found.similarity[chosen] if kind == NEAR else None
            rows, partner = found.rows[chosen], found.partner[chosen]
            flagged.append(FlaggedRows(right, kind, rows, score=score, partner_split=left, partner=partner))
    return flagged


def _worst(copied: Mapping[Direction, CopiedRows]) -> list[tuple[Direction, CopiedRows, int]]:
    places = [(direction, found, at) for direction, found in copied.items() for at in range(len(found.rows))]
    return places[:_MOST_FINDINGS]


def _finding(direction: Direction, found: CopiedRows, at: int, roles: Roles) -> Finding:
    left, right = direction
    row, similarity = int(found.rows[at]), float(found.similarity[at])
    how = "exactly" if found.is_exact[at] else f"at similarity {similarity:.2f}"
    label = "" if found.same_label[at] else ", under another label"
    return Finding(
        check="leakage",
        split=right,
        row=row,
        column=roles.text,
        what=f"row {row} of {right} copies row {found.partner[at]} of {left} {how}{label}",
        remedy=f"remove the copy from {left}, or report the metric without such rows",
        kind=EXACT if found.is_exact[at] else NEAR,
        score=1 - similarity,
    )


def _words(
    direction: Direction, splits: Mapping[str, pl.DataFrame], numbers: Mapping[str, float | int | None]
) -> str:
    left, right = direction
    at, rows = f"{right}_in_{left}", splits[right].height
    return (
        f"{numbers[f'rows_{at}']:,} of {rows:,} {right} rows copy {left} ({numbers[f'exact_{at}']:,} exactly)"
    )

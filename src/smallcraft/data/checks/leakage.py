"""Finds rows of dev and cert that copy a row that a model may have learned from.

FAIL: an exact copy of a cert row in train or dev. UNDECIDED: near copies of cert rows, or copies of dev rows.
UNDECIDED too where copies cannot be told from ordinary rows (few distinct feature rows).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smallcraft.data.duplicates import NEAR_COPY, PAIR_DTYPE, near_duplicate_pairs, row_copies
from smallcraft.data.table import row_digests
from smallcraft.records import CheckResult, Finding, Outcome, Roles

_MOST_FINDINGS = 100
_DIRECTIONS = (("train", "cert"), ("dev", "cert"), ("train", "dev"))


@dataclass(frozen=True)
class Leakage:
    """Copies across splits: how many, what share, and whether their labels agree."""

    name: str = "leakage"
    similarity: float = NEAR_COPY

    def inspect(self, splits: Mapping[str, pl.DataFrame], roles: Roles) -> CheckResult:
        """See `contracts.Check`."""
        numbers: dict[str, float | int | None] = {}
        findings: list[Finding] = []
        parts: list[str] = []
        worst = Outcome.PASS
        for left, right in _DIRECTIONS:
            if left not in splits or right not in splits:
                continue
            pairs = copied_rows(splits[left], splits[right], roles, similarity=self.similarity)
            if pairs is None:
                return self._not_told()
            numbers |= _numbers(pairs, splits, (left, right), roles.label)
            rows, exact = numbers[f"rows_{right}_in_{left}"], numbers[f"exact_{right}_in_{left}"]
            if exact and right == "cert":
                worst = Outcome.FAIL
            elif rows and worst is Outcome.PASS:
                worst = Outcome.UNDECIDED
            parts.append(f"{rows:,} of {splits[right].height:,} {right} rows copy {left} ({exact:,} exactly)")
            findings += [_finding(pair, (left, right), roles) for pair in pairs[:_MOST_FINDINGS]]
        summary = "; ".join(parts) or "nothing to compare: one split only"
        worst = worst if parts else Outcome.UNDECIDED
        return CheckResult(self.name, worst, summary, numbers, tuple(findings[:_MOST_FINDINGS]))

    def _not_told(self) -> CheckResult:
        why = "most rows equal another one in all features, so copies cannot be told from ordinary rows"
        return CheckResult(self.name, Outcome.UNDECIDED, f"{why}; name a key to tie rows together", {})


def copied_rows(
    left: pl.DataFrame, right: pl.DataFrame, roles: Roles, *, similarity: float
) -> NDArray[np.void] | None:
    """Each right row that copies a left one, beside the left row most like it; worst first.

    Returns:
        Records `(left, right, similarity)`, one a right row; None where copies cannot be told.
    """
    if roles.text is not None:
        texts = [frame[roles.text].fill_null("").to_list() for frame in (left, right)]
        pairs = near_duplicate_pairs(texts[0], texts[1], similarity=similarity)
        pairs = pairs[np.lexsort((pairs["left"], -pairs["similarity"], pairs["right"]))]
        pairs = pairs[np.unique(pairs["right"], return_index=True)[1]]
        return pairs[np.argsort(-pairs["similarity"], kind="stable")]
    both = pl.concat([left.select(roles.features), right.select(roles.features)])
    if not row_copies(both, roles).is_meaningful:
        return None
    known: dict[bytes, int] = {}
    for row, digest in enumerate(row_digests(left, roles.features)):
        known.setdefault(digest, row)
    found = [
        (known[digest], row, 1.0)
        for row, digest in enumerate(row_digests(right, roles.features))
        if digest in known
    ]
    return np.array(found, dtype=PAIR_DTYPE)


def _numbers(
    pairs: NDArray[np.void],
    splits: Mapping[str, pl.DataFrame],
    names: tuple[str, str],
    label: str,
) -> dict[str, float | int | None]:
    left, right = names
    rows = splits[right].height
    same = splits[left][label].gather(pairs["left"]) == splits[right][label].gather(pairs["right"])
    at = f"{right}_in_{left}"
    return {
        f"rows_{at}": len(pairs),
        f"exact_{at}": int((pairs["similarity"] == 1.0).sum()),
        f"share_{at}": len(pairs) / rows if rows else None,
        f"label_agreement_{at}": float(same.sum()) / len(pairs) if len(pairs) else None,
    }


def _finding(pair: np.void, names: tuple[str, str], roles: Roles) -> Finding:
    left, right = names
    how = "exactly" if pair["similarity"] == 1.0 else f"at similarity {pair['similarity']:.2f}"
    what = f"row {pair['right']} of {right} copies row {pair['left']} of {left} {how}"
    remedy = f"remove the copy from {left}, or report the metric without such rows"
    return Finding("leakage", right, int(pair["right"]), roles.text, what, remedy)

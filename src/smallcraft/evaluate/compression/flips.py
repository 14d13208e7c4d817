"""The rows whose answer rounding flipped, as findings: from what, to what, how sure, and what is true.

Always: every flipped row is listed; those that turned wrong come first, the surest of them foremost.
"""

from __future__ import annotations

import numpy as np

from smallcraft.records import Finding, Predictions

_REMEDY = {
    "turned wrong": "look whether such rows matter; ship the exact form where they do",
    "turned right": "nothing: rounding happened to help",
    "wrong both ways": "label more rows of this kind: neither form knows them",
}
_ORDER = tuple(_REMEDY)


def list_flips(before: Predictions, after: Predictions, *, check: str, split: str) -> tuple[Finding, ...]:
    """A finding a flipped row.

    Args:
        before: Answers of the exact form.
        after: Answers of the rounded one, to the same rows.
        check: Whose findings they are.
        split: Whose rows.
    """
    rows = np.flatnonzero(before.predicted != after.predicted).tolist()
    found = [_flip(before, after, row, check=check, split=split) for row in rows]
    return tuple(sorted(found, key=lambda flip: (_ORDER.index(flip.kind), flip.score)))


def _flip(before: Predictions, after: Predictions, row: int, *, check: str, split: str) -> Finding:
    was, now, true = int(before.predicted[row]), int(after.predicted[row]), int(before.truth[row])
    kind = "turned wrong" if was == true else "turned right" if now == true else "wrong both ways"
    truth = before.classes[true] if true >= 0 else "none of the classes"
    sure, surer = float(before.probs[row, was]), float(after.probs[row, now])
    what = (
        f"fp32 says {before.classes[was]} ({sure:.1%} sure), INT8 says {after.classes[now]} "
        f"({surer:.1%} sure); labelled {truth}"
    )
    return Finding(check, split, row, None, what, _REMEDY[kind], kind=kind, score=-surer)

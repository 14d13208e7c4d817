"""How far annotators disagree on the rows, and whether that is the rows' doing or the annotators'.

What the votes say together belongs to `data.quality.consensus`.
PASS: agreement is shown to be better than chance. FAIL: it is shown to be worse. UNDECIDED: neither, or no
row has two votes. How much disagreement is too much is not decided here: hard data is not bad data.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.quality.consensus import find_consensus
from smallcraft.data.votes import Votes
from smallcraft.data.wording import split_place
from smallcraft.records import CheckResult, Finding, Measurement, Outcome
from smallcraft.stats.agreement import Agreement, Estimate, count_votes, measure_agreement

CHECK = "disagreement"
_MOST_PAIRS = 10
_UNITS = {
    "disagreement": "two votes on one row differ, averaged over rows",
    "krippendorff_alpha": "Krippendorff's alpha for labels without an order",
    "unanimous_share": "all votes on the row are the same",
    "ambiguity": "part of the disagreement on rows whose posterior given the annotators' confusions is open",
    "worker_error": "part of the disagreement on rows whose posterior is settled",
}


def inspect_disagreement(votes: Votes, *, split: str, confidence: float = 0.95, seed: int = 0) -> CheckResult:
    """Measure agreement with intervals, split the disagreement, and name the labels that are mixed up.

    Args:
        votes: Of the rows.
        split: Whose rows.
        confidence: Of the intervals.
        seed: Of the samples.
    """
    counts = count_votes(votes.starts, votes.label, len(votes.classes))
    found = measure_agreement(
        counts,
        posterior=find_consensus(votes, seed=seed).posterior,
        level=confidence,
        rng=np.random.default_rng(seed),
    )
    measured = dict(
        zip(
            _UNITS,
            (found.disagreement, found.alpha, found.unanimous, found.ambiguity, found.worker_error),
            strict=True,
        )
    )
    numbers: dict[str, float | int | None] = {
        "rows": votes.n_items,
        "rows_with_two_votes": found.items,
        "votes": len(votes.label),
        "annotators": len(np.unique(votes.annotator)),
        **{name: estimate.value for name, estimate in measured.items()},
    }
    return CheckResult(
        CHECK,
        _outcome(found.alpha),
        _summary(found, split),
        numbers,
        tuple(_mixed_up(counts, votes.classes, split)),
        tuple(_measurements(measured, found.items, split, confidence)),
    )


def _outcome(alpha: Estimate) -> Outcome:
    if alpha.interval is None:
        return Outcome.UNDECIDED
    if alpha.interval.low > 0:
        return Outcome.PASS
    return Outcome.FAIL if alpha.interval.high < 0 else Outcome.UNDECIDED


def _summary(found: Agreement, split: str) -> str:
    if not found.items:
        return f"no row of {split_place(split)} has two votes; have some rows labelled twice to see agreement"
    said = (
        f"two votes on a row of {split_place(split)} differ {found.disagreement.value:.1%} of the time, all "
        f"agree on {found.unanimous.value:.1%} of {found.items:,} rows"
    )
    if found.alpha.value is not None and found.alpha.interval is not None:
        bounds = found.alpha.interval
        said += f"; alpha {found.alpha.value:.3f} [{bounds.low:.3f}, {bounds.high:.3f}]"
    if not found.disagreement.value or found.ambiguity.value is None:
        return said
    share = found.ambiguity.value / found.disagreement.value
    return f"{said}; {share:.0%} of the disagreement is on ambiguous rows, the rest is slips of annotators"


def _measurements(
    measured: Mapping[str, Estimate], rows: int, split: str, confidence: float
) -> list[Measurement]:
    how = f"{confidence:.0%} percentile bootstrap over rows with two votes or more"
    return [
        Measurement(
            name,
            estimate.value,
            "alpha" if name == "krippendorff_alpha" else "fraction",
            rows,
            f"{_UNITS[name]}; {how}",
            low=None if estimate.interval is None else estimate.interval.low,
            high=None if estimate.interval is None else estimate.interval.high,
            split=split,
            detail="" if estimate.value is not None else _why_none(rows),
        )
        for name, estimate in measured.items()
    ]


def _why_none(rows: int) -> str:
    return "every vote is the same label" if rows else "no row has two votes"


def _mixed_up(counts: NDArray[np.int64], classes: tuple[str, ...], split: str) -> list[Finding]:
    """The pairs of labels that most rows are torn between."""
    torn = counts[((counts > 0).sum(axis=1) >= 2)]
    if not len(torn):
        return []
    present = (torn > 0).astype(np.float64)
    pairs = np.triu(present.T @ present, 1)
    order = np.argsort(-pairs, axis=None, kind="stable")[:_MOST_PAIRS]
    found = []
    for first, second in zip(*np.unravel_index(order, pairs.shape), strict=True):
        rows = int(pairs[first, second])
        if rows < 2:
            break
        what = f"annotators are torn between '{classes[first]}' and '{classes[second]}' on {rows:,} rows"
        remedy = "say in the guideline what tells the two apart, or merge them"
        found.append(Finding(CHECK, split, None, None, what, remedy, "mixed-up labels"))
    return found

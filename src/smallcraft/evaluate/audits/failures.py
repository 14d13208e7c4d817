"""Where a candidate fails: slices of errors found on one half and confirmed on the other, and mix-ups.

Always: a slice's error rate comes from the confirming half, with an interval that allows for its having been
selected; rows whose label is none of the classes are left out.
Left to others: the ceiling that wrong labels set (`data.quality.ceiling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.failures.concentration import FailingSlice, Search, find_failures
from smallcraft.evaluate.failures.conditions import Condition, list_conditions
from smallcraft.evaluate.failures.confusion import ConfusedPair, confused_pairs
from smallcraft.records import AuditResult, Finding, Measurement, Predictions
from smallcraft.stats.intervals import clopper_pearson_interval, effective_rows, share_interval

_NAME = "error_rate"
_LEAST_ROWS = 40
_PAIRS = 10
_EXAMPLES = 3
_REMEDY = "look at these rows, then label more of their kind"


@dataclass(frozen=True)
class FailuresAudit:
    """Slices and confusion pairs."""

    name: ClassVar[str] = "failures"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """See `Audit`."""
        given = subject.predictions
        known = np.empty(0, np.int64) if given is None else np.flatnonzero(given.truth >= 0)
        if given is None or len(known) < _LEAST_ROWS:
            why = f"needs {_LEAST_ROWS} rows with labels and answers, there are {len(known)}"
            unmeasured = Measurement(_NAME, None, "fraction", len(known), "exact", detail=why)
            return AuditResult(self.name, f"failures not looked for: {why}", (unmeasured,))
        conditions = _conditions(subject, given, known)
        wrong = (given.truth != given.predicted)[known]
        clusters = None if given.clusters is None else given.clusters[known]
        search = find_failures(
            wrong,
            conditions,
            clusters=clusters,
            confidence=subject.confidence,
            rng=np.random.default_rng([subject.seed, 8]),
        )
        pairs = confused_pairs(given, most=_PAIRS)
        sure = given.probs.max(axis=1)[known]
        return AuditResult(
            self.name,
            _summary(search, pairs),
            (
                _overall(wrong, clusters, subject.confidence),
                *(_slice_rate(found, search, subject.confidence) for found in search.confirmed),
            ),
            (
                *(
                    finding
                    for found in search.confirmed
                    for finding in _slice_findings(found, search, known, wrong, sure, split=subject.split)
                ),
                *(finding for pair in pairs for finding in _pair_findings(pair, subject.split)),
            ),
        )


def _conditions(subject: AuditSubject, given: Predictions, known: NDArray[np.int64]) -> tuple[Condition, ...]:
    rows = {name: _taken(subject.rows[name], known) for name in subject.spec.names}
    groups: Mapping[str, Sequence[str | None]] = {
        name: [values[row] for row in known.tolist()] for name, values in subject.groups.items()
    }
    predicted = [given.classes[code] for code in given.predicted[known]]
    return list_conditions(rows, subject.spec, predicted=predicted, groups=groups)


def _taken(values: Sequence[object], places: NDArray[np.int64]) -> list[object]:
    return [values[place] for place in places.tolist()]


def _overall(wrong: NDArray[np.bool_], clusters: NDArray[np.int64] | None, level: float) -> Measurement:
    n = len(wrong)
    trials = float(n) if clusters is None else effective_rows(wrong, clusters, level=level)
    bounds = share_interval(wrong, level=level, clusters=clusters)
    rate = float(wrong.mean())
    return Measurement(
        _NAME,
        rate,
        "fraction",
        n,
        f"Clopper-Pearson {level:.0%}" + ("" if clusters is None else ", Korn-Graubard effective rows"),
        low=bounds.low,
        high=bounds.high,
        level=level,
        hits=rate * trials,
        trials=trials,
    )


def _slice_rate(found: FailingSlice, search: Search, confidence: float) -> Measurement:
    """On the confirming half; the level pays for picking some of those tested.

    Benjamini and Yekutieli (2005), JASA 100:71-81: false coverage rate.
    """
    level = 1 - (1 - confidence) * len(search.confirmed) / search.tested
    bounds = clopper_pearson_interval(found.errors, found.met, level=level)
    return Measurement(
        _NAME,
        found.errors / found.met,
        "fraction",
        found.met,
        f"Clopper-Pearson {level:.2%} on the confirming half, for a false coverage rate of "
        f"{1 - confidence:.0%}",
        low=bounds.low,
        high=bounds.high,
        slice=found.condition.name,
        level=level,
        hits=found.errors,
        trials=found.met,
        detail=f"{_times(found, search)}; Fisher's exact test, Benjamini-Hochberg over {search.tested} "
        f"conditions: p = {found.p_value:.2g}",
    )


def _times(found: FailingSlice, search: Search) -> str:
    overall = search.errors / search.rows
    return f"{found.errors / found.met / overall:.1f} times the {overall:.1%} of all rows of that half"


def _slice_findings(
    found: FailingSlice,
    search: Search,
    known: NDArray[np.int64],
    wrong: NDArray[np.bool_],
    sure: NDArray[np.float64],
    *,
    split: str,
) -> list[Finding]:
    """The slice in words, beside its wrong rows that the candidate was surest of."""
    inside = np.flatnonzero(found.condition.rows & wrong)
    examples = inside[np.argsort(-sure[inside], kind="stable")][:_EXAMPLES]
    what = (
        f"rows {found.condition.words}: {found.errors} of {found.met} are wrong "
        f"({found.errors / found.met:.0%}), {_times(found, search)}; this is one of them"
    )
    return [
        Finding(
            "failures",
            split,
            int(known[place]),
            None,
            what,
            _REMEDY,
            kind=found.condition.name,
            score=found.p_value,
        )
        for place in examples.tolist()
    ]


def _pair_findings(pair: ConfusedPair, split: str) -> list[Finding]:
    what = (
        f"'{pair.truth}' answered as '{pair.answered}' in {len(pair.rows)} rows: {pair.share_of_errors:.0%} "
        f"of all errors, {pair.share_of_class:.0%} of the class; this is one of them"
    )
    remedy = "look whether the two labels can be told apart; merge them, or label more rows of both"
    return [
        Finding("failures", split, int(row), None, what, remedy, kind="confusion", suggested=pair.answered)
        for row in pair.rows[:_EXAMPLES]
    ]


def _summary(search: Search, pairs: Sequence[ConfusedPair]) -> str:
    tried = f"{search.tested} of {search.listed} conditions tested on {search.rows:,} rows"
    if search.confirmed:
        worst, count = search.confirmed[0], len(search.confirmed)
        said = (
            f"{count} {'slice' if count == 1 else 'slices'} confirmed where errors are concentrated, first "
            f"{worst.condition.name} ({worst.errors} of {worst.met} wrong); {tried}"
        )
    else:
        said = f"no slice confirmed where errors are concentrated; {tried}"
    if pairs:
        said += (
            f"; most frequent mix-up: {pairs[0].truth} answered as {pairs[0].answered} ({len(pairs[0].rows)})"
        )
    return said

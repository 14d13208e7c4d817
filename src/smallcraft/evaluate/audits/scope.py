"""Can a candidate tell questions it was made for from all others, by its confidence alone?

The score of a row is its largest probability. `oos_auroc` is the chance that a row in scope has a higher
score than one out of scope; `oos_fpr_at_95_tpr` the share of rows out of scope that are accepted at the
threshold that accepts 95 % of the rows in scope.
Always: the threshold is the highest that accepts at least 95 % of the rows in scope, it stands in the detail,
and its own noise is told there, for the exact interval of the share takes the threshold as given.
Left to others: detectors of their own; whether the accepted rows are answered rightly.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.columns import count_rows
from smallcraft.evaluate.measuring.estimates import FRACTION, Place, count_share, measure_share, unmeasured
from smallcraft.records import AuditResult, Measurement
from smallcraft.stats.auroc import roc_area, roc_area_interval
from smallcraft.stats.intervals import quantile_interval

ACCEPTED = 0.95
AUROC, FPR = "oos_auroc", "oos_fpr_at_95_tpr"


@dataclass(frozen=True)
class ScopeAudit:
    """Confidence in scope beside confidence out of scope."""

    name: str = "scope"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Both measurements over all rows in scope and all out of scope."""
        place = Place("all", subject.split, subject.confidence)
        why = _why_not(subject)
        if why or subject.predictions is None or subject.answer is None or subject.out_of_scope is None:
            missing = tuple(unmeasured(name, place, why) for name in (AUROC, FPR))
            return AuditResult(self.name, f"not measured: {why}", missing)
        inside = subject.predictions.probs.max(axis=1)
        outside = np.asarray(subject.answer(subject.out_of_scope)).max(axis=1)
        area = measure_area(inside, outside, place, clusters=subject.predictions.clusters)
        accepted = measure_accepted(inside, outside, place)
        return AuditResult(self.name, _summary(area, accepted), (area, accepted))


def measure_area(
    inside: NDArray[np.float64],
    outside: NDArray[np.float64],
    place: Place,
    *,
    clusters: NDArray[np.int64] | None = None,
) -> Measurement:
    """How well scores tell rows in scope from rows out of scope, with DeLong's interval.

    Args:
        inside: `(n,)` scores of rows in scope, n at least 1.
        outside: `(m,)` scores of rows out of scope, m at least 1; each of them stands alone.
        place: Slice, split and coverage.
        clusters: `(n,)` int64, equal for rows in scope that belong together.
    """
    is_inside = np.arange(len(inside) + len(outside)) < len(inside)
    area = roc_area(is_inside, np.concatenate([inside, outside]))
    if clusters is not None:
        clusters = np.concatenate([clusters, np.arange(len(outside)) + clusters.max() + 1])
    interval = roc_area_interval(area, level=place.confidence, clusters=clusters)
    return Measurement(
        name=AUROC,
        value=area.value,
        unit=FRACTION,
        n=len(is_inside),
        method=f"DeLong on the logit scale {place.confidence:.0%}",
        low=interval.low,
        high=interval.high,
        split=place.split,
        slice=place.slice,
        detail=f"{len(inside)} rows in scope, {len(outside)} out of scope; score: largest probability",
        level=place.confidence,
    )


def measure_accepted(
    inside: NDArray[np.float64], outside: NDArray[np.float64], place: Place, *, accepted: float = ACCEPTED
) -> Measurement:
    """Share of the rows out of scope that score as high as the threshold that accepts most rows in scope."""
    threshold = accepting_threshold(inside, accepted)
    counted = count_share(outside >= threshold, confidence=place.confidence)
    detail = f"accepted at a score of {threshold:.4g} or more, taken from the same rows in scope"
    moved = quantile_interval(np.sort(inside), 1 - accepted, place.confidence)
    if moved is not None:
        ends = [float(np.mean(outside >= end)) for end in (moved.high, moved.low)]
        detail += f"; with the threshold at the ends of its own interval {ends[0]:.3f} to {ends[1]:.3f}"
    measured = measure_share(FPR, counted, place)
    return dataclasses.replace(measured, method=f"{measured.method}, threshold as given", detail=detail)


def accepting_threshold(scores: NDArray[np.float64], share: float) -> float:
    """The highest of the scores that at least this share of them reach.

    >>> accepting_threshold(np.array([0.9, 0.5, 0.7, 0.8]), 0.75)
    0.7
    """
    ordered = np.sort(scores)[::-1]
    return float(ordered[max(math.ceil(share * len(ordered) - 1e-9), 1) - 1])


def _why_not(subject: AuditSubject) -> str:
    if subject.out_of_scope is None or count_rows(subject.out_of_scope) == 0:
        return "no rows out of scope are given; collect some questions that belong to none of the classes"
    if subject.predictions is None or len(subject.predictions.truth) == 0:
        return "it needs predictions on rows in scope"
    return "" if subject.answer is not None else "it needs a model to ask; predictions alone do not do"


def _summary(area: Measurement, accepted: Measurement) -> str:
    return (
        f"AUROC {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]; with 95 % of the rows in scope accepted, "
        f"{accepted.value:.1%} [{accepted.low:.1%}, {accepted.high:.1%}] of {accepted.n} out of scope are too"
    )

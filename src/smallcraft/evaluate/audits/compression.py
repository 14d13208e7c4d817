"""What rounding to INT8 did to a bundle: its answers beside its exact form's, on the target's own rows.

1. both answer every row: how often the label is the same, and what the metric lost, pair by pair
2. the same in each class and each declared group
3. each encoder's embeddings beside the exact ones, by cosine, on a seeded draw of rows
4. what it bought: bytes and milliseconds
5. every row whose answer flipped, those that turned wrong first

Always: both forms have the same weights and decoder, so nothing but rounding is measured; where no labels are
given only (1) without the metric, (3) and (4) are made.
Left to others: what a loss means for a release (`gates.policy.compression_spec`).
Not covered: other processors' INT8 arithmetic (a bundle's own check, `smallcraft doctor`); answers that are
several labels or numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.evaluate.audits.audit import AuditSubject, Columns
from smallcraft.evaluate.choice.paired import quality_difference
from smallcraft.evaluate.compression.embeddings import LEAST_COSINE, measure_embeddings
from smallcraft.evaluate.compression.flips import list_flips
from smallcraft.evaluate.compression.savings import measure_savings
from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.records import AuditResult, Measurement, Predictions

AGREEMENT = "agreement_with_exact"
_LACKS = "nothing in it is rounded, or it is no candidate of a ladder; name one that ends as INT8"


def over_exact(metric: str) -> str:
    """Name of the difference in a metric, rounded minus exact.

    >>> over_exact("macro_f1")
    'macro_f1_over_exact'
    """
    return f"{metric}_over_exact"


@dataclass(frozen=True)
class CompressionAudit:
    """INT8 against fp32.

    Attributes:
        metric: The project's; accuracy is measured too.
    """

    name: ClassVar[str] = "compression"
    metric: str = "accuracy"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """See `Audit`."""
        given = subject.predictions
        if subject.bundle is None or subject.exact is None or not isinstance(given, Predictions):
            return AuditResult(self.name, f"not measured: {_LACKS}", (not_compared(subject.split, _LACKS),))
        rounded, exact = open_bundle(subject.bundle), open_bundle(subject.exact())
        before = replace(given, probs=exact.predict_proba(subject.rows))
        drawn = _draw(subject)
        measurements = (
            *_compare(given, before, subject, metrics=dict.fromkeys((self.metric, "accuracy"))),
            *measure_embeddings(rounded, exact, drawn, confidence=subject.confidence),
            *measure_savings(rounded, exact, drawn),
        )
        flips = list_flips(before, given, check=self.name, split=subject.split)
        return AuditResult(self.name, _summary(measurements, len(flips)), measurements, flips)


def not_compared(split: str, why: str) -> Measurement:
    """Agreement that was asked for and could not be measured."""
    return Measurement(AGREEMENT, None, "fraction", 0, "share of rows", split=split, detail=why)


def measure_agreement(
    rounded: Bundle, exact: Bundle, rows: Columns, *, clusters: NDArray[np.int64] | None, confidence: float
) -> Measurement:
    """How often both give the same label; needs no labels of anybody's.

    Args:
        rounded: The bundle that ships.
        exact: Its exact form.
        rows: Input columns.
        clusters: Equal for rows of one key.
        confidence: Coverage of the interval.
    """
    one, two = (bundle.predict_proba(rows).argmax(axis=1) for bundle in (rounded, exact))
    return measure_hits(AGREEMENT, one == two, clusters, confidence=confidence)


def _compare(
    after: Predictions, before: Predictions, subject: AuditSubject, *, metrics: dict[str, None]
) -> tuple[Measurement, ...]:
    """Agreement and differences over all rows, then agreement and accuracy slice by slice."""
    found = [_agreement(after, before, subject.confidence)]
    found += [_difference(after, before, subject, metric) for metric in metrics]
    for name, rows in _slices(after, subject).items():
        parts = (_taken(after, rows), _taken(before, rows))
        sliced = (_agreement(*parts, subject.confidence), _difference(*parts, subject, "accuracy"))
        found += [replace(measurement, slice=name) for measurement in sliced]
    return tuple(found)


def _slices(given: Predictions, subject: AuditSubject) -> dict[str, NDArray[np.bool_]]:
    """Every class that some row has, and every value of every group column."""
    slices = {f"class={name}": given.truth == code for code, name in enumerate(given.classes)}
    for column, values in subject.groups.items():
        for value in sorted({value for value in values if value is not None}):
            slices[f"{column}={value}"] = np.array([other == value for other in values], dtype=np.bool_)
    return {name: rows for name, rows in slices.items() if rows.any()}


def _taken(given: Predictions, rows: NDArray[np.bool_]) -> Predictions:
    clusters = None if given.clusters is None else given.clusters[rows]
    return Predictions(given.classes, given.truth[rows], given.probs[rows], clusters)


def _agreement(after: Predictions, before: Predictions, confidence: float) -> Measurement:
    same = after.predicted == before.predicted
    return measure_hits(AGREEMENT, same, after.clusters, confidence=confidence)


def _difference(after: Predictions, before: Predictions, subject: AuditSubject, metric: str) -> Measurement:
    level = subject.confidence
    found = quality_difference(after, before, metric=metric, level=level, seed=subject.seed)
    return Measurement(
        over_exact(metric),
        found.value,
        "difference",
        len(after.truth),
        f"paired, INT8 minus fp32, {level:.0%}",
        found.interval.low,
        found.interval.high,
        level=level,
    )


def _draw(subject: AuditSubject) -> Columns:
    n = len(next(iter(subject.rows.values()), ()))
    rng = np.random.default_rng([subject.seed, 13])
    rows = np.sort(rng.permutation(n)[: subject.most_rows]).tolist()
    return {name: [values[row] for row in rows] for name, values in subject.rows.items()}


def _summary(found: tuple[Measurement, ...], flips: int) -> str:
    whole = {m.name: m for m in found if m.slice == "all"}
    same, lost = whole[AGREEMENT], whole[over_exact("accuracy")]
    told = (
        f"INT8 answers as fp32 does on {same.value:.2%} of {same.n:,} rows ({flips} flipped); accuracy "
        f"{lost.value:+.2%} [{lost.low:+.2%}, {lost.high:+.2%}]; "
        f"{whole['size_over_exact'].value:.0%} of its size"
    )
    cosines = [m.value for m in found if m.name == LEAST_COSINE and m.value is not None]
    return f"{told}; embeddings at least {min(cosines):.3f} alike" if cosines else told

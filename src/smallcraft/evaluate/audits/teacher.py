"""A model beside its teacher and beside people: whom it agrees with, and whose side it takes if they differ.

A teacher is a large model whose answers were logged; a small model that was taught by it may agree with it
more than with people, and copy its mistakes.
Always: agreement with the teacher and with people are apart, on the rows that both have answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.measuring.estimates import measure_hits
from smallcraft.records import AuditResult, Measurement

_NAMES = (
    "agreement_with_teacher",
    "agreement_with_people",
    "teacher_agreement_with_people",
    "sides_with_teacher",
)


@dataclass(frozen=True)
class TeacherAudit:
    """Three agreements, and which side the model takes."""

    name: ClassVar[str] = "teacher"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """See `Audit`."""
        given, teacher = subject.predictions, subject.teacher
        if given is None or teacher is None:
            why = "there is no teacher; name its column as `teacher` under [ladder]"
            return AuditResult(self.name, why, tuple(_unmeasured(name, why) for name in _NAMES))
        both = (given.truth >= 0) & (teacher >= 0)
        truth, taught, said = given.truth[both], teacher[both], given.predicted[both]
        clusters = None if given.clusters is None else given.clusters[both]
        differ = taught != truth
        found = (
            _share(_NAMES[0], said == taught, clusters, subject.confidence),
            _share(_NAMES[1], said == truth, clusters, subject.confidence),
            _share(_NAMES[2], taught == truth, clusters, subject.confidence),
            _share(
                _NAMES[3],
                (said == taught)[differ],
                None if clusters is None else clusters[differ],
                subject.confidence,
            ),
        )
        return AuditResult(self.name, _sentence(found), found)


def _share(
    name: str, hits: NDArray[np.bool_], clusters: NDArray[np.int64] | None, confidence: float
) -> Measurement:
    if not len(hits):
        return _unmeasured(name, "no row was answered by both, or they never differ")
    return measure_hits(name, hits, clusters, confidence=confidence)


def _unmeasured(name: str, why: str) -> Measurement:
    return Measurement(name, None, "fraction", 0, "share of rows", detail=why)


def _sentence(found: tuple[Measurement, ...]) -> str:
    with_teacher, with_people, teacher, sides = (m.value for m in found)
    if with_teacher is None or with_people is None or teacher is None:
        return "no row was answered by the teacher and by people"
    told = (
        f"the model agrees with its teacher on {with_teacher:.1%} and with people on {with_people:.1%} of "
        f"{found[0].n:,} rows; the teacher agrees with people on {teacher:.1%}"
    )
    return told if sides is None else f"{told}; where they differ the model takes its side in {sides:.1%}"

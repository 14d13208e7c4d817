"""Agreement with a teacher and with people is told apart."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.teacher import TeacherAudit
from smallcraft.records import Predictions


def subject(truth: list[int], said: list[int], teacher: list[int] | None) -> AuditSubject:
    return AuditSubject(
        rows={"text": [""] * len(truth)},
        seed=0,
        predictions=Predictions(("a", "b"), np.array(truth), np.eye(2)[said]),
        teacher=None if teacher is None else np.array(teacher),
    )


def test_agreements_are_over_rows_that_both_answered() -> None:
    found = TeacherAudit().measure(
        subject(truth=[0, 0, 1, 1, -1, 1], said=[0, 1, 1, 0, 1, 1], teacher=[0, 1, 0, 0, 0, -1])
    )
    values = {m.name: (m.value, m.n) for m in found.measurements}
    # rows 0 to 3: the model says 0 1 1 0, people 0 0 1 1, the teacher 0 1 0 0
    assert values == {
        "agreement_with_teacher": (0.75, 4),
        "agreement_with_people": (0.5, 4),
        "teacher_agreement_with_people": (0.25, 4),
        "sides_with_teacher": (pytest.approx(2 / 3), 3),
    }
    assert "its teacher on 75.0% and with people on 50.0% of 4 rows" in found.summary


def test_a_model_without_a_teacher_has_no_agreement_and_says_what_brings_one() -> None:
    found = TeacherAudit().measure(subject([0, 1], [0, 1], None))
    assert all(m.value is None and "[ladder]" in m.detail for m in found.measurements)


def test_a_teacher_that_never_differs_has_no_sides() -> None:
    found = TeacherAudit().measure(subject([0, 1], [0, 0], [0, 1]))
    assert found.measurements[-1].value is None
    assert found.measurements[0].value == 0.5

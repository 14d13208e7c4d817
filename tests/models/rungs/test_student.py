"""The student with the teachers that the ladder gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.models.distill import StudentPlan
from smallcraft.models.memory import Memory
from smallcraft.models.rungs.student import STUDENT, Student, ask_teachers, embed

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(
        tmp_path_factory.mktemp("student-rung"), TEXT, backbone=tiny_backbone, n=80, n_folds=3
    )


def test_no_label_of_the_judged_fold_reaches_what_teachers_say_of_other_rows(workshop):
    probs = ask_teachers(workshop)
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-5)
    judged = workshop.folds == 0
    labels = np.where(judged, (workshop.labels + 1) % 3, workshop.labels)
    folder = workshop.scratch / "other"
    other = replace(workshop, labels=labels, memory=Memory(folder), scratch=folder, _made={})
    assert np.array_equal(ask_teachers(other)[~judged], probs[~judged])


def test_a_large_models_answers_are_believed_beside_its_own(workshop):
    logged = np.eye(3)[(workshop.labels + 1) % 3]
    taught = ask_teachers(replace(workshop, teacher=logged))
    assert np.allclose(taught, (ask_teachers(workshop) + logged) / 2, atol=1e-6)
    before, after = STUDENT.trainer(workshop), STUDENT._make_trainer(replace(workshop, teacher=logged))
    assert before._key != after._key


def test_the_embeddings_are_those_of_the_backbone_for_each_row(workshop):
    assert embed(workshop).shape == (80, 16)


def test_its_estimate_counts_its_teachers_and_trains_nothing(workshop):
    alone = Student("student", STUDENT.plan, StudentPlan()).trainer(workshop).estimate_cpu_s()
    found = STUDENT.estimate_cpu_s(workshop)
    assert found is not None
    assert found > alone

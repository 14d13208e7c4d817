"""The student and its cascade, from rows to a bundle, with the teachers that the ladder gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.distill import StudentPlan
from smallcraft.models.ladder import fit_rung
from smallcraft.models.rungs.student import STUDENT, Student, ask_teachers, embed
from smallcraft.models.rungs.tuned import TUNED

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(
        tmp_path_factory.mktemp("student-rung"), TEXT, backbone=tiny_backbone, n=80, n_folds=2
    )


@pytest.fixture(scope="module")
def cascade(workshop):
    return fit_rung("cascade_student", workshop, workshop.scratch / "bundles", about={})


def test_every_row_has_a_teacher_that_did_not_see_its_fold(workshop):
    probs = ask_teachers(workshop)
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-5)
    held = workshop.folds == 1
    labels = np.where(held, (workshop.labels + 1) % 3, workshop.labels)
    # The weights of the mix are fitted to all labels: what each teacher says of the fold is compared.
    for rung in (TUNED,):
        other = replace(
            workshop,
            labels=labels,
            memory=type(workshop.memory)(workshop.scratch / "other"),
            scratch=workshop.scratch,
            _made={},
        )
        assert np.array_equal(rung.teach(workshop)[held], rung.teach(other)[held])


def test_a_large_models_answers_are_believed_beside_its_own(workshop):
    logged = np.eye(3)[(workshop.labels + 1) % 3]
    taught = ask_teachers(replace(workshop, teacher=logged))
    assert np.allclose(taught, (ask_teachers(workshop) + logged) / 2, atol=1e-6)
    before, after = STUDENT.trainer(workshop), STUDENT._make_trainer(replace(workshop, teacher=logged))
    assert before._key != after._key


def test_the_embeddings_are_those_of_the_backbone_for_each_row(workshop):
    assert embed(workshop).shape == (80, 16)


def test_its_bundle_answers_as_the_stages_that_were_trained(workshop, cascade):
    bundle = open_bundle(cascade.bundle)
    assert [stage.name for stage in bundle.stages] == ["student-fast", "student"]
    ((_, inputs),) = workshop.parts
    (student,) = STUDENT.stages(workshop)
    assert np.allclose(bundle.stages[1].logits(inputs), student.logits(inputs), atol=1e-5)
    assert bundle.stages[0].blocks[0].tokenizer is bundle.stages[1].blocks[0].tokenizer


def test_the_cascade_and_the_student_share_what_was_trained(workshop, cascade, monkeypatch):
    monkeypatch.setattr("smallcraft.models.tuning.trainer.train", lambda *_, **__: pytest.fail("it trains"))
    alone = fit_rung("student", workshop, workshop.scratch / "bundles", about={})
    assert alone.decoder is not None
    assert alone.train_cpu_s is not None
    assert cascade.train_cpu_s is not None
    assert alone.train_cpu_s > 0


def test_its_estimate_counts_its_teachers_and_trains_nothing(workshop):
    alone = Student("student", STUDENT.plan, StudentPlan()).trainer(workshop).estimate_cpu_s()
    found = STUDENT.estimate_cpu_s(workshop)
    assert found is not None
    assert found > alone

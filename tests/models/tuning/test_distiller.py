"""A student: smaller than its backbone, taught out of fold, remembered by all that it was made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.tinybert import VOCABULARY
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.models.distill import StudentPlan
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.distiller import Distiller, Teachers
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan

pytestmark = pytest.mark.torch

PLAN = TuningPlan(
    layers=1,
    train=TrainPlan(
        epochs=6, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, averaging=0.0, precision="fp32"
    ),
)

WHOLE = StudentPlan(keep_layers=None, vocabulary_margin=0, teacher_share=0.5, embedding_share=0.0)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("student"), TEXT, backbone=tiny_backbone, n=120)


def teachers(probs, *, key="k", width=16):
    return Teachers(key, lambda: probs.astype(np.float32), lambda: np.ones((len(probs), width), np.float32))


def right(workshop):
    return np.eye(3)[workshop.labels] * 0.94 + 0.02


def distiller(workshop, probs, plan, **options):
    return Distiller("student", workshop, PLAN, plan, teachers(probs, **options))


def test_it_keeps_the_layers_of_its_plan(workshop):
    whole = workshop.backbone_source()
    kept = distiller(workshop, right(workshop), StudentPlan(keep_layers=(1, 7))).source
    assert kept.layers == 1
    moved = kept.weights["encoder.layer.0.output.dense.weight"]
    assert np.array_equal(moved, whole.weights["encoder.layer.1.output.dense.weight"])
    everything = StudentPlan(keep_layers=None, vocabulary_margin=None)
    assert distiller(workshop, right(workshop), everything).source.digest == whole.digest


def test_it_keeps_the_pieces_that_the_texts_need(workshop):
    few = replace(workshop, parts=(("few", read_inputs({"message": ["card pay"] * 120}, TEXT)),))
    kept = distiller(few, right(workshop), StudentPlan(vocabulary_margin=0)).source
    assert len(kept.token_table) < len(VOCABULARY)
    assert len(kept.token_table) == kept.config["vocab_size"]


def test_a_student_with_fewer_pieces_reads_the_training_texts_as_its_backbone_does(workshop):
    student = distiller(workshop, right(workshop), WHOLE)
    whole = replace(student, student=replace(WHOLE, vocabulary_margin=None))
    assert np.array_equal(student.tokens.lengths, whole.tokens.lengths)
    assert np.array_equal(student.inputs.values, whole.inputs.values)


def test_it_believes_its_teachers_as_far_as_the_plan_says(workshop):
    wrong = np.roll(right(workshop), 1, axis=1)
    repeats = {}
    for share in (0.0, 1.0):
        logits = distiller(workshop, wrong, replace(WHOLE, teacher_share=share)).out_of_fold(2)
        known = ~np.isnan(logits).any(axis=1)
        repeats[share] = (logits[known].argmax(axis=1) == wrong[known].argmax(axis=1)).mean()
    assert repeats[1.0] > repeats[0.0] + 0.15


def test_what_a_teacher_says_of_a_held_out_fold_never_reaches_its_logits(workshop):
    held = workshop.folds == 0
    other = right(workshop)
    other[held] = np.roll(other[held], 1, axis=1)
    plan = WHOLE
    one = distiller(workshop, right(workshop), plan, key="one").out_of_fold(1)
    two = distiller(workshop, other, plan, key="two").out_of_fold(1)
    assert np.array_equal(one[held], two[held])


def test_teachers_and_plans_are_part_of_the_name_it_is_remembered_under(workshop, monkeypatch):
    plan = WHOLE
    first = distiller(workshop, right(workshop), plan)
    first.out_of_fold(1)
    monkeypatch.setattr("smallcraft.models.tuning.trainer.train", lambda *_, **__: pytest.fail("it trains"))
    first.out_of_fold(1)
    for other in (
        distiller(workshop, right(workshop), plan, key="others"),
        distiller(workshop, right(workshop), replace(plan, teacher_share=0.7)),
    ):
        with pytest.raises(pytest.fail.Exception, match="it trains"):
            other.out_of_fold(1)


def test_its_cost_is_estimated_without_asking_a_teacher(workshop):
    def refuse():
        pytest.fail("a teacher is asked")

    student = Distiller("student", workshop, PLAN, StudentPlan(), Teachers("k", refuse, refuse))
    assert student.estimate_cpu_s() > 0


def test_an_embedding_share_draws_it_towards_the_teachers_embeddings(workshop):
    wanted = np.ones((120, 16), np.float32)

    def cosine(share):
        plan = replace(WHOLE, teacher_share=0.0, embedding_share=share)
        student = distiller(workshop, right(workshop), plan)
        tuned = student.tuned()
        module = Learner(Encoder(tuned.source.weights, tuned.source.config, first_layer=1), tuned.head)
        said = answer(module, student.inputs, np.arange(120)).embeddings
        return float(((said @ wanted.T)[:, 0] / np.linalg.norm(said, axis=1)).mean())

    assert cosine(20.0) > cosine(0.0) + 0.5

"""A rung that tunes an encoder, as the ladder sees it: its bundle answers as what was trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.ladder import fit_rung
from smallcraft.models.tuning.answers import answer
from smallcraft.models.tuning.encoder import Encoder
from smallcraft.models.tuning.learner import Learner
from smallcraft.models.tuning.plan import TrainPlan, TuningPlan
from smallcraft.models.tuning.prefix import read_ids
from smallcraft.models.tuning.rung import EncoderRung

pytestmark = pytest.mark.torch

TRAIN = TrainPlan(epochs=8, batch_rows=16, learning_rate=3e-3, head_rate=3e-2, precision="fp32")
RUNG = EncoderRung("tuned", TuningPlan(layers=1, folds_trained=1, train=TRAIN))
ROWS = toy_rows(60, seed=5)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("rung"), TEXT, backbone=tiny_backbone)


@pytest.fixture(scope="module")
def bundle(workshop, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smallcraft.models.candidates.BUILTIN", {"tuned": RUNG})
        attempt = fit_rung("tuned", workshop, tmp_path_factory.mktemp("bundles"), about={})
    return open_bundle(attempt.bundle)


def test_the_bundle_is_one_stage_over_an_encoder_of_its_own(bundle):
    (stage,) = bundle.stages
    (block,) = stage.blocks
    assert stage.name == "tuned"
    assert isinstance(block, EncoderBlock)


def test_the_bundle_answers_unseen_rows_better_than_guessing(bundle):
    hits = np.array(bundle.predict(ROWS.columns["message"])) == np.array(bundle.classes)[ROWS.labels]
    assert hits.mean() > 0.7


def test_the_exact_form_answers_as_torch_and_the_rounded_one_nearly(workshop):
    tuned = RUNG.tuned(workshop)
    module = Learner(Encoder(tuned.source.weights, tuned.source.config, embeddings=True), tuned.head)
    ids = read_ids(tuned.source, workshop.texts)
    expected = answer(module, ids, np.arange(150)).logits
    inputs = workshop.parts[0][1]
    (exact,), (rounded,) = (RUNG.stages(workshop.in_form(form)) for form in ("fp32", "int8"))
    assert np.abs(exact.logits(inputs) - expected).max() < 1e-3
    agreement = rounded.logits(inputs).argmax(axis=1) == expected.argmax(axis=1)
    assert agreement.mean() > 0.95


def test_out_of_fold_logits_are_of_as_many_folds_as_the_ladder_asks_for(workshop):
    plan = replace(RUNG.plan, folds_trained=2)
    rung = EncoderRung("tuned", plan)
    for most, folds in ((1, 1), (None, 2)):
        (logits,) = rung.out_of_fold(replace(workshop, most_folds=most))
        assert np.array_equal(~np.isnan(logits).any(axis=1), workshop.folds < folds)


def test_a_teacher_answers_every_row(workshop):
    logits = RUNG.teach(workshop)
    assert np.isfinite(logits).all()
    (own,) = RUNG.out_of_fold(workshop)
    known = ~np.isnan(own).any(axis=1)
    assert np.array_equal(own[known], logits[known])


def test_the_encoder_is_trained_once_for_every_form_and_whoever_goes_on_from_it(workshop):
    assert RUNG.tuned(workshop) is RUNG.tuned(workshop.in_form("fp32"))
    assert RUNG.trainer(workshop) is RUNG.trainer(workshop.in_form("fp32"))
    other = EncoderRung("tuned", replace(RUNG.plan, layers=2))
    assert other.trainer(workshop) is not RUNG.trainer(workshop)

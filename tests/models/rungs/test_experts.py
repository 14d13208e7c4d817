"""The rung as the ladder sees it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_rows, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.experts import ExpertsPlan
from smallcraft.models.ladder import fit_rung
from smallcraft.models.rungs.experts import Experts
from smallcraft.models.tuning.plan import TrainPlan

PLAN = ExpertsPlan(n_experts=2, trunk_layers=1, training=TrainPlan(epochs=2), going_on=TrainPlan(epochs=1))

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    pytest.importorskip("torch")
    return toy_workshop(tmp_path_factory.mktemp("experts"), TEXT, backbone=tiny_backbone)


@pytest.fixture(scope="module")
def bundle(workshop, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smallcraft.models.rungs.BUILTIN", {"experts": Experts(PLAN)})
        patch.setattr("smallcraft.models.candidates.BUILTIN", {"experts": Experts(PLAN)})
        attempt = fit_rung("experts", workshop, tmp_path_factory.mktemp("bundles"), about={})
    return open_bundle(attempt.bundle)


def test_the_bundle_is_fast_and_the_experts(bundle):
    assert [stage.name for stage in bundle.stages] == ["fast", "experts"]
    assert bundle.stages[1].blocks[0].n_experts == 2


def test_the_bundle_answers_unseen_rows_better_than_guessing(bundle):
    rows = toy_rows(100, seed=5)
    hits = np.array(bundle.predict(rows.columns["message"])) == np.array(bundle.classes)[rows.labels]
    assert hits.mean() > 0.7


def test_out_of_fold_logits_are_of_the_folds_trained_for(workshop):
    fast, experts = Experts(PLAN).out_of_fold(workshop)
    assert not np.isnan(fast).any()
    assert np.array_equal(np.isnan(experts).any(axis=1), workshop.folds != workshop.folds.min())


def test_the_exact_form_has_the_same_experts_unrounded(workshop):
    rounded, exact = (Experts(PLAN).stages(workshop.in_form(form))[1] for form in ("int8", "fp32"))
    assert rounded.head.parts[0].values.dtype == np.int8
    assert exact.head.parts[0].values.dtype == np.float32
    inputs = workshop.parts[0][1]
    taken = exact.blocks[0].route(inputs)
    assert (rounded.blocks[0].route(inputs) == taken).mean() > 0.9
    difference = np.abs(rounded.logits(inputs) - exact.logits(inputs)).max(axis=1)
    assert 0 < np.median(difference) < 0.5

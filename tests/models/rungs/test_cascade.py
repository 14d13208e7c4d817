"""Cascades share their stages with the rungs they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.models.ladder import fit_rung
from smallcraft.models.rungs.cascade import CASCADE, Cascade
from smallcraft.models.rungs.cascade_student import CASCADE_STUDENT
from smallcraft.models.rungs.cascade_tuned import CASCADE_TUNED
from smallcraft.models.rungs.frozen import FROZEN
from smallcraft.models.rungs.tiny import TINY


def test_each_cascade_needs_what_its_stages_need():
    assert CASCADE.needs == {"text", "backbone"}
    assert CASCADE_TUNED.needs == CASCADE_STUDENT.needs == {"text", "backbone", "train"}


def test_a_dear_second_stage_is_raced_and_the_first_bounds_the_cost():
    assert (CASCADE.is_raced, CASCADE.no_cheaper_than) == (False, None)
    assert (CASCADE_TUNED.is_raced, CASCADE_TUNED.no_cheaper_than) == (True, "tiny")
    assert (CASCADE_STUDENT.is_raced, CASCADE_STUDENT.no_cheaper_than) == (True, "tiny")


def test_stages_and_logits_are_those_of_its_two_rungs(tmp_path, tiny_backbone):
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=60)
    pair = Cascade("pair", TINY, FROZEN)
    assert [stage.name for stage in pair.stages(workshop)] == ["tiny", "frozen"]
    assert pair.stages(workshop)[1] is FROZEN.stages(workshop)[0]
    (static,) = [block for block in pair.stages(workshop)[0].blocks if block.name == "static"]
    assert static.path == "tiny-embeddings.bin", "another rounding of the table that the encoder brings"
    first, second = pair.out_of_fold(workshop)
    assert np.array_equal(first, TINY.out_of_fold(workshop)[0])
    assert np.array_equal(second, FROZEN.out_of_fold(workshop)[0])


@pytest.mark.torch
def test_a_second_stage_that_trained_for_some_folds_only_is_calibrated_on_their_rows(tmp_path, tiny_backbone):
    from dataclasses import replace

    from smallcraft.models.rungs.tuned import TUNED
    from smallcraft.models.tuning.plan import TrainPlan, TuningPlan

    plan = TuningPlan(layers=1, train=TrainPlan(epochs=1, precision="fp32"), folds_trained=1)
    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=80)
    pair = Cascade("pair", TINY, replace(TUNED, plan=plan))
    logits = pair.out_of_fold(workshop)
    assert np.isnan(logits[1]).any(axis=1).tolist() == (workshop.folds != 0).tolist()
    assert pair.estimate_cpu_s(workshop) > 0


def test_its_bundle_opens_with_both_stages(tmp_path, tiny_backbone):
    from smallcraft.bundle.runtime import open_bundle

    workshop = toy_workshop(tmp_path, TEXT, backbone=tiny_backbone, n=60)
    made = fit_rung("cascade", workshop, tmp_path / "bundles", about={})
    bundle = open_bundle(made.bundle)
    assert [stage.name for stage in bundle.stages] == ["fast", "frozen"]
    assert [path.name for path in made.bundle.glob("*embeddings.bin")] == ["embeddings.bin"]
    assert len(bundle.predict({"message": workshop.texts[:3]})) == 3

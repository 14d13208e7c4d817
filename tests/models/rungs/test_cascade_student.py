"""The cascade over the student, and what it shares with the student alone."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import TEXT, toy_workshop

from smallcraft.bundle.runtime import open_bundle
from smallcraft.models.ladder import fit_rung
from smallcraft.models.rungs.student import STUDENT

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, tiny_backbone):
    return toy_workshop(tmp_path_factory.mktemp("taught"), TEXT, backbone=tiny_backbone, n=60, n_folds=3)


@pytest.fixture(scope="module")
def cascade(workshop):
    return fit_rung("cascade_student", workshop, workshop.scratch / "bundles", about={})


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

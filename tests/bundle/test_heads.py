"""What every kind of head must do, whatever its weights."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.toys import rows_for, toy_rows

from smallcraft.bundle import heads
from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.runtime import open_bundle

MADE_IN = {"linear": "mixed-ngram", "trees": "trees"}


@pytest.fixture(params=sorted(heads.BUILTIN))
def stage_and_inputs(request, bundles):
    bundle = open_bundle(bundles[MADE_IN[request.param]].bundle)
    assert bundle.stages[0].head.name == request.param
    return bundle.stages[0], read_inputs(rows_for(bundle.inputs, toy_rows(12, seed=3)), bundle.spec)


def logits_of(stage, inputs):
    return stage.head.logits([block.encode(inputs) for block in stage.blocks], inputs.n)


def test_every_row_gets_a_logit_a_class_in_float64(stage_and_inputs):
    stage, inputs = stage_and_inputs
    logits = logits_of(stage, inputs)
    assert (logits.dtype, logits.shape) == (np.float64, (inputs.n, 3))
    assert len(np.unique(logits.argmax(axis=1))) > 1


def test_a_row_gets_the_same_logits_alone(stage_and_inputs):
    stage, inputs = stage_and_inputs
    together = logits_of(stage, inputs)
    for row in range(inputs.n):
        alone = logits_of(stage, inputs.take(np.array([row], dtype=np.intp)))
        assert np.array_equal(alone[0], together[row])


def test_no_rows_get_no_logits(stage_and_inputs):
    stage, inputs = stage_and_inputs
    assert logits_of(stage, inputs.take(np.empty(0, dtype=np.intp))).shape == (0, 3)


def test_a_head_is_restored_by_its_kind(stage_and_inputs, tmp_path):
    stage, inputs = stage_and_inputs
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"head": stage.head.save(writer, "stage")})
    description, _ = read_description(tmp_path / "bundle")
    files = BundleFiles(tmp_path / "bundle", listed_digests(description))
    restored = heads.BUILTIN[description["head"]["kind"]](description["head"], files)
    encoded = [block.encode(inputs) for block in stage.blocks]
    assert np.array_equal(restored.logits(encoded, inputs.n), logits_of(stage, inputs))

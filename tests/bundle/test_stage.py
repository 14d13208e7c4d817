"""A stage: blocks side by side under one head, the same after a trip to disk."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.heads.linear import LinearHead, exact_weights
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, BundleWriter, listed_digests, read_description
from smallcraft.bundle.stage import Stage, load_stage
from smallcraft.errors import BundleFormatError

SPEC = InputSpec(numbers=("age",), categories=("plan",))
ROWS = {"age": [1, 5, None, 20], "plan": ["free", "paid", "unseen", None]}


def small_stage() -> Stage:
    ages = OnehotBlock((np.array([2.0, 10.0]),), (("free", "paid"),), 0.5)
    plans = OnehotBlock((np.array([]),), (("paid",),), 1.0)
    rng = np.random.default_rng(3)
    parts = tuple(exact_weights(rng.normal(size=(block.width, 2))) for block in (ages, plans))
    return Stage("small", (ages, plans), LinearHead(np.array([0.5, -0.5], np.float32), parts))


def test_logits_are_the_heads_over_the_blocks_in_order():
    stage, inputs = small_stage(), read_inputs(ROWS, SPEC)
    encoded = [block.encode(inputs) for block in stage.blocks]
    assert np.array_equal(stage.logits(inputs), stage.head.logits(encoded, 4))
    with pytest.raises(IndexError):
        stage.head.logits(encoded[::-1], 4)


def test_a_stage_survives_the_disk(tmp_path):
    stage, inputs = small_stage(), read_inputs(ROWS, SPEC)
    writer = BundleWriter(tmp_path / "bundle")
    writer.finish({"stage": stage.save(writer)})
    description, _ = read_description(tmp_path / "bundle")
    restored = load_stage(description["stage"], BundleFiles(tmp_path / "bundle", listed_digests(description)))
    assert restored.name == "small"
    assert np.array_equal(restored.logits(inputs), stage.logits(inputs))


def test_an_unknown_kind_is_refused_with_those_known(tmp_path):
    files = BundleFiles(tmp_path, {})
    head = {"kind": "linear"}
    with pytest.raises(
        BundleFormatError, match="kinds columns, encoder, experts, ngram, onehot, static, the bundle has 'x'"
    ):
        load_stage({"name": "s", "blocks": [{"kind": "x"}], "head": head}, files)
    with pytest.raises(BundleFormatError, match="kinds linear, trees, the bundle has 'y'"):
        load_stage({"name": "s", "blocks": [], "head": {"kind": "y"}}, files)

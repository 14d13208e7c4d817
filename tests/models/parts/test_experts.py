"""A trunk and its experts as graphs: together they are the encoder; the head reaches every class."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.models.tinybert import pool, reference_states

from smallcraft.bundle.layout import read_description
from smallcraft.models.encoders import source_of
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.parts.experts import Expert, keep_output, write_graphs

ENCODER = {"width": 16, "longest": 32, "first": 2, "last": 3, "model": "not kept"}


@pytest.fixture(scope="module")
def source(tiny_backbone):
    return source_of(tiny_backbone)


@pytest.fixture(scope="module")
def shaken(source):
    """The encoder with another top layer."""
    rng = np.random.default_rng(0)
    top = {
        name: (array + rng.normal(0, 0.1, array.shape)).astype(np.float32)
        for name, array in source.weights.items()
        if name.startswith("encoder.layer.1.")
    }
    return dataclasses.replace(source, weights={**source.weights, **top}), Expert(top, np.zeros((17, 3)))


def test_trunk_and_expert_together_are_the_encoder(source, shaken, tmp_path):
    whole, expert = shaken
    files = write_graphs(source, [expert], tmp_path / "graphs", first_layer=1, form="fp32", encoder=ENCODER)
    spec = read_description(files.root)[0]["graphs"]
    ids, mask = np.array([[2, 9, 8, 7, 3]], np.int32), np.ones((1, 5), np.int32)
    trunk = files.open_graph(spec["trunk"]["model"], spec["trunk"]["weights"])
    (state,) = trunk.run(None, {"input_ids": ids, "mask": mask})
    above = files.open_graph(spec["experts"][0]["model"], spec["experts"][0]["weights"])
    (embedding,) = above.run(None, {"state": state, "mask": mask})
    wanted = pool(reference_states(dict(whole.weights), dict(whole.config), ids, mask)[-1], mask, "mean")
    assert np.abs(embedding - wanted).max() <= 1e-5


def test_the_description_keeps_what_reading_a_text_needs(source, shaken, tmp_path):
    files = write_graphs(
        source, [shaken[1]] * 2, tmp_path / "graphs", first_layer=1, form="int8", encoder=ENCODER
    )
    spec = read_description(files.root)[0]["graphs"]
    assert {name: spec[name] for name in ("width", "longest", "first", "last")} == {
        name: value for name, value in ENCODER.items() if name != "model"
    }
    assert len(spec["experts"]) == 2


def test_the_trunk_ends_where_the_experts_begin(source):
    model = build_encoder_graph(source.weights, source.config, taps=[1])
    cut = keep_output(model, "tap1")
    onnx.checker.check_model(cut)
    assert [output.name for output in cut.graph.output] == ["tap1"]
    assert not any("layer1" in node.name or "pool" in node.name for node in cut.graph.node)
    ids, mask = np.array([[2, 9, 3]], np.int32), np.ones((1, 3), np.int32)
    answers = [
        onnxruntime.InferenceSession(each.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            ["tap1"], {"input_ids": ids, "mask": mask}
        )[0]
        for each in (model, cut)
    ]
    assert np.array_equal(*answers)

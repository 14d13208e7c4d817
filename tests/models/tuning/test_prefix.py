"""Rows as ids and as states: the bundle's own tokens, computed once, equal to what the layers say live."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.tinybert import reference_states

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.models.encoders import EncoderSource, write_encoder
from smallcraft.models.memory import Memory
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.tuning import prefix
from smallcraft.models.tuning.prefix import LiveStates, States, fresh_states, read_ids, read_states

pytestmark = pytest.mark.torch


def test_ids_are_those_that_the_bundles_encoder_reads(tmp_path, source: EncoderSource):
    texts = ["my card is lost", "", "zzz!", "pay " * 300]
    write_encoder(source, tmp_path / "encoder")
    files = BundleFiles(tmp_path / "encoder", listed_digests(read_description(tmp_path / "encoder")[0]))
    block = make_encoder(files)
    asked = []

    class Session:
        def run(self, names, feeds):
            asked.append(feeds["input_ids"][0])
            return [np.ones((1, source.width), np.float32)]

    replace(block, session=Session()).encode(read_inputs(texts, InputSpec(text="text")))
    found = read_ids(source, texts)
    assert found.lengths.tolist() == [len(row) for row in asked] == [6, 2, found.lengths[2], 128]
    assert np.array_equal(found.ids, np.concatenate(asked))


@pytest.mark.parametrize("first_layer", [0, 1])
def test_states_are_those_after_the_layers_below(lesson, tmp_path, first_layer):
    states = read_states(
        lesson.source, lesson.ids, first_layer=first_layer, memory=Memory(tmp_path), name="train"
    )
    for row in (0, 7):
        ids = lesson.ids.batch(np.array([row])).ids.numpy()[None, : lesson.ids.lengths[row]]
        expected = reference_states(lesson.source.weights, dict(lesson.source.config), ids, np.ones_like(ids))
        batch = states.batch(np.array([row]))
        found = batch.states.numpy()[: batch.tokens]
        assert isinstance(states, States if first_layer else LiveStates)
        assert np.abs(found - expected[first_layer][0]).max() < 5e-3


def test_states_are_computed_once_in_stretches_and_read_back(lesson, tmp_path, monkeypatch):
    monkeypatch.setattr(prefix, "_STRETCH_ROWS", 50)
    options = {"first_layer": 1, "name": "train"}
    first = read_states(lesson.source, lesson.ids, memory=Memory(tmp_path), **options)
    kept = sorted(path.name for path in tmp_path.rglob("*.npz"))
    assert kept == ["train-00000000.npz", "train-00000050.npz", "train-00000100.npz"]
    monkeypatch.setattr(prefix, "_compute_states", lambda *_: pytest.fail("they are there"))
    again = read_states(lesson.source, lesson.ids, memory=Memory(tmp_path), **options)
    assert isinstance(first, States)
    assert isinstance(again, States)
    assert np.array_equal(first.values, again.values)


def test_states_that_would_take_too_much_room_are_computed_with_each_batch(lesson, tmp_path):
    options = {"first_layer": 1, "memory": Memory(tmp_path), "name": "train"}
    live = read_states(lesson.source, lesson.ids, most_bytes=1000, **options)
    kept = read_states(lesson.source, lesson.ids, **options)
    assert isinstance(live, LiveStates)
    rows = np.array([9, 3, 77])
    one, two = live.batch(rows), kept.batch(rows)
    assert one.tokens == two.tokens
    assert np.abs(one.states.numpy() - two.states.numpy()).max() < 5e-3


def test_another_encoder_has_states_of_its_own(lesson, tmp_path):
    name = "encoder.layer.0.output.LayerNorm.bias"
    weights = {**lesson.source.weights, name: lesson.source.weights[name] + 1}
    memory = Memory(tmp_path)
    options = {"first_layer": 1, "memory": memory, "name": "train"}
    one = read_states(lesson.source, lesson.ids, **options)
    two = read_states(replace(lesson.source, weights=weights), lesson.ids, **options)
    assert np.abs(two.values.astype(float) - one.values - 1).max() < 5e-3
    fresh = fresh_states(lesson.source, lesson.ids, first_layer=1)
    assert np.array_equal(fresh.values, one.values)

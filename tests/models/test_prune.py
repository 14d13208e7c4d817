"""Pruned encoders: fewer layers and neurons, the same weights in their order, and the graph that follows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tinybert import CONFIG, make_weights, pool, reference_states

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.errors import InvalidInputError
from smallcraft.models.encoders import EncoderSource, source_of, write_encoder
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.models.prune import STEP, Structure, choose_neurons, inner_widths, take_structure


@pytest.fixture
def source() -> EncoderSource:
    return EncoderSource("tiny", make_weights(), CONFIG, b"{}", "mean")


def importance(widths, seed=0):
    rng = np.random.default_rng(seed)
    return {layer: rng.random(width) for layer, width in enumerate(widths)}


def test_keeping_everything_changes_nothing_but_the_name(source):
    everything = Structure((0, 1), tuple(np.arange(32) for _ in range(2)))
    kept = take_structure(source, everything)
    assert kept.digest == source.digest
    assert inner_widths(kept) == (32, 32)


def test_a_layer_that_stays_moves_down_with_its_weights(source):
    kept = take_structure(source, Structure((1,), (np.arange(32),)))
    assert kept.layers == 1
    at = "attention.self.query.weight"
    assert np.array_equal(kept.weights[f"encoder.layer.0.{at}"], source.weights[f"encoder.layer.1.{at}"])
    assert not [name for name in kept.weights if "layer.1." in name]


def test_a_neuron_without_effect_may_go_and_the_states_stay(source):
    """Neurons whose weights onward are 0 are taken out; BERT in plain numpy says the same."""
    idle = np.array([3, 7, 20])
    weights = dict(source.weights)
    for layer in (0, 1):
        onward = weights[f"encoder.layer.{layer}.output.dense.weight"].copy()
        onward[:, idle] = 0
        weights[f"encoder.layer.{layer}.output.dense.weight"] = onward
    whole = EncoderSource("tiny", weights, CONFIG, b"{}", "mean")
    kept = np.setdiff1d(np.arange(32), idle)
    pruned = take_structure(whole, Structure((0, 1), (kept, kept)))
    ids = np.random.default_rng(0).integers(4, 40, (2, 9)).astype(np.int32)
    mask = np.ones_like(ids)
    one, two = (reference_states(s.weights, CONFIG, ids, mask)[-1] for s in (whole, pruned))
    assert np.abs(one - two).max() < 1e-9


@given(
    widths=st.lists(st.sampled_from([32, 96, 160, 100]), min_size=1, max_size=4),
    share=st.floats(0.05, 1.0),
    seed=st.integers(0, 5),
)
def test_each_layer_keeps_its_best_neurons_in_order_and_in_steps(widths, share, seed):
    values = importance(widths, seed)
    found = choose_neurons(values, layers=tuple(values), share=share)
    assert found.layers == tuple(values)
    for layer, kept in zip(found.layers, found.neurons, strict=True):
        assert len(kept) % STEP == 0 or len(kept) == widths[layer]
        assert 1 <= len(kept) <= widths[layer]
        assert np.array_equal(kept, np.unique(kept))
        gone = np.setdiff1d(np.arange(widths[layer]), kept)
        if len(gone):
            assert values[layer][kept].min() >= values[layer][gone].max()


def test_a_layer_that_matters_more_keeps_more():
    values = {0: np.linspace(0, 1, 320), 1: np.linspace(0, 0.3, 320)}
    found = choose_neurons(values, layers=(0, 1), share=0.5)
    assert found.widths[0] > found.widths[1]
    assert sum(found.widths) == pytest.approx(320, abs=2 * STEP)


@pytest.mark.parametrize(("layers", "share"), [((0,), 0.0), ((0,), 1.5), ((0,), 50), ((), 0.5)])
def test_a_share_that_is_none_is_refused(layers, share):
    with pytest.raises(
        InvalidInputError, match=r"at least one layer and a share of neurons in \(0, 1\], got"
    ):
        choose_neurons(importance([64]), layers=layers, share=share)


@pytest.mark.parametrize("form", ["fp32", "int8"])
def test_a_pruned_encoder_is_written_and_answers(tiny_backbone, tmp_path, form):
    source = source_of(tiny_backbone)
    pruned = take_structure(source, Structure((1,), (np.arange(0, 32, 2),)))
    write_encoder(pruned, tmp_path / "e", form=form)
    block = make_encoder(BundleFiles(tmp_path / "e", listed_digests(read_description(tmp_path / "e")[0])))
    text = "lost my card"
    found = block.encode(read_inputs([text], InputSpec(text="message"))).values[0]
    (tokens,) = block.tokenizer.encode([text])
    ids = np.array([[block.spec["first"], *tokens, block.spec["last"]]], dtype=np.int32)
    mask = np.ones_like(ids)
    wanted = pool(reference_states(pruned.weights, dict(pruned.config), ids, mask)[-1], mask, "mean")[0]
    wanted = 4 * wanted / np.linalg.norm(wanted)
    near = 1e-5 if form == "fp32" else 0.4
    assert np.abs(found - wanted).max() <= near

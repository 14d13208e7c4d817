"""The encoder's graph, beside BERT written plainly in numpy and, where it is installed, beside torch's."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors.numpy import load_file
from tests.models.tinybert import CONFIG, make_weights, pool, reference_states

from smallcraft.errors import InvalidInputError
from smallcraft.models.backbone import find_backbone
from smallcraft.models.graph import build_encoder_graph

SHAPES = [(1, 1), (1, 7), (2, 33), (32, 20), (1, 128)]
TOLERANCE = 1e-5


def tokens(shape, vocabulary, *, seed=0):
    """Random ids; in a batch, rows of several lengths, the rest masked."""
    rng = np.random.default_rng([seed, *shape])
    ids = rng.integers(4, vocabulary, shape).astype(np.int32)
    lengths = np.maximum(1, shape[1] - np.arange(shape[0]) * max(1, shape[1] // 3) % shape[1])
    mask = (np.arange(shape[1]) < lengths[:, None]).astype(np.int32)
    return ids, mask


def run(model: onnx.ModelProto, ids, mask):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"input_ids": ids, "mask": mask}), strict=True))


def assert_near(found, wanted, mask=None):
    """Within the tolerance; states of masked tokens are nobody's business."""
    assert found.shape == wanted.shape
    difference = np.abs(found - wanted)
    kept = difference if mask is None else difference[mask.astype(bool)]
    assert kept.max() <= TOLERANCE


def test_masks_of_a_batch_differ():
    _, mask = tokens((2, 33), 50)
    assert mask.sum(axis=1).tolist() == [33, 22]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
def test_embeddings_and_taps_agree_with_plain_numpy(shape, pooling, activation):
    config, weights = CONFIG | {"hidden_act": activation}, make_weights()
    ids, mask = tokens(shape, config["vocab_size"])
    model = build_encoder_graph(weights, config, pooling=pooling, taps=[0, 1, 2])
    onnx.checker.check_model(model)
    found, states = run(model, ids, mask), reference_states(weights, config, ids, mask)
    assert_near(found["embedding"], pool(states[-1], mask, pooling))
    for layer, state in enumerate(states):
        assert_near(found[f"tap{layer}"], state, mask)


def test_the_two_activations_differ_by_more_than_the_tolerance():
    ids, mask = tokens((1, 7), CONFIG["vocab_size"])
    weights = make_weights()
    exact, tanh = (
        run(build_encoder_graph(weights, CONFIG | {"hidden_act": name}), ids, mask)["embedding"]
        for name in ("gelu", "gelu_new")
    )
    assert np.abs(exact - tanh).max() > TOLERANCE


def test_names_may_begin_with_bert():
    weights, (ids, mask) = make_weights(), tokens((2, 5), CONFIG["vocab_size"])
    prefixed = {f"bert.{name}": array for name, array in weights.items()}
    one, two = (run(build_encoder_graph(w, CONFIG), ids, mask)["embedding"] for w in (weights, prefixed))
    assert np.array_equal(one, two)


def test_half_precision_weights_are_read():
    weights, (ids, mask) = make_weights(), tokens((1, 5), CONFIG["vocab_size"])
    half = {name: array.astype(np.float16) for name, array in weights.items()}
    rounded = {name: array.astype(np.float32) for name, array in half.items()}
    one, two = (run(build_encoder_graph(w, CONFIG), ids, mask)["embedding"] for w in (half, rounded))
    assert np.array_equal(one, two)


def test_masked_tokens_change_nothing():
    model = build_encoder_graph(make_weights(), CONFIG)
    ids, _ = tokens((1, 9), CONFIG["vocab_size"])
    padded = np.concatenate([ids, np.full((1, 6), 9, np.int32)], axis=1)
    mask = np.array([[1] * 9 + [0] * 6], dtype=np.int32)
    alone = run(model, ids, np.ones_like(ids))["embedding"]
    assert_near(run(model, padded, mask)["embedding"], alone)


def test_the_same_weights_give_the_same_bytes():
    one, two = (build_encoder_graph(make_weights(), CONFIG, taps=[1]) for _ in range(2))
    assert one.SerializeToString(deterministic=True) == two.SerializeToString(deterministic=True)


@pytest.mark.parametrize("taps", [[3], [-1], [0, 7]])
def test_a_tap_past_the_last_layer_is_refused(taps):
    with pytest.raises(
        InvalidInputError, match=r"taps must lie in 0 to 2, got .*; this encoder has 2 layers"
    ):
        build_encoder_graph(make_weights(), CONFIG, taps=taps)


def test_an_activation_it_does_not_know_is_refused():
    with pytest.raises(InvalidInputError, match="gelu, gelu_new, gelu_pytorch_tanh, got 'relu'; choose"):
        build_encoder_graph(make_weights(), CONFIG | {"hidden_act": "relu"})


def test_relative_positions_are_refused():
    with pytest.raises(InvalidInputError, match="positions must be absolute, got 'relative_key'; choose"):
        build_encoder_graph(make_weights(), CONFIG | {"position_embedding_type": "relative_key"})


def test_a_missing_weight_is_named():
    weights = make_weights()
    del weights["encoder.layer.1.output.dense.bias"]
    with pytest.raises(InvalidInputError, match=r"lack 'encoder\.layer\.1\.output\.dense\.bias'; choose"):
        build_encoder_graph(weights, CONFIG)


# --- graphs that begin above the embeddings, and layers of unequal shapes -----------------


def run_from(model: onnx.ModelProto, state, mask):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {"state": np.asarray(state, np.float32), "mask": mask})[0]


def smaller(weights):
    """The first layer without a head, the second with 20 of 32 inner neurons."""
    cut = dict(weights)
    at = "encoder.layer.0.attention"
    for part in ("query", "key", "value"):
        for kind in ("weight", "bias"):
            cut[f"{at}.self.{part}.{kind}"] = weights[f"{at}.self.{part}.{kind}"][8:]
    cut[f"{at}.output.dense.weight"] = weights[f"{at}.output.dense.weight"][:, 8:]
    at = "encoder.layer.1"
    for kind in ("weight", "bias"):
        cut[f"{at}.intermediate.dense.{kind}"] = weights[f"{at}.intermediate.dense.{kind}"][:20]
    cut[f"{at}.output.dense.weight"] = weights[f"{at}.output.dense.weight"][:, :20]
    return cut


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("first_layer", [1, 2])
def test_a_graph_of_the_upper_layers_goes_on_where_the_lower_ones_end(shape, first_layer):
    weights, (ids, mask) = make_weights(), tokens(shape, CONFIG["vocab_size"])
    upper = {
        name: array
        for name, array in weights.items()
        if any(name.startswith(f"encoder.layer.{layer}.") for layer in range(first_layer, 2))
    }
    model = build_encoder_graph(upper, CONFIG, first_layer=first_layer)
    onnx.checker.check_model(model)
    states = reference_states(weights, CONFIG, ids, mask)
    assert_near(run_from(model, states[first_layer], mask), pool(states[-1], mask, "mean"))


@pytest.mark.parametrize("shape", SHAPES)
def test_layers_have_the_heads_and_neurons_that_their_weights_have(shape):
    weights, (ids, mask) = smaller(make_weights()), tokens(shape, CONFIG["vocab_size"])
    found = run(build_encoder_graph(weights, CONFIG, taps=[1]), ids, mask)
    states = reference_states(weights, CONFIG, ids, mask)
    assert_near(found["embedding"], pool(states[-1], mask, "mean"))
    assert_near(found["tap1"], states[1], mask)


@pytest.mark.parametrize("first_layer", [-1, 3])
def test_a_first_layer_past_the_last_is_refused(first_layer):
    with pytest.raises(
        InvalidInputError, match=r"first_layer must lie in 0 to 2, got .*; this encoder has 2"
    ):
        build_encoder_graph(make_weights(), CONFIG, first_layer=first_layer)


def test_a_graph_that_begins_above_has_no_taps_below():
    build_encoder_graph(make_weights(), CONFIG, first_layer=1, taps=[2])
    with pytest.raises(InvalidInputError, match=r"taps must lie in 2 to 2, got \[1\]"):
        build_encoder_graph(make_weights(), CONFIG, first_layer=1, taps=[1])


def test_an_attention_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(InvalidInputError, match=r"'windw' .* did you mean 'window'"):
        build_encoder_graph(make_weights(), CONFIG, attention="windw")


# --- the real encoder, and the reference implementation ----------------------------------


def files_of(backbone):
    return load_file(backbone.folder / "model.safetensors"), json.loads(json.dumps(dict(backbone.config)))


@pytest.mark.backbone
@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_real_encoder_agrees_with_plain_numpy(shape):
    weights, config = files_of(find_backbone("auto"))
    ids, mask = tokens(shape, config["vocab_size"])
    found = run(build_encoder_graph(weights, config, taps=[3]), ids, mask)
    states = reference_states(weights, config, ids, mask)
    assert_near(found["embedding"], pool(states[-1], mask, "mean"))
    assert_near(found["tap3"], states[3], mask)


def torch_states(weights, config, ids, mask):
    """The hidden states of transformers' BertModel with these weights, in float32."""
    import torch
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(**config), add_pooling_layer=False).eval()
    state = {name.removeprefix("bert."): torch.from_numpy(array) for name, array in weights.items()}
    loaded = model.load_state_dict(state, strict=False)
    assert loaded.missing_keys == []
    with torch.no_grad():
        result = model(
            input_ids=torch.from_numpy(ids).long(),
            attention_mask=torch.from_numpy(mask).long(),
            output_hidden_states=True,
        )
    return [state.numpy() for state in result.hidden_states]


def assert_agrees_with_torch(weights, config, shape, pooling):
    ids, mask = tokens(shape, config["vocab_size"])
    taps = range(config["num_hidden_layers"] + 1)
    found = run(build_encoder_graph(weights, config, pooling=pooling, taps=taps), ids, mask)
    states = torch_states(weights, config, ids, mask)
    assert_near(found["embedding"], pool(states[-1], mask, pooling))
    for layer, state in enumerate(states):
        assert_near(found[f"tap{layer}"], state, mask)


@pytest.mark.torch
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("pooling", "activation"), [("mean", "gelu"), ("first", "gelu_new")])
def test_the_tiny_encoder_agrees_with_torch(shape, pooling, activation):
    assert_agrees_with_torch(make_weights(), CONFIG | {"hidden_act": activation}, shape, pooling)


@pytest.mark.torch
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("attention", ["full", "window", "linear"])
@pytest.mark.parametrize("first_layer", [0, 1])
def test_every_variant_agrees_with_the_encoder_that_is_trained(shape, cut, attention, first_layer):
    """Rows one by one: the trained encoder pads nothing."""
    import torch

    from smallcraft.models.tuning.batches import make_batch
    from smallcraft.models.tuning.encoder import Encoder

    weights = smaller(make_weights()) if cut else make_weights()
    ids, mask = tokens(shape, CONFIG["vocab_size"])
    lengths = mask.sum(axis=1)
    flat = ids[mask.astype(bool)].astype(np.int64)
    module = Encoder(weights, CONFIG | {"attention": attention}, embeddings=True).eval()
    with torch.no_grad():
        wanted = module(make_batch(lengths, ids=flat)).numpy()
    model = build_encoder_graph(weights, CONFIG, first_layer=first_layer, attention=attention)
    if not first_layer:
        assert_near(run(model, ids, mask)["embedding"], wanted)
        return
    lower = build_encoder_graph(weights, CONFIG | {"num_hidden_layers": 1}, taps=[1], attention=attention)
    assert_near(run_from(model, run(lower, ids, mask)["tap1"], mask), wanted)


@pytest.mark.torch
@pytest.mark.backbone
@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_the_real_encoder_agrees_with_torch(shape):
    weights, config = files_of(find_backbone("auto"))
    assert_agrees_with_torch(weights, config, shape, "mean")

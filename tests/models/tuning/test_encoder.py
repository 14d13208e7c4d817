"""The torch encoder computes what BERT computes, from any layer up, and gives its weights back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.models.tinybert import pool, reference_states

from smallcraft.errors import InvalidInputError
from smallcraft.models.graph import build_encoder_graph
from smallcraft.models.tuning.encoder import Encoder, drop, weights_of
from smallcraft.models.tuning.threads import products_in

pytestmark = pytest.mark.torch

ROWS = np.array([3, 0, 50, 21, 22])


def padded(lesson, rows):
    lengths = lesson.ids.lengths[rows]
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int32)
    ids = np.zeros(mask.shape, np.int32)
    ids[mask > 0] = lesson.ids.batch(rows).ids.numpy()[: lengths.sum()]
    return ids, mask


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_the_encoder_agrees_with_the_reference(lesson, pooling):
    config = dict(lesson.source.config)
    encoder = Encoder(lesson.source.weights, config, embeddings=True, pooling=pooling)
    ids, mask = padded(lesson, ROWS)
    expected = pool(reference_states(lesson.source.weights, config, ids, mask)[-1], mask, pooling)
    found = encoder.eval()(lesson.ids.batch(ROWS)).detach().numpy()
    assert np.abs(found - expected).max() < 1e-5


def test_upper_layers_go_on_from_the_states_below(lesson):
    config = dict(lesson.source.config)
    whole = Encoder(lesson.source.weights, config, embeddings=True).eval()
    upper = Encoder(lesson.source.weights, config, first_layer=1).eval()
    below = Encoder(lesson.source.weights, {**config, "num_hidden_layers": 1}, embeddings=True).eval()
    batch = lesson.ids.batch(ROWS)
    states = below.states(batch).detach()
    found = upper(replace(batch, states=states, ids=None))
    assert torch.allclose(found, whole(batch), atol=1e-6)


def test_bfloat16_products_stay_near(lesson):
    encoder = Encoder(lesson.source.weights, lesson.source.config, embeddings=True).eval()
    batch = lesson.ids.batch(ROWS)
    with torch.no_grad():
        exact = encoder(batch)
        with products_in("bf16"):
            rough = encoder(batch)
    assert not torch.equal(exact, rough)
    assert torch.nn.functional.cosine_similarity(exact, rough).min() > 0.999


def test_a_row_does_not_depend_on_its_neighbours(lesson):
    encoder = Encoder(lesson.source.weights, lesson.source.config, embeddings=True).eval()
    together = encoder(lesson.ids.batch(ROWS)).detach()
    alone = torch.cat([encoder(lesson.ids.batch(ROWS[at : at + 1])) for at in range(len(ROWS))]).detach()
    assert torch.allclose(together, alone, atol=1e-5)


def test_names_are_hugging_faces_and_untrained_weights_come_back_untouched(lesson):
    encoder = Encoder(lesson.source.weights, lesson.source.config, first_layer=1)
    assert set(encoder.state_dict()) == {
        name for name in lesson.source.weights if name.startswith("encoder.layer.1.")
    }
    with torch.no_grad():
        encoder.get_parameter("encoder.layer.1.output.dense.bias").add_(1.0)
    found = weights_of(encoder, lesson.source.weights)
    assert set(found) == set(lesson.source.weights)
    for name, array in lesson.source.weights.items():
        change = 1.0 if name == "encoder.layer.1.output.dense.bias" else 0.0
        assert np.allclose(found[name], array + change, atol=1e-6)
    build_encoder_graph(found, lesson.source.config)


def test_layers_are_as_wide_as_their_weights(lesson):
    """Half of a layer's neurons and one of two heads less, as pruning leaves it."""
    weights = dict(lesson.source.weights)
    at = "encoder.layer.0"
    for part in ("query", "key", "value"):
        for kind in ("weight", "bias"):
            weights[f"{at}.attention.self.{part}.{kind}"] = weights[f"{at}.attention.self.{part}.{kind}"][:8]
    weights[f"{at}.attention.output.dense.weight"] = weights[f"{at}.attention.output.dense.weight"][:, :8]
    for kind in ("weight", "bias"):
        weights[f"{at}.intermediate.dense.{kind}"] = weights[f"{at}.intermediate.dense.{kind}"][:16]
    weights[f"{at}.output.dense.weight"] = weights[f"{at}.output.dense.weight"][:, :16]
    encoder = Encoder(weights, lesson.source.config, embeddings=True)
    found = encoder(lesson.ids.batch(ROWS))
    assert found.shape == (len(ROWS), lesson.source.width)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("variant", ["window", "linear"])
def test_another_attention_is_taken_from_the_configuration(lesson, variant):
    plain = Encoder(lesson.source.weights, lesson.source.config, embeddings=True)
    other = Encoder(lesson.source.weights, {**lesson.source.config, "attention": variant}, embeddings=True)
    batch = lesson.ids.batch(ROWS)
    assert other(batch).shape == plain(batch).shape
    assert torch.isfinite(other(batch)).all()


def test_dropping_keeps_the_mean_and_zeroes_the_share():
    torch.manual_seed(0)
    found = drop(torch.ones(200, 100), 0.25)
    assert abs(float((found == 0).float().mean()) - 0.25) < 0.02
    assert abs(float(found.mean()) - 1.0) < 0.03
    assert drop(found, 0.0) is found


@pytest.mark.parametrize(("first_layer", "embeddings"), [(2, False), (-1, False), (1, True)])
def test_layers_that_are_not_there_are_refused_with_the_remedy(lesson, first_layer, embeddings):
    with pytest.raises(InvalidInputError, match="train at least one layer"):
        Encoder(lesson.source.weights, lesson.source.config, first_layer=first_layer, embeddings=embeddings)


def test_a_weight_that_is_missing_is_named(lesson):
    name = "encoder.layer.0.output.dense.bias"
    weights = {key: array for key, array in lesson.source.weights.items() if key != name}
    with pytest.raises(InvalidInputError, match=name):
        Encoder(weights, lesson.source.config)

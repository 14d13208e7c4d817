"""The experiment with experts of tokens measures what it says: the operators' formula, and a fair start."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.tinybert import CONFIG, make_weights

from benchmarks.experiments import moe_cost


@pytest.fixture(scope="module")
def weights():
    return moe_cost.random_experts(4)


@pytest.fixture(scope="module")
def asked():
    rng = np.random.default_rng(0)
    state = rng.normal(size=(6, moe_cost.WIDTH)).astype(np.float32)
    router = np.zeros((6, 4), np.float32)
    router[np.arange(6), [0, 2, 0, 2, 0, 2]] = 5.0
    return {"x": state, "router": router}


def run(model, asked):
    return moe_cost.open_graph(model).run(None, asked)[0]


@pytest.mark.parametrize(("bits", "tolerance"), [(None, 2e-3), (8, 0.1)])
def test_the_operators_compute_the_formula(weights, asked, bits, tolerance):
    graph = (
        moe_cost.experts_graph(weights, taken=1)
        if bits is None
        else moe_cost.rounded_experts_graph(weights, bits=bits)
    )
    wanted = moe_cost.reference(asked["x"], asked["router"], weights)
    assert np.abs(run(graph, asked) - wanted).max() < tolerance
    assert np.abs(wanted).max() > 1


def test_the_operator_does_not_touch_experts_that_no_token_takes(weights, asked):
    poisoned = [part.copy() for part in weights]
    for part in poisoned:
        part[[1, 3]] = np.nan
    clean, spoilt = (run(moe_cost.experts_graph(each, taken=1), asked) for each in (weights, poisoned))
    assert np.array_equal(clean, spoilt)


def test_the_dense_block_is_the_first_expert(weights, asked):
    first = {"x": asked["x"], "router": np.eye(4, dtype=np.float32)[np.zeros(6, int)]}
    wanted = moe_cost.reference(first["x"], first["router"], weights)
    assert np.abs(run(moe_cost.dense_graph(weights), {"x": asked["x"]}) - wanted).max() < 2e-3


@pytest.mark.torch
def test_upcycled_layers_start_as_the_dense_ones_and_are_balanced_by_training():
    torch = pytest.importorskip("torch")
    from benchmarks.experiments.moe_layer import TokenExperts, upcycle

    from smallcraft.models.tuning.batches import make_batch
    from smallcraft.models.tuning.encoder import Encoder

    rng = np.random.default_rng(0)
    lengths = np.array([5, 9, 3])
    states = rng.normal(size=(17, CONFIG["hidden_size"])).astype(np.float32)
    batch = make_batch(lengths, states=states)
    encoder = Encoder(make_weights(), CONFIG, first_layer=1).eval()
    before = encoder(batch)
    upcycle(encoder, 4, seed=0)
    assert torch.allclose(encoder.eval()(batch), before, atol=1e-5)
    encoder.train()
    encoder(batch).sum().backward()
    (experts,) = (module for module in encoder.modules() if isinstance(module, TokenExperts))
    assert experts.balance.abs().sum() > 0
    assert experts.router.grad.abs().sum() > 0

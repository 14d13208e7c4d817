"""Importance: a layer or neuron that changes nothing is worth nothing, and one that decides is worth most."""

from __future__ import annotations

import numpy as np
import pytest
from tests.models.tinybert import CONFIG, make_weights

pytestmark = pytest.mark.torch

N = 40


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    lengths = rng.integers(3, 9, N)
    return rng.integers(4, CONFIG["vocab_size"], int(lengths.sum())), lengths


def measured(rows, weights):
    """A learner, and rows labelled by what it says of them: whatever is taken out, it answers worse."""
    from smallcraft.models.tuning.answers import answer
    from smallcraft.models.tuning.encoder import Encoder
    from smallcraft.models.tuning.importance import Measured
    from smallcraft.models.tuning.learner import Learner
    from smallcraft.models.tuning.losses import Labels
    from smallcraft.models.tuning.prefix import Ids

    ids, lengths = rows
    inputs = Ids(ids.astype(np.int64), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    head = np.random.default_rng(0).normal(size=(17, 3))
    module = Learner(Encoder(weights, CONFIG, embeddings=True), head)
    labels = answer(module, inputs, np.arange(N)).logits.argmax(axis=1)
    return module, Measured(inputs, np.arange(N), Labels(labels))


def without_effect(weights, *, layer=None, neurons=()):
    """A layer that hands its state on, or neurons that nothing reads."""
    changed = {name: array.copy() for name, array in weights.items()}
    if neurons:
        changed["encoder.layer.0.output.dense.weight"][:, list(neurons)] = 0
    if layer is not None:
        at = f"encoder.layer.{layer}"
        for name in (f"{at}.attention.output.dense", f"{at}.output.dense"):
            changed[f"{name}.weight"][:] = 0
            changed[f"{name}.bias"][:] = 0
    return changed


def test_a_neuron_that_nothing_reads_is_worth_nothing(rows):
    from smallcraft.models.tuning.importance import neuron_importance

    found = neuron_importance(*measured(rows, without_effect(make_weights(), neurons=(2, 9))))
    assert set(found) == {0, 1}
    assert found[0][[2, 9]].tolist() == [0, 0]
    assert np.delete(found[0], [2, 9]).min() > 0
    assert found[1].min() > 0


def test_importance_foretells_what_taking_a_neuron_out_changes(rows):
    """The slope by a gate, beside the loss with the gate a little lower."""
    import torch

    from smallcraft.models.tuning.importance import layers_of, loss_without, neuron_importance

    module, judged = measured(rows, make_weights())
    importance = neuron_importance(module, judged)[1]
    base = loss_without(module, judged)
    weight = layers_of(module)["1"].output["dense"].weight
    changes = []
    for neuron in range(32):
        kept = weight[:, neuron].clone()
        with torch.no_grad():
            weight[:, neuron] = kept * 0.99
            changes.append((loss_without(module, judged) - base) ** 2)
            weight[:, neuron] = kept
    assert np.corrcoef(np.argsort(np.argsort(importance)), np.argsort(np.argsort(changes)))[0, 1] > 0.6


def test_the_layer_that_hands_its_state_on_goes_first(rows):
    from smallcraft.models.tuning.importance import drop_layers, loss_without

    for idle in (0, 1):
        weights = without_effect(make_weights(), layer=idle)
        module, judged = measured(rows, weights)
        # Normalising twice hardly differs from normalising once.
        assert loss_without(module, judged, [idle]) == pytest.approx(loss_without(module, judged), abs=0.2)
        assert drop_layers(module, judged, keep=1) == (1 - idle,)
    assert drop_layers(module, judged, keep=2) == (0, 1)


def test_judging_leaves_the_module_as_it_was(rows):
    from smallcraft.models.tuning.importance import drop_layers, loss_without, neuron_importance

    module, judged = measured(rows, make_weights())
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    base = loss_without(module, judged)
    drop_layers(module, judged, keep=1)
    neuron_importance(module, judged)
    assert loss_without(module, judged) == base
    assert all(bool((before[name] == tensor).all()) for name, tensor in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())

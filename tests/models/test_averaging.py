"""Means of weights: of equals they are the same, of unlike encoders they are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models.tinybert import CONFIG, make_weights

from smallcraft.errors import InvalidInputError
from smallcraft.models.averaging import average_encoders, average_heads
from smallcraft.models.encoders import EncoderSource

OUTPUT = "encoder.layer.1.output.dense.weight"


def encoder(seed: int = 0) -> EncoderSource:
    return EncoderSource("tiny", make_weights(seed), CONFIG, b"{}", "mean")


def test_every_weight_is_the_mean():
    one, two = encoder(1), encoder(2)
    mean = average_encoders([one, two])
    for name, array in mean.weights.items():
        assert array.dtype == np.float32
        assert np.allclose(array, (one.weights[name] + two.weights[name]) / 2, atol=1e-6)
    assert mean.name != one.name


def test_what_was_not_trained_stays_to_the_bit_whatever_the_number():
    start = encoder()
    trained = [
        replace(start, weights={**start.weights, OUTPUT: start.weights[OUTPUT] + step})
        for step in (0.1, 0.2, 0.6)
    ]
    mean = average_encoders(trained)
    same = [name for name in start.weights if np.array_equal(mean.weights[name], start.weights[name])]
    assert sorted({*same, OUTPUT}) == sorted(start.weights)
    assert OUTPUT not in same


def test_one_encoder_alone_is_itself():
    one = encoder()
    assert average_encoders([one]) is one


def test_encoders_that_are_not_built_alike_are_refused():
    one = encoder()
    shorter = {name: array for name, array in one.weights.items() if name != OUTPUT}
    for other in (
        replace(one, weights=shorter),
        replace(one, tokenizer=b"[]"),
        replace(one, pooling="first"),
    ):
        with pytest.raises(InvalidInputError, match="average trainings of one encoder"):
            average_encoders([one, other])


def test_a_mean_of_heads_answers_with_the_mean_of_their_logits():
    rng = np.random.default_rng(0)
    heads = [rng.normal(size=(5, 3)) for _ in range(3)]
    row = rng.normal(size=4)
    mean = average_heads(heads)
    logits = [row @ head[:-1] + head[-1] for head in heads]
    assert np.allclose(row @ mean[:-1] + mean[-1], np.mean(logits, axis=0))

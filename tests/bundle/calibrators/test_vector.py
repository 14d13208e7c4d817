"""Two numbers a class."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from smallcraft.bundle.calibrators.vector import Vector
from smallcraft.errors import BundleFormatError


def test_it_scales_and_shifts_the_logits_of_each_class():
    logits = log_softmax(np.random.default_rng(1).normal(size=(7, 3)), axis=1)
    weights, biases = (2.0, 0.5, 1.0), (0.1, 0.0, -1.0)
    wanted = softmax(logits * weights + biases, axis=1)
    assert np.allclose(Vector(weights, biases).apply(np.exp(logits)), wanted, atol=1e-12)


def test_weights_of_one_and_no_biases_change_nothing():
    probs = np.random.default_rng(2).dirichlet(np.ones(4), 9)
    assert np.allclose(Vector((1.0,) * 4, (0.0,) * 4).apply(probs), probs, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [{"weights": []}, {"weights": [1.0]}, {"biases": [0.0, math.nan]}, {"weights": "x"}, {"biases": None}],
    ids=str,
)
def test_numbers_that_do_not_fit_are_refused(change):
    with pytest.raises(BundleFormatError, match="a finite weight and bias for each class"):
        Vector.read({"weights": [1.0, 1.0], "biases": [0.0, 0.0]} | change)

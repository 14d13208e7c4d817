"""What every kind of calibrator must do, whatever it was fitted to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.bundle.calibrators import BUILTIN
from smallcraft.bundle.calibrators.isotonic import Isotonic
from smallcraft.bundle.calibrators.vector import Vector
from smallcraft.bundle.decoder import Decoder, decode
from smallcraft.canonical import canonical_json
from smallcraft.errors import BundleFormatError

CALIBRATORS = (
    Vector((1.5, 0.7, 1.0), (0.2, -0.1, 0.0)),
    Isotonic(((0.0, 0.5, 1.0), (0.3,), (0.1, 0.9)), ((0.01, 0.3, 0.95), (0.2,), (0.05, 0.9))),
)
EDGES = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1 / 3, 1 / 3, 1 / 3]])


def test_every_kind_is_tried_here():
    assert {calibrator.name for calibrator in CALIBRATORS} == set(BUILTIN)


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=str)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_probabilities_come_out_and_a_row_gets_the_same_ones_alone(calibrator, seed):
    probs = np.concatenate([EDGES, np.random.default_rng(seed).dirichlet(np.ones(3), 6)])
    found = calibrator.apply(probs)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found >= 0).all()
    for row in range(len(probs)):
        assert np.array_equal(calibrator.apply(probs[row : row + 1])[0], found[row])


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=str)
def test_a_calibrator_survives_its_description_inside_its_decoder(calibrator):
    decoder = replace(Decoder(2.0), calibrator=calibrator)
    assert Decoder.read(json.loads(canonical_json(decoder.describe()))) == decoder


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=str)
def test_it_corrects_what_the_temperature_gives(calibrator):
    logits = np.random.default_rng(0).normal(size=(5, 3))
    plain = decode(Decoder(2.0), logits, None).probs
    corrected = decode(Decoder(2.0, calibrator=calibrator), logits, None).probs
    assert np.array_equal(corrected, calibrator.apply(plain))
    assert not np.allclose(corrected, plain)


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=str)
def test_no_rows_stay_no_rows(calibrator):
    assert calibrator.apply(np.empty((0, 3))).shape == (0, 3)


def test_a_kind_that_this_version_does_not_know_is_refused():
    description = {"scale": 1.0, "threshold": 0.0, "calibration": {"kind": "beta"}}
    with pytest.raises(BundleFormatError, match="reads the kinds isotonic, vector, the bundle has 'beta'"):
        Decoder.read(description)

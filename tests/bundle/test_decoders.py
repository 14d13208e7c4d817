"""What every kind of decoder must do, whatever it was fitted to."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders import BUILTIN
from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.hierarchical import Hierarchical
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.canonical import canonical_json
from smallcraft.errors import BundleFormatError

CLASSES = ("cards/lost", "cards/new", "loans/rate", "loans")
PROMISE = {"errors_at_most": 0.02, "is_kept": True, "errors": 3, "answered": 400}
DECIDERS = (
    Argmax(),
    Abstain(0.6, PROMISE),
    Abstain(0.0),
    Conformal("lac", (0.7,), 0.9),
    Conformal("aps", (0.8, None, 0.5, 1.0), 0.9),
    Conformal("raps", (None,), 0.8, penalty=0.1, free_ranks=2),
    Hierarchical(0.55, promise=PROMISE),
    Hierarchical(0.4, "/", (("cards/lost", "cards"), ("cards/new", "cards"))),
    Thresholds(),
    Thresholds((0.1, 0.9, 0.5, 0.3)),
    Value(),
    Value(1.5, 0.9),
)


def probabilities(seed, n=9):
    return np.random.default_rng(seed).dirichlet(np.full(len(CLASSES), 0.4), n)


def test_every_kind_is_tried_here():
    assert {decider.name for decider in DECIDERS} == set(BUILTIN)


@pytest.mark.parametrize("decider", DECIDERS, ids=str)
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_rows_answer_never_depends_on_its_neighbours(decider, seed):
    probs = probabilities(seed)
    together = decider.decide(probs, CLASSES)
    for row in range(len(probs)):
        alone = decider.decide(probs[row : row + 1], CLASSES)
        assert alone.labels[0] == together.labels[row]
        assert alone.abstained[0] == together.abstained[row]
        if together.confidence is not None:
            assert alone.confidence[0] == pytest.approx(together.confidence[row], abs=1e-12)
        for name in ("sets", "low", "high"):
            parts = getattr(together, name)
            assert (parts is None) == (getattr(alone, name) is None)
            assert parts is None or getattr(alone, name)[0] == parts[row]


@pytest.mark.parametrize("decider", DECIDERS, ids=str)
def test_an_answer_is_missing_where_it_abstains_and_nowhere_else(decider):
    found = decider.decide(probabilities(3, 200), CLASSES)
    assert len(found.labels) == len(found.abstained) == 200
    assert [label is None for label in found.labels] == found.abstained.tolist()
    if found.confidence is not None:
        assert found.confidence.shape == (200,)
        assert ((found.confidence >= 0) & (found.confidence <= 1 + 1e-12)).all()


@pytest.mark.parametrize("decider", DECIDERS, ids=str)
def test_no_rows_give_no_answers(decider):
    found = decider.decide(np.empty((0, len(CLASSES))), CLASSES)
    assert found.labels == ()
    assert found.abstained.shape == (0,)


@pytest.mark.parametrize("decider", DECIDERS, ids=str)
def test_a_decider_survives_its_description(decider):
    description = json.loads(canonical_json(decider.describe()))
    assert BUILTIN[description["kind"]](description) == decider


@pytest.mark.parametrize("decider", DECIDERS, ids=str)
def test_a_decider_travels_inside_its_decoder(decider):
    decoder = replace(Decoder(2.0), decider=decider)
    assert Decoder.read(json.loads(canonical_json(decoder.describe()))) == decoder


@pytest.mark.parametrize("decision", [{"kind": "oracle"}, {}, "argmax", 3, ["argmax"]], ids=str)
def test_a_kind_that_this_version_does_not_know_is_refused(decision):
    description = {"scale": 1.0, "threshold": 0.0, "decision": decision}
    with pytest.raises(BundleFormatError, match=r"reads the kinds abstain, argmax.*; update smallcraft"):
        Decoder.read(description)

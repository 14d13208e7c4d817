"""No answer below the threshold, the usual one from there on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.errors import BundleFormatError

PROBS = np.array([[0.6, 0.4], [0.4, 0.6], [0.5, 0.5], [0.1, 0.9]])


def test_a_row_exactly_as_sure_as_the_threshold_is_answered():
    found = Abstain(0.6).decide(PROBS, ("a", "b"))
    assert found.labels == ("a", "b", None, "b")
    assert found.confidence.tolist() == [0.6, 0.6, 0.5, 0.9]


def test_a_threshold_above_one_answers_nothing_and_zero_answers_all():
    assert Abstain(math.nextafter(1.0, 2.0)).decide(np.eye(2), ("a", "b")).abstained.all()
    assert not Abstain(0.0).decide(PROBS, ("a", "b")).abstained.any()


@pytest.mark.parametrize("threshold", [-0.1, math.nan, math.inf, None, "x", [1]], ids=str)
def test_a_threshold_that_is_no_number_of_zero_or_more_is_refused(threshold):
    with pytest.raises(BundleFormatError, match=r"wants a number of 0 or more, got .*; take the bundle"):
        Abstain.read({"threshold": threshold})

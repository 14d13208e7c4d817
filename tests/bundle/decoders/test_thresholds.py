"""Several labels a row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.errors import BundleFormatError

PROBS = np.array([[0.9, 0.5, 0.2], [0.1, 0.3, 0.05], [0.8, 0.9, 0.7]])


def test_each_label_has_its_own_threshold_and_reaching_it_is_enough():
    found = Thresholds((0.85, 0.5, 0.2)).decide(PROBS, ("a", "b", "c"))
    assert found.labels == (("a", "b", "c"), (), ("b", "c"))


def test_without_thresholds_it_is_a_half_each():
    assert Thresholds().decide(PROBS, ("a", "b", "c")).labels == (("a", "b"), (), ("a", "b", "c"))


def test_the_confidence_is_that_of_the_least_sure_yes_or_no():
    assert Thresholds().decide(PROBS, ("a", "b", "c")).confidence.tolist() == [0.5, 0.7, 0.7]


def test_no_label_at_all_is_an_answer():
    assert not Thresholds().decide(PROBS, ("a", "b", "c")).abstained.any()


@pytest.mark.parametrize("thresholds", [[-0.1], [math.nan], [math.inf], [None], "x", None, 3], ids=str)
def test_a_threshold_that_is_no_number_of_zero_or_more_is_refused(thresholds):
    with pytest.raises(BundleFormatError, match="wants thresholds of 0 or more"):
        Thresholds.read({"thresholds": thresholds})

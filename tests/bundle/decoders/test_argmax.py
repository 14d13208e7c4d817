"""The usual answer."""

from __future__ import annotations

import numpy as np

from smallcraft.bundle.decoders.argmax import Argmax


def test_the_most_probable_label_is_given_and_the_first_one_on_a_tie():
    found = Argmax().decide(np.array([[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]]), ("a", "b", "c"))
    assert found.labels == ("b", "a")
    assert found.confidence.tolist() == [0.7, 0.4]
    assert not found.abstained.any()
    assert (found.sets, found.low, found.high) == (None, None, None)

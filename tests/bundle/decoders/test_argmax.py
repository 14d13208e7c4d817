"""The usual answer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.decoders.argmax import Argmax


def test_the_most_probable_label_is_given_and_the_first_one_on_a_tie():
    found = Argmax().decide(np.array([[0.2, 0.7, 0.1], [0.4, 0.2, 0.4]]), ("a", "b", "c"))
    assert found.labels == ("b", "a")
    assert found.confidence.tolist() == [0.7, 0.4]
    assert not found.abstained.any()
    assert (found.sets, found.low, found.high) == (None, None, None)


@given(st.integers(1, 6), st.integers(1, 90), st.integers(0, 2**32 - 1))
def test_a_rows_answer_is_the_same_bits_alone_and_among_others(n, k, seed):
    probs = np.random.default_rng(seed).dirichlet(np.ones(k), n)
    names = [f"class {code}" for code in range(k)]
    together = Argmax().decide(probs, names)
    alone = [Argmax().decide(probs[row : row + 1], names) for row in range(n)]
    assert together.labels == tuple(found.labels[0] for found in alone)
    assert together.confidence.tobytes() == b"".join(found.confidence.tobytes() for found in alone)

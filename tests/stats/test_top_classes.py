import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from smallcraft.stats.top_classes import is_among_top


@given(st.integers(3, 8), st.integers(1, 40), st.integers(0, 1000))
def test_top_k_accuracy_agrees_with_sklearn(k, n, seed):
    rng = np.random.default_rng(seed)
    truth, probs = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)
    for top in range(1, k):
        peer = top_k_accuracy_score(truth, probs, k=top, labels=range(k))
        assert is_among_top(truth, probs, top).mean() == pytest.approx(peer, abs=1e-12)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 1000))
def test_the_first_place_is_the_prediction_even_on_ties(k, n, seed):
    rng = np.random.default_rng(seed)
    truth, probs = rng.integers(-1, k, n), rng.integers(0, 3, (n, k)).astype(float)
    assert is_among_top(truth, probs, 1).tolist() == (truth == probs.argmax(axis=1)).tolist()
    assert is_among_top(truth, probs, k).tolist() == (truth >= 0).tolist()

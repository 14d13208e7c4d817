"""Sets of labels: which are in, in which order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.decoders.conformal import Conformal, score_labels
from smallcraft.errors import BundleFormatError

PROBS = np.array([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]])
NAMES = ("a", "b", "c", "d")


def drawn(seed, n=30, k=5):
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def test_lac_takes_every_label_that_is_probable_enough():
    found = Conformal("lac", (0.75,), 0.9).decide(PROBS, NAMES)
    assert found.sets == (("a", "b"), ("d", "c"))
    assert found.labels == ("a", "d")


def test_aps_takes_the_most_probable_labels_up_to_a_mass():
    found = Conformal("aps", (0.81,), 0.9).decide(PROBS, NAMES)
    assert found.sets == (("a", "b"), ("d", "c"))


def test_raps_is_aps_with_a_penalty_on_each_rank_beyond_the_free_ones():
    plain, dear = score_labels(PROBS, "aps"), score_labels(PROBS, "raps", penalty=0.2, free_ranks=1)
    assert (dear - plain).round(12).tolist() == [[0.0, 0.2, 0.4, 0.6], [0.6, 0.4, 0.2, 0.0]]


def test_a_class_may_have_a_limit_of_its_own():
    found = Conformal("lac", (0.4, 0.4, None, 0.4), 0.9).decide(PROBS, NAMES)
    assert found.sets == (("a", "c"), ("d", "c"))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["lac", "aps", "raps"]), st.floats(0, 1.5))
def test_a_set_is_never_empty_and_begins_with_the_label_given(seed, score, limit):
    found = Conformal(score, (limit,), 0.9, penalty=0.05, free_ranks=1).decide(drawn(seed), tuple("abcde"))
    assert [names[0] for names in found.sets] == list(found.labels)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["lac", "aps", "raps"]), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_limit_never_takes_a_label_away(seed, score, one, other):
    low, high = sorted((one, other))
    sets = [
        Conformal(score, (limit,), 0.9, penalty=0.05).decide(drawn(seed), tuple("abcde")).sets
        for limit in (low, high)
    ]
    assert all(set(small) <= set(large) for small, large in zip(*sets, strict=True))


@given(st.integers(0, 2**32 - 1))
def test_without_a_limit_every_label_is_in(seed):
    found = Conformal("aps", (None,), 0.9).decide(drawn(seed), tuple("abcde"))
    assert {len(names) for names in found.sets} == {5}


GOOD = Conformal("aps", (0.5,), 0.9, 0.1, 1).describe()


@pytest.mark.parametrize(
    "change",
    [
        *({"score": value} for value in ("softmax", None, 3)),
        *({"limits": value} for value in ([], [-1], [math.nan], [math.inf], None, ["x"])),
        *({"coverage": value} for value in (0, 1, 90, None)),
        *({"penalty": value} for value in (-1, math.inf, None)),
        *({"free_ranks": value} for value in (-1, None, "x")),
    ],
    ids=str,
)
def test_a_value_out_of_its_range_is_refused(change):
    with pytest.raises(BundleFormatError, match=r"a conformal decision wants .* got .*; take the bundle"):
        Conformal.read(GOOD | change)

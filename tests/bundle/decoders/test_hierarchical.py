"""A tree of labels: how it is read, and how far down an answer goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.decoders.hierarchical import Hierarchical, tree_of
from smallcraft.errors import BundleFormatError, InvalidInputError

CLASSES = ("cards/lost/abroad", "cards/lost/home", "cards/new", "loans", "loans/rate")
PARENTS = (("lost", "cards"), ("new", "cards"), ("cards", "bank"))


def answer(probs, threshold, classes=CLASSES, **tree):
    return Hierarchical(threshold, **tree).decide(np.array([probs]), classes)


def test_a_separator_makes_the_tree():
    tree = tree_of(CLASSES, "/", ())
    assert tree.nodes == (
        *("cards", "loans", "cards/lost", "cards/new", "loans/rate"),
        *("cards/lost/abroad", "cards/lost/home"),
    )
    assert tree.depth.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert tree.above.tolist() == [-1, -1, 0, 0, 1, 2, 2]


def test_parents_make_the_tree_and_a_label_without_one_is_at_the_top():
    tree = tree_of(("lost", "new", "greeting"), "/", PARENTS)
    assert tree.nodes == ("bank", "greeting", "cards", "lost", "new")
    assert tree.holds[:, 0].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("threshold", "label", "confidence"),
    [
        (0.95, None, 0.9),
        (0.9, "cards", 0.9),
        (0.8, "cards/lost", 0.8),
        (0.5, "cards/lost/abroad", 0.5),
        (0.0, "cards/lost/abroad", 0.5),
    ],
)
def test_the_answer_is_the_deepest_node_that_is_probable_enough(threshold, label, confidence):
    found = answer([0.5, 0.3, 0.1, 0.05, 0.05], threshold - 1e-9)
    assert found.labels == (label,)
    assert found.confidence[0] == pytest.approx(confidence)
    assert found.abstained.tolist() == [label is None]


def test_a_label_that_is_above_others_is_answered_with_their_mass_too():
    found = answer([0.0, 0.0, 0.1, 0.5, 0.4], 0.9)
    assert found.labels == ("loans",)
    assert found.confidence[0] == pytest.approx(0.9)


def test_the_way_down_follows_the_tree_even_where_another_branch_has_the_best_leaf():
    """`loans/rate` is the most probable label, `cards` the more probable branch."""
    found = answer([0.2, 0.2, 0.2, 0.0, 0.4], 0.0)
    assert found.labels[0].startswith("cards/lost")


trees = st.sampled_from([{}, {"separator": "-"}, {"parents": (("cards/new", "x"), ("loans", "x"))}])


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), trees)
def test_a_child_is_never_answered_where_its_parent_is_not_probable_enough(seed, threshold, tree):
    probs = np.random.default_rng(seed).dirichlet(np.full(len(CLASSES), 0.5), 20)
    decider = Hierarchical(threshold, **tree)
    found = decider.decide(probs, CLASSES)
    house = tree_of(CLASSES, decider.separator, decider.parents)
    mass = np.array([row @ house.holds for row in probs])
    for row, label in enumerate(found.labels):
        if label is None:
            assert mass[row, house.depth == 0].max() < threshold
            continue
        place = house.nodes.index(label)
        assert found.confidence[row] == mass[row, place]
        children = house.above == place
        assert not children.any() or mass[row, children].max() < threshold
        while place >= 0:
            assert mass[row, place] >= threshold
            place = house.above[place]


def test_a_higher_threshold_answers_the_same_node_or_one_above_it():
    probs = np.random.default_rng(0).dirichlet(np.full(len(CLASSES), 0.5), 200)
    fine, coarse = (Hierarchical(threshold).decide(probs, CLASSES).labels for threshold in (0.5, 0.7))
    assert all(above is None or f"{below}/".startswith(f"{above}/") for below, above in zip(fine, coarse))  # noqa: B905
    assert fine != coarse


def test_parents_in_a_circle_are_refused():
    with pytest.raises(InvalidInputError, match=r"in a circle: a < b < a; leave one of them out"):
        tree_of(("a",), "/", (("a", "b"), ("b", "a")))


@pytest.mark.parametrize("change", [{"separator": None}, {"parents": []}, {"parents": None}], ids=str)
def test_a_description_without_its_tree_is_refused(change):
    with pytest.raises(BundleFormatError, match="wants a separator or parents"):
        Hierarchical.read(Hierarchical(0.5).describe() | change)


def test_a_threshold_below_zero_is_refused():
    with pytest.raises(BundleFormatError, match="wants a number of 0 or more"):
        Hierarchical.read(Hierarchical(0.5).describe() | {"threshold": -1})


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_a_rows_answer_is_the_same_bits_alone_and_among_others(n, seed):
    """Of many labels: a product of matrices rounds otherwise than that of one row."""
    names = [f"group{code % 7}/{code}" for code in range(150)]
    probs = np.random.default_rng(seed).dirichlet(np.ones(150), n)
    decider = Hierarchical(0.1)
    together = decider.decide(probs, names)
    alone = [decider.decide(probs[row : row + 1], names) for row in range(n)]
    assert together.labels == tuple(found.labels[0] for found in alone)
    assert together.confidence.tobytes() == b"".join(found.confidence.tobytes() for found in alone)


def test_no_rows_have_no_answers():
    assert Hierarchical(0.5).decide(np.empty((0, 5)), CLASSES).labels == ()

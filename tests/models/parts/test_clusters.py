"""Laws of clusters of classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smallcraft.models.parts.clusters import cluster_classes, confusion


def confused(groups, *, n_each=20, stray=0.02):
    """Rows whose probability is spread over their class's group."""
    k = sum(map(len, groups))
    group_of = {label: group for group in groups for label in group}
    labels = np.repeat(np.arange(k), n_each)
    probs = np.full((len(labels), k), stray / k)
    for row, label in enumerate(labels):
        probs[row, list(group_of[label])] += (1 - stray) / len(group_of[label])
    return probs, labels


def test_classes_that_are_confused_stand_together():
    groups = [(0, 3, 5), (1, 2, 7), (4, 6, 8)]
    clusters = cluster_classes(*confused(groups), n_clusters=3)
    assert [sorted(np.flatnonzero(clusters == number)) for number in range(3)] == [sorted(g) for g in groups]


def test_no_cluster_grows_far_past_its_share_while_others_can():
    probs, labels = confused([(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)])
    sizes = np.bincount(cluster_classes(probs, labels, n_clusters=4)[labels])
    assert sizes.max() <= 1.25 * len(labels) / 4


def test_a_class_larger_than_its_share_is_clustered_all_the_same():
    labels = np.array([0] * 90 + [1] * 5 + [2] * 5)
    clusters = cluster_classes(np.full((100, 3), 1 / 3), labels, n_clusters=2)
    assert clusters.tolist() == [0, 1, 1]


@given(
    arrays(np.float64, (30, 6), elements=st.floats(0.01, 1)),
    arrays(np.int64, 30, elements=st.integers(0, 5)),
    st.integers(1, 8),
)
def test_every_class_is_in_one_cluster_and_they_are_numbered_by_their_first_class(probs, labels, wanted):
    clusters = cluster_classes(probs / probs.sum(axis=1, keepdims=True), labels, n_clusters=wanted)
    firsts = [int(np.flatnonzero(clusters == number)[0]) for number in range(clusters.max() + 1)]
    assert len(firsts) == min(wanted, 6)
    assert firsts == sorted(firsts)


def test_confusion_is_the_mean_probability_that_two_classes_give_each_other():
    probs = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
    assert confusion(probs, np.array([0, 0, 1])) == pytest.approx(np.array([[0.0, 0.3], [0.3, 0.0]]))

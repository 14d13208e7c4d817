"""A bundle's answers stand beside the truth in the form that their task is measured in."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.pipeline.stages.predictions import (
    keep_rows,
    predictions_beside_truth,
    with_answers,
    without_answers,
)
from smallcraft.records import Predictions, Roles, TagPredictions, ValuePredictions

TAGS = Decoder(1.0, link="sigmoid", decider=Thresholds((0.5, 0.2)))
VALUES = Decoder(1.0, link="identity", decider=Value(2.0, 0.9))


def beside(probs, labels, decoder, classes):
    roles, clusters = Roles(label="y", text="t"), np.arange(len(labels))
    series = pl.Series("y", labels)
    return predictions_beside_truth(
        np.array(probs), series, roles, classes=classes, decoder=decoder, clusters=clusters
    )


def test_labels_are_decided_by_the_bundles_own_thresholds():
    found = beside([[0.6, 0.3], [0.4, 0.1]], ["a", "a|b"], TAGS, ("a", "b"))
    assert isinstance(found, TagPredictions)
    assert found.predicted.tolist() == [[True, True], [False, False]]
    assert found.truth.tolist() == [[True, False], [True, True]]


def test_a_label_that_the_bundle_does_not_know_counts_as_missed():
    found = beside([[0.6, 0.3]], ["a|new"], TAGS, ("a", "b"))
    assert found.classes == ("a", "b", "new")
    assert found.truth.tolist() == [[True, False, True]]
    assert found.predicted.tolist() == [[True, True, False]]
    again = with_answers(found, np.array([[0.1, 0.9]]), TAGS)
    assert again.predicted.tolist() == [[False, True, False]]


def test_numbers_carry_their_intervals():
    found = beside([[10.0], [20.0]], ["11", "25.5"], VALUES, ("y",))
    assert isinstance(found, ValuePredictions)
    assert found.truth.tolist() == [11.0, 25.5]
    assert (found.low.tolist(), found.high.tolist(), found.coverage) == ([8.0, 18.0], [12.0, 22.0], 0.9)


@pytest.mark.parametrize(
    ("decoder", "labels", "probs", "classes"),
    [
        (Decoder(1.0), ["a", "b"], [[0.9, 0.1], [0.3, 0.7]], ("a", "b")),
        (TAGS, ["a", "b"], [[0.9, 0.1], [0.3, 0.7]], ("a", "b")),
        (VALUES, ["1", "2"], [[1.5], [2.5]], ("y",)),
    ],
)
def test_some_rows_and_other_answers_keep_the_truth(decoder, labels, probs, classes):
    whole = beside(probs, labels, decoder, classes)
    second = keep_rows(whole, np.array([False, True]))
    assert second.truth.tolist() == whole.truth[1:].tolist()
    assert second.clusters.tolist() == [1]
    picked = with_answers(whole, np.array(probs)[1:], decoder, rows=np.array([1]))
    assert picked.predicted.tolist() == second.predicted.tolist()
    task = {Predictions: "multiclass", TagPredictions: "multilabel", ValuePredictions: "regression"}[
        type(whole)
    ]
    bare = without_answers(whole.truth, task, classes, whole.clusters)
    assert with_answers(bare, np.array(probs), decoder).predicted.tolist() == whole.predicted.tolist()

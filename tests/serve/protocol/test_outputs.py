"""What a model said, as values of tensors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.serve.protocol.models import (
    CLASSES,
    LABELLED_SETS,
    LABELS,
    PRICED,
    PRICES,
    PROBS,
    SETS,
    TAGGED,
    TAGS,
    TEXT,
)

from smallcraft.serve.protocol.outputs import output_values, top_classes


def test_an_abstention_has_no_label_and_says_so():
    assert output_values("label", LABELS, TEXT) == ["card: lost", ""]
    assert list(output_values("abstained", LABELS, TEXT)) == [False, True]


def test_numbers_come_row_by_row():
    np.testing.assert_array_equal(output_values("probabilities", LABELS, TEXT), PROBS.ravel())
    np.testing.assert_array_equal(output_values("confidence", LABELS, TEXT), [0.7, 0.4])
    np.testing.assert_array_equal(output_values("escalated", LABELS, TEXT), [False, True])


def test_several_labels_are_a_json_list_and_truths_in_the_order_of_the_classes():
    labels = [json.loads(text) for text in output_values("labels", TAGGED, TAGS)]
    assert labels == [["card: lost", "größe"], ["card: lost", "größe"]]
    tags = output_values("tags", TAGGED, TAGS).reshape(2, 3)
    assert [[CLASSES[code] for code in np.flatnonzero(row)] for row in tags] == labels


def test_sets_are_json_lists():
    assert [json.loads(text) for text in output_values("set", LABELLED_SETS, SETS)] == [
        ["card: lost"],
        ["cancel", "card: lost"],
    ]


def test_a_number_has_an_interval():
    values = [output_values(name, PRICED, PRICES).tolist() for name in ("low", "value", "high")]
    assert values == [[8.0, 18.5], [10.0, 20.5], [12.0, 22.5]]


@pytest.mark.parametrize("top", [1, 2, 3])
def test_top_classes_are_the_most_probable_ones_in_order(top):
    found = [element.split(":", 2) for element in top_classes(LABELS, TEXT, top)]
    for row in range(2):
        order = np.argsort(-PROBS[row])[:top]
        mine = found[row * top : (row + 1) * top]
        assert [(float(p), int(code), name) for p, code, name in mine] == [
            (PROBS[row, code], code, CLASSES[code]) for code in order
        ]

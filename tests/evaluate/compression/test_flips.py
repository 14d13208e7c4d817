"""Flipped rows: each once, with both answers, worst first."""

from __future__ import annotations

import numpy as np

from smallcraft.evaluate.compression.flips import list_flips
from smallcraft.records import Predictions

CLASSES = ("a", "b", "c")


def predictions(truth, said, sure):
    probs = np.full((len(truth), 3), 0.0)
    probs[np.arange(len(truth)), said] = sure
    return Predictions(CLASSES, np.array(truth), probs + (1 - probs.sum(axis=1, keepdims=True)) / 3)


def test_rows_that_turned_wrong_come_first_the_surest_foremost():
    truth = [0, 0, 0, 1, 2, -1]
    before = predictions(truth, [0, 0, 0, 0, 0, 0], 0.7)
    after = predictions(truth, [0, 1, 1, 1, 1, 1], [0.7, 0.5, 0.9, 0.6, 0.6, 0.6])
    found = list_flips(before, after, check="compression", split="dev")
    assert [(flip.row, flip.kind) for flip in found] == [
        (2, "turned wrong"),
        (1, "turned wrong"),
        (3, "turned right"),
        (4, "wrong both ways"),
        (5, "wrong both ways"),
    ]
    assert found[0].what == "fp32 says a (80.0% sure), INT8 says b (93.3% sure); labelled a"
    assert found[-1].what.endswith("labelled none of the classes")
    assert all((flip.check, flip.split) == ("compression", "dev") for flip in found)


def test_equal_answers_are_no_flip_however_sure():
    before, after = (predictions([0, 1], [0, 1], sure) for sure in (0.9, 0.4))
    assert list_flips(before, after, check="c", split="dev") == ()

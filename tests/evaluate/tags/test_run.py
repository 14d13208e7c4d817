"""An evaluation of several labels a row has every score, label and group."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.tags.run import evaluate_tags, rows_of
from smallcraft.evaluate.tags.scores import SCORES
from smallcraft.records import TagPredictions


def made_up(n: int = 120) -> TagPredictions:
    rng = np.random.default_rng(2)
    truth = rng.random((n, 3)) < 0.4
    probs = np.clip(np.where(truth, 0.7, 0.3) + rng.normal(0, 0.3, truth.shape), 0, 1)
    return TagPredictions(("a", "b", "c"), truth, probs, probs >= 0.5)


def test_labels_and_groups_are_slices_with_their_own_numbers():
    predictions, groups = made_up(), {"region": ["north", None] * 60}
    measured = evaluate_tags(predictions, split="dev", groups=groups)
    found = {(m.name, m.slice): m for m in measured}
    assert {name for name, slice_ in found if slice_ == "all"} == set(SCORES)
    expected = precision_recall_fscore_support(predictions.truth, predictions.predicted)
    for row, name in enumerate(("precision", "recall", "f1")):
        values = [found[name, f"class={label}"].value for label in "abc"]
        assert values == pytest.approx(expected[row])
    north = np.arange(120) % 2 == 0
    alone = SCORES["micro_f1"].measure(rows_of(predictions, north), 0.95)
    assert found["micro_f1", "region=north"].value == alone.value
    assert found["subset_accuracy", "region=(missing)"].n == 60
    assert {m.split for m in measured} == {"dev"}


def test_no_rows_are_refused():
    with pytest.raises(InvalidInputError, match="at least one row"):
        evaluate_tags(rows_of(made_up(), np.zeros(120, dtype=bool)), split="dev")

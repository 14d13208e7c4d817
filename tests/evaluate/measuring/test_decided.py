"""Shares of answers, errors among them, sets: each equals what one counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.argmax import Argmax
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.hierarchical import Hierarchical
from smallcraft.evaluate.measuring.decided import measure_decisions
from smallcraft.records import Predictions
from smallcraft.stats.intervals import clopper_pearson_interval

CLASSES = ("cards/lost", "cards/new", "loans")
PROBS = np.array(
    [
        [0.9, 0.05, 0.05],
        [0.55, 0.4, 0.05],
        [0.1, 0.2, 0.7],
        [0.4, 0.35, 0.25],
        [0.45, 0.5, 0.05],
    ]
)
# Right, right above only, wrong, unsure, and a label that is none of the classes.
TRUTH = np.array([0, 1, 0, 0, -1])


def measured(decider, clusters=None):
    found = measure_decisions(
        decider, Predictions(CLASSES, TRUTH, PROBS, clusters), split="dev", confidence=0.9
    )
    return {(one.name, one.split): one for one in found}


def test_answers_and_errors_among_them_are_counted():
    found = measured(Abstain(0.5))
    share, error = found["answered_share", "dev"], found["answered_error", "dev"]
    assert (share.hits, share.trials, share.value) == (4, 5, 0.8)
    assert (error.hits, error.trials, error.value, error.n) == (3, 4, 0.75, 4)
    interval = clopper_pearson_interval(3, 4, level=0.9)
    assert (error.low, error.high, error.level) == (interval.low, interval.high, 0.9)
    assert set(found) == {("answered_share", "dev"), ("answered_error", "dev")}


def test_a_node_above_the_true_label_is_right():
    found = measured(Hierarchical(0.6))
    # cards/lost, cards, loans, cards, cards: wrong are the loan, and the label that is none.
    assert found["answered_share", "dev"].value == 1.0
    assert found["answered_error", "dev"].hits == 2


def test_without_an_answer_there_is_no_error_to_measure():
    error = measured(Abstain(1.1))["answered_error", "dev"]
    assert (error.value, error.n) == (None, 0)
    assert "answered rows" in error.detail


def test_sets_are_covered_where_the_true_label_is_in():
    found = measured(Conformal("lac", (0.62,), 0.9))
    # Sets: lost; lost, new; loans; lost; new, lost.
    coverage, size = found["set_coverage", "dev"], found["set_size", "dev"]
    assert (coverage.hits, coverage.trials) == (3, 5)
    assert size.value == pytest.approx(7 / 5)
    assert size.low < 7 / 5 < size.high


def test_what_the_budget_was_fitted_on_is_told_as_of_the_training_rows():
    promise = {"errors": 3, "answered": 400, "is_kept": True}
    error = measured(Abstain(0.5, promise))["answered_error", "train"]
    assert (error.hits, error.trials, error.n, error.split) == (3, 400, 400, "train")


def test_rows_of_one_key_count_as_less():
    alone, together = (
        measured(Abstain(0.5), clusters)["answered_share", "dev"]
        for clusters in (None, np.array([0, 0, 0, 1, 1]))
    )
    assert together.value == pytest.approx(alone.value)
    assert together.trials < alone.trials


def test_always_the_most_probable_label_is_measured_by_the_scores_alone():
    assert measured(Argmax()) == {}

"""Label errors of two test sets, as people verified them: five workers looked at each suspected label.

A suspected label is taken for an error when most workers did not choose it (fewer than 3 of 5); so counted,
the reviewed rows hold as many errors as their authors report (Northcutt, Athalye, Mueller, 2021, Pervasive
Label Errors, table 1). CIFAR-10's reviews name rows. IMDB's name files, and nothing in the folder says which
row is which file: were they in order of number or of name, the model would doubt a tenth of the reviewed
rows, as of any rows. So IMDB's ranking is compared as a whole, over all rows.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from benchmarks.peers import CLEANLAB
from tests.stats.cleanlab_oracle import ask_cleanlab

from smallcraft.stats.auroc import roc_area, roc_area_difference
from smallcraft.stats.confident import count_confidently
from smallcraft.stats.label_scores import logit_margin, normalized_margin, self_confidence

pytestmark = pytest.mark.realdata

NAMES = ("imdb", "cifar10")
WORKERS = 5
# Other ways to read the five answers.
RULES = {
    "most did not choose the given label": lambda votes: votes["given"] < 3,
    "most chose the suggested label": lambda votes: votes["guessed"] >= 3,
    "more chose the suggested than the given label": lambda votes: votes["guessed"] > votes["given"],
    "most chose neither the given label nor both": lambda votes: votes["given"] + votes["both"] < 3,
}


@pytest.fixture(scope="module")
def tables(shared_data):
    """Given labels and probabilities by name, as they are on disk."""
    folder = shared_data / "label_errors"
    return {
        name: (
            np.load(folder / f"{name}_test_set_original_labels.npy").astype(np.int64),
            np.load(folder / f"{name}_test_set_pyx.npy"),
        )
        for name in NAMES
    }


@pytest.fixture(scope="module")
def reviews(shared_data):
    folder = shared_data / "label_errors"
    return {name: json.loads((folder / f"{name}_mturk.json").read_text("utf-8")) for name in NAMES}


@pytest.fixture(scope="module")
def theirs(tables, peer_python, tmp_path_factory):
    """What cleanlab says; it refuses IMDB's probabilities above 1, so it gets rows divided by their sums."""
    even = {name: (labels, divided(probs)) for name, (labels, probs) in tables.items()}
    cases = [
        (labels, probs.astype(dtype)) for labels, probs in even.values() for dtype in (np.float64, np.float32)
    ]
    answers = ask_cleanlab(peer_python(CLEANLAB), tmp_path_factory.mktemp("cleanlab"), cases)
    keys = [(name, dtype) for name in even for dtype in ("float64", "float32")]
    return dict(zip(keys, answers, strict=True))


def divided(probs):
    sums = probs.sum(axis=1, keepdims=True)
    return np.where(np.abs(sums - 1) > 1e-6, probs / sums, probs)


def errors_of(reviews, rule):
    """Reviewed rows, and which of them are errors."""
    rows = np.array([review["id"] for review in reviews])
    return rows, np.array([RULES[rule](review["mturk"]) for review in reviews])


@pytest.mark.peer
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_real_probabilities_are_counted_as_cleanlab_does_to_the_last_row(tables, theirs, name, dtype):
    labels, probs = tables[name]
    found = count_confidently(labels, probs if dtype == "float64" else divided(probs).astype(np.float32))
    expected = theirs[name, dtype]
    for part in ("flagged", "predicted", "counts", "joint"):
        np.testing.assert_array_equal(getattr(found, part), expected[part], part)


def test_probabilities_that_do_not_quite_sum_to_one_are_told(tables):
    assert count_confidently(*tables["imdb"]).note == (
        "25,000 of 25,000 rows of probabilities did not sum to 1 (off by up to 2.0e-05) and were divided by "
        "their sum."
    )
    assert count_confidently(*tables["cifar10"]).note == ""


def test_as_many_reviews_as_confident_learning_expected_errors(tables, reviews):
    """The authors had as many rows reviewed in each class as their own count expected to be wrong."""
    found = count_confidently(*tables["imdb"])
    wrong = np.round(25_000 * (found.joint - np.diag(found.joint.diagonal()))).sum(axis=1)
    reviewed = [
        sum(review["given_original_label"] == given for review in reviews["imdb"])
        for given in ("Negative", "Positive")
    ]
    assert reviewed == [706, 604]
    assert wrong.tolist() == pytest.approx(reviewed, rel=0.01)


@pytest.mark.parametrize(("name", "reviewed", "errors"), [("imdb", 1310, 725), ("cifar10", 275, 54)])
def test_verified_errors_are_as_many_as_the_reviews_authors_report(reviews, name, reviewed, errors):
    rule = RULES["most did not choose the given label"]
    assert len(reviews[name]) == reviewed
    assert all(sum(review["mturk"].values()) == WORKERS for review in reviews[name])
    assert sum(rule(review["mturk"]) for review in reviews[name]) == errors


def test_the_reviews_of_cifar10_speak_of_the_rows_they_name(tables, reviews):
    labels, probs = tables["cifar10"]
    for review in reviews["cifar10"]:
        assert labels[review["id"]] == review["given_original_label"]
        assert probs[review["id"]].argmax() == review["our_guessed_label"]


@pytest.mark.peer
@pytest.mark.parametrize("score", ["self_confidence", "normalized_margin"])
def test_imdb_is_ranked_as_cleanlab_ranks_it_whichever_rows_are_errors(tables, theirs, score):
    labels, probs = tables["imdb"]
    margin = logit_margin(labels, probs)
    expected = theirs["imdb", "float64"][score]
    # Rows that cleanlab tells apart come in its order; equal ones differ by rounding alone.
    assert np.diff(expected[np.argsort(margin, kind="stable")]).min() > -1e-12
    found = count_confidently(labels, probs).margin
    assert np.diff(expected[np.argsort(found, kind="stable")]).min() > -1e-7
    ranks = [np.argsort(values, kind="stable")[:1310] for values in (found, expected)]
    assert set(ranks[0].tolist()) == set(ranks[1].tolist())


@pytest.mark.peer
@pytest.mark.parametrize("score", ["self_confidence", "normalized_margin"])
def test_verified_errors_of_cifar10_are_ranked_at_least_as_well_as_by_cleanlab(
    tables, reviews, theirs, score
):
    rows, is_error = errors_of(reviews["cifar10"], "most did not choose the given label")
    ours = -count_confidently(*tables["cifar10"]).margin[rows].astype(np.float64)
    other = -theirs["cifar10", "float64"][score][rows]
    assert roc_area(is_error, ours).value >= roc_area(is_error, other).value
    assert found_in_first(100, is_error, ours) >= found_in_first(100, is_error, other)
    assert found_in_first(50, is_error, ours) >= found_in_first(50, is_error, other)


@pytest.mark.peer
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("score", ["self_confidence", "normalized_margin"])
def test_no_reading_of_the_workers_shows_a_worse_ranking_than_cleanlabs(tables, reviews, theirs, rule, score):
    rows, is_error = errors_of(reviews["cifar10"], rule)
    ours = roc_area(is_error, -count_confidently(*tables["cifar10"]).margin[rows].astype(np.float64))
    other = roc_area(is_error, -theirs["cifar10", "float64"][score][rows])
    assert roc_area_difference(ours, other).high > 0


def found_in_first(count, is_error, scores):
    return int(is_error[np.argsort(-scores, kind="stable")[:count]].sum())


@pytest.mark.parametrize("name", NAMES)
def test_errors_planted_among_real_labels_are_ranked_first(tables, name):
    labels, probs = tables[name]
    rng = np.random.default_rng(1)
    planted = rng.random(len(labels)) < 0.05
    k = probs.shape[1]
    given = np.where(planted, (labels + rng.integers(1, k, len(labels))) % k, labels)
    ours, own, margin = (
        roc_area(planted, -score(given, divided(probs))).value
        for score in (logit_margin, self_confidence, normalized_margin)
    )
    assert ours > (0.95 if name == "imdb" else 0.99)
    assert ours >= margin - 1e-6
    assert ours >= own - 5e-4

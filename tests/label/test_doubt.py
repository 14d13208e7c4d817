import numpy as np
import pytest
from tests.label.rounds import probabilities

from smallcraft.errors import InvalidInputError
from smallcraft.label.doubt import LEAST_AUDITED, doubt_labels, said_how_often, wrong_at_random
from smallcraft.records import Predictions

K, ROWS, SHARE = 8, 4000, 0.2


@pytest.fixture(scope="module")
def noisy():
    """Labels a fifth of which are others at random, and what a model that learned them well says."""
    rng = np.random.default_rng(0)
    clean = rng.dirichlet(np.full(K, 0.12), ROWS)
    truth = (rng.random((ROWS, 1)) > clean.cumsum(axis=1)).sum(axis=1)
    is_wrong = rng.random(ROWS) < SHARE
    given = np.where(is_wrong, (truth + rng.integers(1, K, ROWS)) % K, truth)
    probs = (1 - SHARE) * clean + SHARE / (K - 1) * (1 - clean)
    return (
        Predictions(tuple("abcdefgh"), given, probs / probs.sum(axis=1, keepdims=True)),
        truth,
        given != truth,
    )


def test_the_share_of_wrong_labels_is_found_without_truth(noisy):
    assert doubt_labels(noisy[0]).share == pytest.approx(SHARE, abs=0.04)


def test_doubts_are_calibrated_where_labels_are_wrong_at_random(noisy):
    given, _, is_wrong = noisy
    doubt = doubt_labels(given)
    order = np.argsort(doubt.wrong, kind="stable")
    for part in np.array_split(order, 8):
        assert doubt.wrong[part].mean() == pytest.approx(is_wrong[part].mean(), abs=0.12)
    assert not doubt.is_calibrated


def test_adjudicated_rows_correct_labels_wrong_in_a_way_the_model_learned(noisy):
    given, truth, is_wrong = noisy
    rng = np.random.default_rng(1)
    # The audit finds half of the doubted labels right after all.
    forgiven = is_wrong & (rng.random(ROWS) < 0.5)
    real = np.where(forgiven, given.truth, truth)
    audited = np.where(rng.random(ROWS) < 0.2, real, -1)
    after = doubt_labels(given, audited=audited)
    plain, rest = doubt_labels(given), audited < 0
    is_off = real != given.truth

    def brier(doubt):
        return ((doubt.wrong - is_off)[rest] ** 2).mean()

    assert after.is_calibrated
    assert "adjudicated rows" in after.method
    assert brier(after) < brier(plain) - 0.01


def test_few_adjudicated_rows_change_nothing(noisy):
    given, truth, _ = noisy
    audited = np.where(np.arange(ROWS) < LEAST_AUDITED - 1, truth, -1)
    assert np.array_equal(doubt_labels(given, audited=audited).wrong, doubt_labels(given).wrong)


def test_of_a_row_without_a_label_the_models_own_answer_is_doubted():
    rng = np.random.default_rng(2)
    probs = probabilities(rng.integers(0, 3, 40), rng=rng, k=3)
    labels = np.where(np.arange(40) < 20, probs.argmax(axis=1), -1)
    doubt = doubt_labels(Predictions(("a", "b", "c"), labels, probs))
    assert np.allclose(doubt.wrong[20:], 1 - probs[20:].max(axis=1))


def test_without_any_label_nothing_is_counted():
    doubt = doubt_labels(Predictions(("a", "b"), np.full(3, -1), np.full((3, 2), 0.5)))
    assert doubt.share == 0.0
    assert "no row has a label" in doubt.method


def test_audited_rows_of_another_table_are_refused(noisy):
    with pytest.raises(InvalidInputError, match="one entry a row"):
        doubt_labels(noisy[0], audited=np.zeros(3, dtype=np.int64))


def test_frequencies_rise_with_the_probability(noisy):
    given = noisy[0]
    own = given.probs[np.arange(ROWS), given.truth]
    said = said_how_often(given.truth, given.probs)
    assert (np.diff(said[np.argsort(own, kind="stable")]) >= -1e-12).all()


def test_chances_never_reach_one_and_fall_as_the_label_is_said_more_often():
    said = np.linspace(0.001, 1, 50)
    wrong = wrong_at_random(said, share=0.3, k=5)
    assert wrong.max() < 1
    assert (np.diff(wrong) <= 0).all()


def test_a_share_past_chance_tells_nothing_of_single_rows():
    assert np.ptp(wrong_at_random(np.array([0.1, 0.9]), share=0.6, k=2)) == 0

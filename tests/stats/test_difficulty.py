import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats.difficulty import (
    SORTS,
    gap_of_null_model,
    gap_of_permuted_labels,
    rank_labels,
    sort_rows,
)


def draw(k, n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.5), n)


@given(st.integers(2, 7), st.integers(1, 50), st.integers(0, 1000))
def test_standing_agrees_with_sorting_each_row(k, n, seed):
    labels, probs = draw(k, n, seed)
    standing = rank_labels(labels, probs)
    ordered = np.sort(probs, axis=1)
    np.testing.assert_allclose(standing.gap, np.log(ordered[:, -1] / ordered[:, -2]), atol=1e-9)
    assert standing.first.tolist() == probs.argmax(axis=1).tolist()
    for row, label in enumerate(labels):
        others = np.delete(probs[row], label)
        assert standing.margin[row] == pytest.approx(np.log(probs[row, label] / others.max()), abs=1e-9)
        assert standing.is_in_first_two[row] == ((others > probs[row, label]).sum() < 2)


def test_ties_speak_for_the_given_label():
    standing = rank_labels(np.array([2, 1]), np.array([[1, 1, 1], [1, 1, 0]]) / np.array([[3], [2]]))
    assert standing.first.tolist() == [2, 1]
    assert standing.gap.tolist() == [0.0, 0.0]
    assert standing.margin.tolist() == [0.0, 0.0]
    assert standing.is_in_first_two.all()


def test_saturated_probabilities_stay_finite():
    standing = rank_labels(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert np.isfinite(standing.gap).all()
    assert standing.margin[0] > 0 > standing.margin[1]


@given(st.integers(2, 6), st.integers(1, 60), st.floats(0, 3), st.integers(0, 1000))
def test_every_row_is_of_the_sort_that_its_own_words_say(k, n, gap, seed):
    labels, probs = draw(k, n, seed)
    thresholds = np.full(k, 0.6)
    sorts = sort_rows(labels, rank_labels(labels, probs), gap=gap, thresholds=thresholds)
    for row, label in enumerate(labels):
        order = np.argsort(-probs[row])
        stands_out = np.log(probs[row, order[0]] / probs[row, order[1]]) > gap
        if not stands_out:
            expected = "ambiguous" if label in order[:2] else "hard"
        elif order[0] == label:
            expected = "easy"
        else:
            expected = "likely mislabelled" if probs[row, order[0]] >= 0.6 else "hard"
        assert SORTS[sorts[row]] == expected


def test_renaming_the_classes_changes_no_sort():
    labels, probs = draw(5, 200, 1)
    thresholds = np.linspace(0.3, 0.7, 5)
    order = np.array([3, 1, 4, 0, 2])
    place = np.argsort(order)
    plain = sort_rows(labels, rank_labels(labels, probs), gap=0.4, thresholds=thresholds)
    renamed = sort_rows(
        place[labels], rank_labels(place[labels], probs[:, order]), gap=0.4, thresholds=thresholds[order]
    )
    assert plain.tolist() == renamed.tolist()


def test_where_there_is_nothing_to_learn_a_label_stands_out_in_one_row_of_twenty():
    _, null = draw(4, 20_000, 2)
    _, fresh = draw(4, 20_000, 3)
    gap = gap_of_null_model(null)
    assert np.mean(rank_labels(np.zeros(20_000, dtype=np.int64), fresh).gap > gap) == pytest.approx(
        0.05, abs=0.006
    )


def test_a_random_label_lies_nearer_than_the_bound_in_one_draw_of_twenty():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 10, 20_000)
    logits = rng.normal(size=(20_000, 10))
    logits[np.arange(20_000), labels] += 8
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gap = gap_of_permuted_labels(labels, probs, rank_labels(labels, probs), rng=rng)
    others = (labels + rng.integers(1, 10, 20_000)) % 10
    assert gap > 0
    assert np.mean(-rank_labels(others, probs).margin < gap) == pytest.approx(0.05, abs=0.006)


def test_permuted_labels_say_nothing_of_a_weak_model_of_two_classes():
    rng = np.random.default_rng(6)
    labels, own = rng.integers(0, 2, 2000), rng.beta(1.2, 1.0, 2000)
    probs = np.where(labels[:, None] == np.arange(2), own[:, None], 1 - own[:, None])
    assert gap_of_permuted_labels(labels, probs, rank_labels(labels, probs), rng=rng) == 0.0
    assert (
        sort_rows(labels, rank_labels(labels, probs), gap=0.0, thresholds=np.full(2, 0.6))
        == SORTS.index("ambiguous")
    ).sum() == 0


def test_a_permutation_that_changes_no_label_gives_no_bound():
    same, even = np.zeros(4, dtype=np.int64), np.full((4, 2), 0.5)
    assert gap_of_permuted_labels(same, even, rank_labels(same, even), rng=np.random.default_rng(0)) == 0


def test_the_seed_alone_decides_the_permutation():
    labels, probs = draw(6, 300, 9)
    one, other = (
        gap_of_permuted_labels(
            labels, probs, rank_labels(labels, probs), rng=np.random.default_rng(4), level=0.2
        )
        for _ in range(2)
    )
    assert one == other


def test_one_class_is_refused():
    with pytest.raises(InvalidInputError, match="two classes at least, got one"):
        rank_labels(np.array([0]), np.ones((1, 1)))
    with pytest.raises(InvalidInputError, match=r"two classes at least, got shape \(0, 3\)"):
        gap_of_null_model(np.empty((0, 3)))


def test_a_level_given_as_a_percent_is_refused():
    with pytest.raises(InvalidInputError, match=r"write 0\.05 for 5%"):
        gap_of_null_model(np.full((3, 2), 0.5), level=5)

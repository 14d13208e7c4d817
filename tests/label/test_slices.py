import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.failures.conditions import Condition
from smallcraft.label.slices import FALSE_SHARE, cluster_conditions, find_slices

DEV, POOL = 800, 300


@pytest.fixture
def planted():
    """Word `late` fails four times as often; twenty other words mean nothing."""
    rng = np.random.default_rng(0)
    words = rng.random((21, DEV + POOL)) < 0.2
    conditions = [
        Condition(f"word=w{place}", f"with the word 'w{place}'", row) for place, row in enumerate(words)
    ]
    is_wrong = rng.random(DEV) < np.where(words[0][:DEV], 0.4, 0.1)
    return is_wrong, conditions


def test_a_planted_slice_is_verified_and_names_the_rows_of_the_pool(planted):
    is_wrong, conditions = planted
    search = find_slices(is_wrong, conditions, rng=np.random.default_rng(1))
    first = search.found[0]
    assert first.name.split(" & ")[0] == "word=w0"
    assert first.q_value <= FALSE_SHARE
    assert first.met >= 10
    if first.name == "word=w0":
        assert np.array_equal(first.rows, np.flatnonzero(conditions[0].rows[DEV:]))
    names = search.names(POOL)
    assert all(names[row] != "" for row in first.rows.tolist())
    assert (search.weights(POOL)[first.rows] > 1).all()


def test_errors_independent_of_everything_give_a_slice_at_most_so_often(planted):
    _, conditions = planted
    false = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        false += bool(find_slices(rng.random(DEV) < 0.15, conditions, rng=rng).found)
    # Binomial(60, 0.1): more than 12 has a chance below 0.01.
    assert false <= 12


def test_rows_in_no_slice_weigh_one():
    search = find_slices(np.zeros(100, dtype=bool), [], rng=np.random.default_rng(0))
    assert search.found == ()
    assert search.weights(5).tolist() == [1.0] * 5
    assert search.names(2) == ("", "")


def test_conditions_shorter_than_the_dev_rows_are_refused():
    with pytest.raises(InvalidInputError, match="over both together"):
        find_slices(np.zeros(9, bool), [Condition("a", "a", np.ones(5, bool))], rng=np.random.default_rng(0))


def test_clusters_part_the_rows_and_follow_meaning():
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 3, 300)
    vectors = (np.eye(3)[topic] + 0.1 * rng.normal(size=(300, 3))).astype(np.float32)
    texts = [f"topic {place}" for place in topic]
    found = cluster_conditions(vectors, np.full(300, 0.3), k=3, examples=texts, rng=np.random.default_rng(2))
    assert np.sum([condition.rows for condition in found], axis=0).tolist() == [1] * 300
    for condition in found:
        shares = np.bincount(topic[condition.rows], minlength=3) / condition.rows.sum()
        assert condition.words == f"like 'topic {shares.argmax()}'"


def test_clusters_tell_unsure_rows_from_sure_ones_of_one_meaning():
    unsure = np.repeat([0.05, 0.9], 50)
    found = cluster_conditions(
        np.ones((100, 4), np.float32), unsure, k=4, examples=["x"] * 100, rng=np.random.default_rng(0)
    )
    assert all(len(set(unsure[condition.rows].tolist())) == 1 for condition in found)

import numpy as np
import pytest
from tests.label.rounds import CLASSES, small_pool

from smallcraft.errors import InvalidInputError
from smallcraft.label.pool import doubted_by_model, make_pool, rows_by_value, top_rows


def test_two_rows_of_one_id_are_refused():
    with pytest.raises(InvalidInputError, match="an id of its own, got 1 ids for 2 rows"):
        make_pool(["a", "a"], CLASSES, given=np.zeros(2, np.int64), probs=np.full((2, 3), 1 / 3))


def test_probabilities_of_another_shape_are_refused():
    with pytest.raises(InvalidInputError, match="2 rows and 3 classes"):
        make_pool(["a", "b"], CLASSES, given=np.zeros(2, np.int64), probs=np.full((2, 2), 0.5))


@pytest.mark.parametrize("part", ["wrong", "value", "is_open", "vectors", "action", "slices"])
def test_a_part_of_other_rows_is_refused_by_name(part):
    with pytest.raises(InvalidInputError, match=f"'{part}' of a pool holds one entry a row \\(200\\), got 3"):
        small_pool(**{part: np.ones((3, 4)) if part == "vectors" else np.ones(3)})


def test_what_is_left_out_stands_for_nothing_known():
    pool = small_pool()
    assert set(pool.slices) == {""}
    assert pool.is_open.all()
    assert np.array_equal(pool.wrong, doubted_by_model(pool.given, pool.probs))
    assert [act == "label" for act in pool.action] == (pool.given < 0).tolist()


def test_top_rows_are_the_highest_open_ones_and_ties_keep_the_order_of_the_pool():
    is_open = np.ones(200, dtype=bool)
    is_open[7] = False
    score = np.zeros(200)
    score[[7, 9, 3]] = [9, 5, 5]
    assert top_rows(score, small_pool(is_open=is_open), n=3).rows.tolist() == [3, 9, 0]


def test_a_negative_number_of_rows_is_refused():
    with pytest.raises(InvalidInputError, match="at least 0, got -1"):
        top_rows(np.zeros(200), small_pool(), n=-1)


def test_rows_of_equal_value_stand_by_the_models_doubt():
    pool = small_pool(value=np.zeros(200))
    doubted = doubted_by_model(pool.given, pool.probs)
    assert (np.diff(doubted[rows_by_value(pool)]) <= 0).all()
    assert rows_by_value(small_pool(value=np.arange(200.0)))[0] == 199

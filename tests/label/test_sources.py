import numpy as np
import pytest
from tests.label.rounds import small_pool

from smallcraft.errors import InvalidInputError
from smallcraft.label.sources import Source, open_rows_of, review_rows


def test_only_rows_that_a_source_names_and_that_were_open_stay_open():
    pool = small_pool(is_open=np.arange(200) != 5)
    found = open_rows_of(pool, [Source("check", np.array([3, 5])), Source("abstained", np.array([9]))])
    assert found.open_rows.tolist() == [3, 9]
    assert open_rows_of(pool, []).open_rows.size == 0


def test_a_source_of_another_table_is_refused():
    with pytest.raises(InvalidInputError, match="'check' names row 200, the pool has 200"):
        open_rows_of(small_pool(), [Source("check", np.array([200]))])


def test_an_alarm_asks_for_drifted_blind_and_unsure_rows_each_once():
    pool = small_pool()
    drifted = np.arange(100, 200)
    found = review_rows(pool, drifted, n=50, rng=np.random.default_rng(0))
    assert {source.name: len(source.rows) for source in found} == {"drifted": 25, "random": 15, "unsure": 10}
    rows = np.concatenate([source.rows for source in found])
    assert len(set(rows.tolist())) == 50
    assert (found[0].rows >= 100).all()
    left = np.setdiff1d(np.arange(200), rows)
    assert pool.probs[found[2].rows].max(axis=1).max() <= pool.probs[left].max(axis=1).min()


def test_a_short_source_leaves_its_places_to_the_others():
    found = review_rows(small_pool(), np.array([1, 2]), n=50, rng=np.random.default_rng(0))
    assert sum(len(source.rows) for source in found) == 50
    everything = review_rows(small_pool(20), np.arange(20), n=50, rng=np.random.default_rng(0))
    assert sum(len(source.rows) for source in everything) == 20

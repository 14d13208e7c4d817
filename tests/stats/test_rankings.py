import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.stats.rankings import rank_rows


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_equal_scores_are_one_group_and_values_find_back_to_their_rows(rows):
    is_positive, scores = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    ranking = rank_rows(is_positive, scores)
    levels = np.unique(scores)
    assert ranking.rows.tolist() == [float(np.sum(scores == level)) for level in levels]
    assert ranking.positives.tolist() == [float(np.sum(is_positive[scores == level])) for level in levels]
    spread = ranking.spread(levels + 0.5, levels - 0.5)
    assert spread.tolist() == np.where(is_positive, scores + 0.5, scores - 0.5).tolist()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.evaluate.measuring.row_shares import measure_share
from smallcraft.stats.intervals import clopper_pearson_interval, share_interval


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.integers(1, 10), st.sampled_from([0.8, 0.95]))
def test_hits_and_trials_give_the_shown_interval_clusters_or_not(hits, per_cluster, level):
    hits = np.array(hits)
    clusters = np.arange(len(hits)) // per_cluster
    for groups in (None, clusters):
        found = measure_share("accuracy", hits, groups, confidence=level)
        exact = clopper_pearson_interval(found.hits, found.trials, level=found.level)
        assert (found.low, found.high) == (exact.low, exact.high)
        assert found.value == pytest.approx(found.hits / found.trials)
        assert (found.value, found.n) == (pytest.approx(hits.mean()), len(hits))
        shown = share_interval(hits, level=level, clusters=groups)
        assert (found.low, found.high) == (shown.low, shown.high)


def test_no_rows_have_no_value_and_a_reason():
    found = measure_share("recall", np.zeros(0, dtype=bool), confidence=0.95, empty="no row of this class")
    assert (found.value, found.low, found.hits, found.trials, found.level, found.n) == (None,) * 5 + (0,)
    assert found.detail == "no row of this class"

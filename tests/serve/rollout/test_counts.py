from dataclasses import fields

import numpy as np
import pytest

from smallcraft.serve.rollout.counts import (
    CONFIDENCE_BINS,
    LATENCY_BINS,
    LATENCY_EDGES_S,
    LATENCY_RATIO,
    ArmCounts,
    FirstRequests,
    count_first_requests,
    no_counts,
)


def firsts(*rows):
    """Rows of (key, arm, latency, answer, confidence, escalated, disagreed)."""
    columns = np.array(rows, dtype=np.int64).reshape(-1, 7).T
    return FirstRequests(columns[0].astype(np.uint64), *columns[1:])


def test_edges_reach_from_a_tenth_of_a_millisecond_to_a_minute_in_equal_ratios():
    assert LATENCY_EDGES_S[0] == 1e-4
    assert 60 < LATENCY_EDGES_S[-1] < 63
    np.testing.assert_allclose(LATENCY_EDGES_S[1:] / LATENCY_EDGES_S[:-1], LATENCY_RATIO, rtol=1e-12)
    assert len(LATENCY_EDGES_S) + 1 == LATENCY_BINS


def test_counts_of_two_shipments_are_added_up_field_by_field():
    one = no_counts(3)
    two = ArmCounts(*(getattr(one, field.name) + 2 for field in fields(one)))
    total = two + one + two
    assert {np.unique(getattr(total, field.name)).item() for field in fields(total)} == {4}
    assert total.latency.shape == (2, LATENCY_BINS)
    assert total.classes.shape == (2, 4)
    assert total.compared.shape == ()


def test_counts_of_other_classes_are_never_added_to_each_other():
    with pytest.raises(ValueError, match="broadcast"):
        no_counts(3) + no_counts(4)


def test_first_requests_count_once_each_under_their_arm():
    counts = count_first_requests(
        firsts((1, 0, 5, 0, 19, 0, -1), (2, 1, 6, 2, 3, 1, -1), (3, 1, -1, -1, -1, -1, -1)), classes=2
    )
    assert counts.subjects.tolist() == [1, 2]
    assert counts.rows.tolist() == [1, 1]
    assert counts.escalated.tolist() == [0, 1]
    assert counts.classes.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert [np.flatnonzero(arm).tolist() for arm in counts.latency] == [[5], [6]]
    assert [np.flatnonzero(arm).tolist() for arm in counts.confidence] == [[19], [3]]
    assert counts.requests.tolist() == counts.errors.tolist() == [0, 0]


def test_of_shadowed_first_requests_comparisons_are_counted():
    counts = count_first_requests(firsts((1, 0, 5, 0, 1, 0, 1), (2, 0, 5, 0, 1, 0, 0)), classes=2)
    assert (int(counts.compared), int(counts.disagreed)) == (2, 1)


def test_rows_of_keys_that_were_counted_before_can_be_left_out():
    rows = firsts((1, 0, 5, 0, 19, 0, -1), (2, 1, 6, 2, 3, 1, -1))
    kept = rows.only(np.array([False, True]))
    assert kept.keys.tolist() == [2]
    assert count_first_requests(kept, classes=2).subjects.tolist() == [0, 1]


def test_no_first_requests_count_nothing():
    counts = count_first_requests(firsts(), classes=2)
    assert all(getattr(counts, field.name).sum() == 0 for field in fields(counts))
    assert counts.confidence.shape == (2, CONFIDENCE_BINS)

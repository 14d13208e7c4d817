from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.pipeline.report_parts.reliability import describe_reliability
from smallcraft.stats.calibration import ECE_BINS, expected_calibration_error

ROWS = st.lists(st.tuples(st.floats(0.01, 1), st.booleans()), min_size=1, max_size=200)


@given(ROWS)
def test_every_row_is_in_one_bin_and_bins_rise(rows):
    sure, right = (np.array(column) for column in zip(*rows, strict=True))
    found = describe_reliability(sure, right)
    assert sum(each.rows for each in found.bins) == len(rows)
    assert 1 <= len(found.bins) <= ECE_BINS
    ends = [end for each in found.bins for end in (each.least, each.most)]
    assert ends == sorted(ends)
    assert all(each.low <= each.right <= each.high for each in found.bins)


@given(ROWS)
def test_the_bins_are_those_of_the_calibration_error(rows):
    sure = np.array([sure for sure, _ in rows], dtype=np.float32).astype(np.float64)
    right = np.array([hit for _, hit in rows])
    found = describe_reliability(sure, right)
    gaps = sum(each.rows * abs(each.right - each.confidence) for each in found.bins) / len(rows)
    error = expected_calibration_error(sure, right, rng=np.random.default_rng(0))
    assert gaps == pytest.approx(error.value, abs=1e-9)


@pytest.mark.parametrize(
    ("sure", "hits", "said"),
    [
        (0.9, 9, "On average it is 0.900 sure and 0.900 right: it means what it says on average."),
        (0.9, 5, "On average it is 0.900 sure and 0.500 right: it is 40.0 points too sure."),
        (0.5, 9, "On average it is 0.500 sure and 0.900 right: it is 40.0 points too modest."),
    ],
)
def test_the_gap_is_told_in_points_with_its_direction(sure, hits, said):
    right = np.arange(10) < hits
    assert describe_reliability(np.full(10, sure), right).sentence == said


def test_rows_of_one_key_widen_the_bounds():
    sure, right = np.full(40, 0.8), np.arange(40) % 8 != 0
    alone = describe_reliability(sure, right).bins[0]
    together = describe_reliability(sure, right, clusters=np.arange(40) // 4).bins[0]
    assert together.high - together.low > alone.high - alone.low


def test_without_rows_there_is_nothing_to_tell():
    assert describe_reliability(np.empty(0), np.empty(0, dtype=bool)) is None

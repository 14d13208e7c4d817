"""Streams: the same windows for everyone, each world as it says, changes after quiet windows alone."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from benchmarks.drift.streams import (
    CHANGES,
    COLUMNS,
    DAY,
    REFERENCE_WINDOWS,
    ROWS,
    WORLDS,
    changed_windows,
    digest_of,
    reference_windows,
    windows,
)


def first(world, count, *, seed=0, stream=0):
    return list(islice(windows(world, seed=seed, stream=stream), count))


@pytest.mark.parametrize("world", WORLDS)
def test_windows_come_again_by_their_seed_and_differ_by_stream(world):
    drawn = first(world, 2)
    assert [window.shape for window in drawn] == [(ROWS, COLUMNS)] * 2
    assert digest_of(iter(drawn)) == digest_of(iter(first(world, 2)))
    assert digest_of(iter(drawn)) != digest_of(iter(first(world, 2, stream=1)))
    assert digest_of(iter(drawn)) != digest_of(iter(first(world, 2, seed=1)))


def test_rows_hang_on_the_row_before_also_over_the_border_of_windows():
    rows = np.concatenate(first("rows_hang", 40))
    before, now = rows[:-1].ravel(), rows[1:].ravel()
    assert np.corrcoef(before, now)[0, 1] == pytest.approx(0.9, abs=0.01)
    borders = np.arange(ROWS, len(rows), ROWS)
    assert np.corrcoef(rows[borders - 1].ravel(), rows[borders].ravel())[0, 1] > 0.8
    assert rows.std() == pytest.approx(1.0, abs=0.05)


def test_levels_wander_from_window_to_window():
    means = np.array([window.mean(axis=0) for window in first("wanders", 300)])
    centred = means - means.mean(axis=0)
    hang = (centred[:-1] * centred[1:]).sum() / (centred**2).sum()
    # The level's .9, thinned by the noise of a mean of 500 rows.
    assert hang == pytest.approx(0.9 * 0.1**2 / (0.1**2 + 1 / ROWS), abs=0.06)


def test_a_day_comes_again_and_the_untold_season_is_the_same_windows():
    means = np.array([window.mean(axis=0) for window in first("season", 2 * DAY)])
    np.testing.assert_allclose(means[:DAY], means[DAY:], atol=6 / np.sqrt(ROWS))
    assert np.ptp(means, axis=0).min() > 0.7
    assert digest_of(windows("season", seed=3, stream=1)) == digest_of(
        windows("season_untold", seed=3, stream=1)
    )


def test_one_row_a_day_is_wild_in_every_column():
    drawn = first("outlier", 2 * DAY)
    wild = [
        (at, int((window == 1e6).all(axis=1).sum())) for at, window in enumerate(drawn) if window.max() > 1e5
    ]
    assert wild == [(12, 1), (36, 1)]


def test_the_reference_has_every_hour_of_the_day_once():
    assert sorted(at % DAY for at in REFERENCE_WINDOWS) == list(range(DAY))
    drawn = reference_windows("season", seed=0, stream=0)
    assert len(drawn) == DAY
    assert np.concatenate(drawn).mean() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_happens_to_the_streams_own_windows_and_to_its_columns_alone(change):
    quiet = list(islice(windows("iid", seed=0, stream=4), 7, 9))
    changed = list(islice(changed_windows(change, seed=0, stream=4, after=7), 2))
    touched = {
        column
        for before, after in zip(quiet, changed, strict=True)
        for column in range(COLUMNS)
        if not np.array_equal(before[:, column], after[:, column], equal_nan=True)
    }
    assert touched == (set(range(3)) if change in {"three_columns", "wider", "slowly"} else {0})


def test_a_slow_change_grows_and_ends():
    drawn = islice(changed_windows("slowly", seed=0, stream=0, after=0), 80)
    quiet = islice(windows("iid", seed=0, stream=0), 80)
    shifts = [float((after - before)[0, 0]) for before, after in zip(quiet, drawn, strict=True)]
    assert shifts[0] == pytest.approx(0.01)
    assert shifts[49:] == pytest.approx([0.5] * 31)


def test_categories_are_codes_the_first_the_most_frequent():
    codes = np.concatenate(first("categories", 20))
    counts = np.bincount(codes.astype(int).ravel(), minlength=50)
    assert len(counts) == 50
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.05)

"""What a threshold means: a larger one is a larger shift and fires less often."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.observe.plain_rule import threshold_table
from smallcraft.stats.distances import kl_divergence


def test_a_larger_threshold_fires_less_often():
    table = threshold_table(
        window_rows=500, reference_rows=50_000, cells=16, columns=20, windows_per_month=720
    )
    assert [row.shift_sd for row in table] == sorted(row.shift_sd for row in table)
    fires = [row.false_alarms_per_month for row in table]
    assert fires == sorted(fires, reverse=True)
    assert fires[0] > 100


def test_the_chance_is_what_windows_without_drift_show():
    rng, rows, cells = np.random.default_rng(0), 200, 10
    reference = np.full(cells, 1000.0)
    windows = rng.multinomial(rows, np.full(cells, 1 / cells), size=4000).astype(float)
    scores = kl_divergence(np.broadcast_to(reference, windows.shape), windows)
    (row,) = threshold_table(
        (0.02,), window_rows=rows, reference_rows=10_000, cells=cells, columns=1, windows_per_month=1
    )
    assert float((scores > 0.02).mean()) == pytest.approx(row.chance, abs=0.02)

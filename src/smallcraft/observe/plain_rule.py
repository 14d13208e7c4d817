"""What a threshold of the plain rule `kl > t` means: as a shift, and how often it fires on no drift.

Leaves to others: applying the rule (`observe.comparing`, `observe/detectors/threshold`).
Always: for rows that are independent; where they hang together it fires more often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smallcraft.stats.distances import chance_of_exceeding, shift_in_sd

THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True)
class ThresholdMeaning:
    """A threshold of the debiased divergence.

    Attributes:
        shift_sd: The shift of a normal column, in standard deviations, that has this divergence.
        chance: Of firing in a window without drift, for one column.
        false_alarms_per_month: Of all columns, where they have nothing to do with each other.
    """

    threshold: float
    shift_sd: float
    chance: float
    false_alarms_per_month: float


def threshold_table(
    thresholds: Sequence[float] = THRESHOLDS,
    *,
    window_rows: int,
    reference_rows: int,
    cells: int,
    columns: int,
    windows_per_month: float,
) -> tuple[ThresholdMeaning, ...]:
    """What thresholds mean at a size of windows.

    Args:
        thresholds: Of the divergence in nats.
        window_rows: Rows of a window, above 0.
        reference_rows: Rows of the reference, above 0.
        cells: Bins of a column that are not empty.
        columns: How many are watched.
        windows_per_month: How many windows a month has.

    >>> table = threshold_table(
    ...     (0.05,), window_rows=500, reference_rows=100_000, cells=16, columns=20, windows_per_month=720
    ... )
    >>> round(table[0].shift_sd, 2), table[0].false_alarms_per_month < 1
    (0.32, True)
    """
    rows = []
    for threshold in thresholds:
        chance = chance_of_exceeding(
            threshold, window_rows=window_rows, reference_rows=reference_rows, cells=cells
        )
        any_column = 1 - (1 - chance) ** columns
        sd = float(shift_in_sd(np.array(threshold)))
        rows.append(ThresholdMeaning(threshold, sd, chance, any_column * windows_per_month))
    return tuple(rows)

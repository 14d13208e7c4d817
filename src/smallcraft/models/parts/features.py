"""Fits the blocks that read feature columns: quantile bins, and the categories worth a slot of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.inputs import Inputs

_BINS = 32
_MOST_CATEGORIES = 128
_SEEN_AT_LEAST = 2


def fit_onehot(parts: Sequence[Inputs], *, beside_text: bool) -> OnehotBlock:
    """Up to 32 quantile bins a number, up to 128 frequent values a category.

    Args:
        parts: The training rows.
        beside_text: True when text blocks stand beside; a row's slots then have length 1 together.
    """
    numbers = np.concatenate([inputs.numbers for inputs in parts])
    columns = numbers.shape[1] + len(parts[0].categories)
    edges = []
    for index in range(numbers.shape[1]):
        known = numbers[~np.isnan(numbers[:, index]), index]
        quantiles = np.quantile(known, np.arange(1, _BINS) / _BINS, method="lower") if len(known) else []
        edges.append(np.unique(np.asarray(quantiles, dtype=np.float64)))
    gain = 1 / float(np.sqrt(columns)) if beside_text else 1.0
    return OnehotBlock(tuple(edges), _frequent_values(parts), gain)


def fit_columns(parts: Sequence[Inputs]) -> ColumnsBlock:
    """Numbers as they are, up to 128 frequent values a category."""
    return ColumnsBlock(parts[0].numbers.shape[1], _frequent_values(parts))


def _frequent_values(parts: Sequence[Inputs]) -> tuple[tuple[str, ...], ...]:
    listed = []
    for index in range(len(parts[0].categories)):
        counts = Counter(value for inputs in parts for value in inputs.categories[index] if value is not None)
        frequent = sorted(
            (value for value in counts if counts[value] >= _SEEN_AT_LEAST),
            key=lambda v: (-counts[v], v),
        )
        listed.append(tuple(sorted(frequent[:_MOST_CATEGORIES])))
    return tuple(listed)

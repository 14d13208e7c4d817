"""Labelled rows of the past weighed anew: each as often as rows like it come now (importance weighting).

Alike are rows of about the same score of the reference's domain classifier. The score of a labelled row is
made from its values, which windows keep; how often each score comes now is known of all rows.
Leaves to others: the classifier (`data.profiles.domain`), the estimate (`stats.performance_estimates`).
Always: it matters not why a row was labelled, as long as rows of one score are right as often as each other;
no weights where few rows are labelled, or many rows now have scores that no labelled row has.
Not covered: classifiers that read embeddings, which windows do not keep row by row; losses other than right
and wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.profiles.domain import DomainScore
from smallcraft.data.profiles.numeric import NumericProfile
from smallcraft.data.profiles.profile import Profile
from smallcraft.data.profiles.rows import DOMAIN, Rows
from smallcraft.observe.alarms import Example
from smallcraft.observe.attribution import find_examples
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.review import item_of
from smallcraft.observe.store import Wanted, WindowStore
from smallcraft.observe.window_rows import SEEN_COLUMN, from_stored
from smallcraft.stats.histograms import count_values, keys_of
from smallcraft.stats.reference_bins import count_numeric, numeric_bins

Floats = NDArray[np.float64]
# Labelled rows below which nothing is said, and of one bin of scores.
LEAST_ROWS, _ROWS_OF_BIN = 100, 20
_MOST_BINS = 16
# Rows now with scores that no labelled row has.
_MOST_OUTSIDE = 0.05
_TEXT = "/length"


@dataclass(frozen=True)
class PastRow:
    """A labelled row whose values are known.

    Attributes:
        values: By column.
        is_right: Whether it was answered right.
    """

    values: Mapping[str, str | float | None]
    is_right: bool


@dataclass(frozen=True)
class WeighedRows:
    """Labelled rows, and how many times as often each comes now.

    Attributes:
        is_right: `(n,)` bool.
        odds: `(n,)` float64, at least 0.
    """

    is_right: NDArray[np.bool_]
    odds: Floats


def find_past(store: WindowStore, release: str, labelled: Sequence[Labelled]) -> tuple[PastRow, ...]:
    """Labelled rows that their windows kept.

    Args:
        store: Of the windows.
        release: Whose.
        labelled: Known by `observe.review.item_of`; those with a loss between 0 and 1 are passed over.
    """
    losses = {row.item: row.loss for row in labelled if row.loss in (0.0, 1.0)}
    starts = {row.start_s for row in labelled}
    if not losses:
        return ()
    wanted = Wanted(release, since_s=min(starts), until_s=max(starts) + 1, columns=(SEEN_COLUMN,))
    found: dict[str, Example] = {}
    for name, rows in store.read(wanted):
        if name.start_s in starts:
            found.update((item_of(each), each) for each in find_examples((from_stored(rows),)))
    return tuple(
        PastRow(dict(found[item].values), loss == 0.0) for item, loss in losses.items() if item in found
    )


def weigh_past(past: Sequence[PastRow], now: Profile, domain: DomainScore) -> WeighedRows | None:
    """Weigh labelled rows by how often their like comes now.

    Args:
        past: From before the change.
        now: Of the windows since.
        domain: Of the release's reference.

    Returns:
        None where that cannot be said.
    """
    column = now.columns.get(DOMAIN)
    if len(past) < LEAST_ROWS or len(domain.embedding) or not isinstance(column, NumericProfile):
        return None
    scores = domain.score(_rows(past, now))
    bins = numeric_bins(count_values(scores), bins=min(_MOST_BINS, len(past) // _ROWS_OF_BIN))
    come = count_numeric(column.histogram, bins)
    inside = come[1:-3]
    if inside.sum() < (1 - _MOST_OUTSIDE) * max(come.sum(), 1.0):
        return None
    places = np.searchsorted(bins.edges, keys_of(scores), side="right") - 1
    labelled = np.bincount(places, minlength=len(inside))
    shares = (inside / inside.sum())[places] / (labelled / len(past))[places]
    return WeighedRows(np.array([row.is_right for row in past]), shares)


def _rows(past: Sequence[PastRow], now: Profile) -> Rows:
    """The columns that the classifier may read; what is not there says nothing."""
    names = dict.fromkeys(name for row in past for name in row.values)
    texts = {name for name in names if f"{name}{_TEXT}" in now.columns}
    values = {name: [row.values.get(name) for row in past] for name in names}
    return Rows(
        len(past),
        numbers={name: _numbers(values[name]) for name in names if name not in texts},
        categories={name: _strings(values[name]) for name in names if name not in texts},
        texts={name: _strings(values[name]) for name in sorted(texts)},
    )


def _numbers(values: Sequence[str | float | None]) -> Floats:
    return np.array([value if isinstance(value, float) else np.nan for value in values])


def _strings(values: Sequence[str | float | None]) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in values]

"""Labelled rows weighed anew: they follow a change of rows, and are not used where they would mislead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore, NumberWeight
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.data.profiles.rows import Rows
from smallcraft.observe.attribution import find_examples
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.review import item_of
from smallcraft.observe.store import WindowStore
from smallcraft.observe.weighting import LEAST_ROWS, PastRow, find_past, weigh_past
from smallcraft.observe.window_rows import from_stored
from smallcraft.stats.performance_estimates import accuracy_by_weighting

DOMAIN = DomainScore(0.0, numbers={"age": NumberWeight(0.0, 1.0, 1.5)})
RNG = np.random.default_rng


def chance_of_right(ages):
    return np.where(ages < 1, 0.95, 0.5)


def past_rows(n: int, *, centre: float = 0.0, seed: int = 0) -> tuple[PastRow, ...]:
    ages = RNG(seed).normal(centre, 1, n)
    right = RNG(seed + 1).random(n) < chance_of_right(ages)
    return tuple(
        PastRow({"age": age, "job": "cook"}, is_right)
        for age, is_right in zip(ages.tolist(), right.tolist(), strict=True)
    )


def seen(centre: float, *, n: int = 4000):
    rows = Rows(n, numbers={"age": RNG(9).normal(centre, 1, n)})
    return measure_rows(rows, Measures(domain=DOMAIN)).profile


def test_rows_weighed_anew_are_right_as_often_as_rows_now():
    """The share of right answers falls from .88 to .77 with the ages; unweighed rows cannot know it."""
    truth = chance_of_right(RNG(5).normal(0.7, 1, 100_000)).mean()
    past = past_rows(1500)
    weighed = weigh_past(past, seen(0.7), DOMAIN)
    found = accuracy_by_weighting(weighed.is_right, weighed.odds)
    assert found.interval.low < truth < found.interval.high
    assert np.mean([row.is_right for row in past]) > found.interval.high
    assert 100 < found.effective_n < len(past)


def test_it_matters_not_which_rows_were_labelled():
    """Old rows are labelled three times as often; the estimate is that of all rows."""
    past = (*past_rows(900), *past_rows(900, centre=1.5, seed=7))
    truth = chance_of_right(RNG(5).normal(0, 1, 100_000)).mean()
    weighed = weigh_past(past, seen(0.0), DOMAIN)
    found = accuracy_by_weighting(weighed.is_right, weighed.odds)
    assert found.interval.low < truth < found.interval.high
    assert np.mean(weighed.is_right) < found.interval.low


def test_rows_that_come_as_before_keep_their_weight():
    weighed = weigh_past(past_rows(2000), seen(0.0), DOMAIN)
    assert weighed.odds.mean() == pytest.approx(1)
    assert weighed.odds.std() < 0.2


@pytest.mark.parametrize(
    ("past", "now", "domain"),
    [
        (past_rows(LEAST_ROWS - 1), seen(0.0), DOMAIN),
        (past_rows(300), seen(4.0), DOMAIN),
        (past_rows(300), seen(0.0), replace(DOMAIN, embedding=np.ones(3, np.float32))),
        (past_rows(300), replace(seen(0.0), columns={}), DOMAIN),
    ],
    ids=["few labels", "rows unlike all labelled ones", "values that are not kept", "no scores"],
)
def test_where_it_would_mislead_nothing_is_weighed(past, now, domain):
    assert weigh_past(past, now, domain) is None


def test_labelled_rows_are_found_where_their_windows_kept_them(tmp_path, store_window):
    store = WindowStore(tmp_path)
    for hour in range(3):
        store.append(store_window(hour))
    kept = find_examples([from_stored([store_window(1)])])
    items = list(dict.fromkeys(item_of(row) for row in kept))
    labelled = [Labelled(item, 3600, float(place == 0)) for place, item in enumerate(items)]
    halves = [Labelled("x", 3600, 0.5), Labelled("not kept", 7200, 1.0), replace(labelled[1], loss=0.5)]
    found = find_past(store, "a@1", [*labelled[:1], *labelled[2:], *halves])
    values = {item_of(row): dict(row.values) for row in kept}
    assert [row.values for row in found] == [values[item] for item in [items[0], *items[2:]]]
    assert [row.is_right for row in found] == [False] + [True] * (len(items) - 2)
    assert find_past(store, "a@1", halves[:1]) == ()

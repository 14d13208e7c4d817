"""Three years of census rows through a watcher: what moved and was benign, and labels that went wrong.

Every number, with the order that rows are recorded in: docs/drift.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.drift.census import (
    FIRST_WEEK,
    LABELS_LATE,
    WEEK_S,
    WEEKS,
    certified,
    play,
    read_census,
    weeks_of,
)
from benchmarks.drift.real import FLIPPED, MOST_BATCHES

from smallcraft.observe.alarms import HarmVerdict

pytestmark = pytest.mark.realdata

LAST_THIRD = 2 * WEEKS


@pytest.fixture(scope="module")
def census(shared_data):
    return read_census()


@pytest.fixture(scope="module")
def release(census):
    return certified(census)


@pytest.fixture(scope="module")
def flipped(census, release, tmp_path_factory):
    """Two quiet years, and of the third, a fifth of whose labels are flipped, as long as it may take."""
    folder = tmp_path_factory.mktemp("flipped")
    weeks = LAST_THIRD + LABELS_LATE + MOST_BATCHES
    return play(census, release, folder, order="mixed", flipped=FLIPPED, weeks=weeks)


def test_the_weeks_hold_every_row_once_in_both_orders(census):
    for order in ("mixed", "recorded"):
        ids = np.concatenate([week["id"].to_numpy() for week in weeks_of(census, order, seed=0)])
        assert sorted(ids.tolist()) == census.analysis["id"].to_list()


def test_the_age_jump_of_2017_raises_a_benign_alarm(flipped):
    """From 2017 on some people are 95, as the top code of ages rose; nobody was before."""
    (alarm,) = (one for one in flipped.alarms if "AGEP" in one.explanation.columns)
    assert abs(alarm.began_s // WEEK_S - FIRST_WEEK - WEEKS) <= 4
    assert WEEKS <= flipped.week_of(alarm) <= WEEKS + 8
    part = next(part for part in alarm.explanation.slices if part.column == "AGEP")
    assert part.before == 0
    assert part.now > 0
    assert alarm.harm.verdict is HarmVerdict.BENIGN
    assert flipped.first_verdicts[flipped.alarms.index(alarm)] == "benign"


def test_nobody_is_woken_before_labels_go_wrong(flipped):
    assert [flipped.week_of(alarm) for alarm in flipped.paged if flipped.week_of(alarm) < LAST_THIRD] == []


def test_flipped_labels_raise_a_harmful_alarm_soon_after_they_arrive(flipped):
    (alarm,) = (one for one in flipped.alarms if one.harm.verdict is HarmVerdict.HARMFUL)
    assert LAST_THIRD + LABELS_LATE <= flipped.week_of(alarm) < LAST_THIRD + LABELS_LATE + MOST_BATCHES
    assert alarm in flipped.paged or "page" in alarm.told


def test_the_risk_of_both_sexes_is_tracked_and_stays_where_it_was_certified(flipped, release):
    for group, bound in release.baseline.group_bounds.items():
        before = [
            point
            for point in flipped.risks
            if point.group == group and point.start_s < (FIRST_WEEK + LAST_THIRD) * WEEK_S
        ]
        assert len(before) == 8
        assert all(point.interval.low <= bound for point in before)
        assert np.average([p.risk for p in before], weights=[p.n for p in before]) == pytest.approx(
            bound, abs=0.01
        )

"""A month's digest: each alarm in the month it was opened in, beside the budget."""

from __future__ import annotations

from dataclasses import replace

from smallcraft.observe.alarms import RECOVERY, Closing, Harm, HarmVerdict, close
from smallcraft.observe.digest import digest_month

DAY = 86_400


def test_alarms_count_in_their_month_and_by_what_they_say(alarm, benign):
    harmful = replace(alarm, harm=Harm(HarmVerdict.HARMFUL, "losses"), opened_s=DAY)
    next_month = replace(alarm, opened_s=40 * DAY)
    others = replace(alarm, release="b@1")
    recovered = close(benign, Closing(DAY, RECOVERY))
    found = digest_month(
        [alarm, recovered, harmful, next_month, others],
        release="a@1",
        month="1970-01",
        windows=700,
        undecided=24,
        budget=0.1,
    )
    assert (found.alarms, found.harmful, found.benign, found.unknown) == (3, 1, 1, 1)
    assert (found.recovered, found.open) == (1, 2)
    assert "3 alarms (1 harmful, 1 benign, 1 unknown) in 700 windows; the budget is 0.1" in found.sentence
    assert "24 windows were watched before an alarm was possible" in found.sentence


def test_a_window_that_ends_with_the_month_belongs_to_it(alarm):
    last = replace(alarm, opened_s=31 * DAY)
    found = digest_month([last], release="a@1", month="1970-01", windows=1, undecided=0, budget=0.1)
    assert found.alarms == 1

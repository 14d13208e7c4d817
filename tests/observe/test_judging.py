"""What an alarm says of a release."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smallcraft.data.profiles.domain import DomainScore, NumberWeight
from smallcraft.data.profiles.measuring import Measures, measure_rows
from smallcraft.observe.alarms import HarmVerdict
from smallcraft.observe.group_risk import Labelled, count_by_group
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.harm_guard import begin_losses, weigh_losses
from smallcraft.observe.judging import WatchedRelease, judge_since, loss_alarm, loss_harm, unlabelled
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.statistics import prepare_reference
from smallcraft.observe.weighting import PastRow
from smallcraft.observe.window_rows import from_stored

BASELINE = HarmBaseline(loss_bound=0.2, confusion=np.array([[90, 10], [10, 90]]))
ROWS = tuple(Labelled(str(at), 0, 1.0) for at in range(40))


@pytest.fixture(scope="module")
def prepared(reference):
    return prepare_reference(reference.whole)


@pytest.fixture(scope="module")
def profile(store_window):
    return from_stored([store_window(50, jobs=("cook", "robot"))]).profile


def test_a_profile_says_what_estimates_need(profile, prepared):
    rows = unlabelled(profile, prepared, classes=("yes", "no"))
    assert rows.answers.sum() == rows.confidences.n == profile.n
    assert 0.3 < rows.outside < 0.7
    assert unlabelled(profile, prepared, classes=()).answers is None


def test_a_release_without_a_promise_cannot_be_judged(reference, profile, prepared):
    found = judge_since(WatchedRelease("a@1", reference), profile, ROWS, reference=prepared, seed=0)
    assert found.verdict is HarmVerdict.UNKNOWN


def test_labels_are_judged_against_the_promise(reference, profile, prepared):
    release = WatchedRelease("a@1", reference, BASELINE, ("yes", "no"))
    found = judge_since(release, profile, ROWS, reference=prepared, seed=0)
    assert (found.verdict, found.labels) == (HarmVerdict.HARMFUL, 40)


def test_labelled_rows_of_the_past_are_weighed_where_there_is_a_classifier(reference, draw_rows, prepared):
    domain = DomainScore(0.0, numbers={"age": NumberWeight(0.0, 1.0, 1.0)})
    rows = draw_rows(600, seed=3)
    profile = measure_rows(rows, Measures(domain=domain)).profile
    past = [PastRow({"age": age}, age < 1) for age in rows.numbers["age"].tolist()]
    known = replace(reference, measures=Measures(domain=domain))
    for source, names in ((reference, set()), (known, {"accuracy by weighting"})):
        release = WatchedRelease("a@1", source, BASELINE)
        found = judge_since(release, profile, (), reference=prepared, past=past, seed=0)
        assert {sign.name for sign in found.signs if "weighting" in sign.name} == names


def test_an_alarm_of_losses_is_harmful_by_its_own_evidence(reference):
    turn = weigh_losses(begin_losses(BASELINE, log_level=3.0), count_by_group(ROWS), at=5)
    harm = loss_harm(turn, count_by_group(ROWS), BASELINE)
    release = WatchedRelease("a@1", reference, BASELINE)
    alarm = loss_alarm(release, turn, harm, at_s=5 * 3600 + 7, began_s=0, settings=WatchSettings())
    assert alarm.harm.verdict is HarmVerdict.HARMFUL
    assert (alarm.log_e >= alarm.log_level, alarm.id) == (True, "a@1/losses/1970-01-01T05:00")

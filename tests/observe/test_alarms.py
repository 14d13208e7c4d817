"""The life of an alarm: one cause is told once, and what is closed stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.observe.alarms import (
    RECOVERY,
    Closing,
    Ending,
    Explanation,
    Harm,
    HarmVerdict,
    Slice,
    Suspect,
    alarm_of_losses,
    close,
    group_of,
    judge_again,
    mark_told,
    raise_again,
)


def test_an_open_alarm_takes_in_what_comes_after_it(alarm):
    again = raise_again(raise_again(alarm, at_s=7), at_s=9)
    assert (again.again, again.last_s, again.opened_s) == (2, 9, alarm.opened_s)


def test_columns_that_are_named_later_join_the_alarm_with_their_slices(alarm):
    later = Explanation(
        suspects=(
            Suspect("job", "unseen", 0.4, 0.0, 9.0, True),
            Suspect("age", "spread", 0.9, 0.0, 8.0, True),
            Suspect("pay", "shift", 0.2, 0.0, 1.0, False),
        ),
        slices=(Slice("job", "unseen values", 0.8, 0.0, 0.4), Slice("age", "from 60", 0.5, 0.1, 0.3)),
    )
    again = raise_again(alarm, at_s=7, found=later).explanation
    assert again.columns == ("age", "job")
    assert [(one.column, one.statistic) for one in again.suspects] == [("age", "shift"), ("job", "unseen")]
    assert {part.column for part in again.slices} == {
        *(part.column for part in alarm.explanation.slices),
        "job",
    }
    assert (again.words, again.examples) == (alarm.explanation.words, alarm.explanation.examples)


def test_a_trigger_is_told_once(alarm):
    told = mark_told(alarm, "page")
    assert told.told == ("page",)
    assert mark_told(told, "page") is told


@pytest.mark.parametrize("by", ["Ada", RECOVERY])
def test_a_closed_alarm_does_not_change(alarm, by):
    closed = close(alarm, Closing(1, by))
    assert not closed.is_open
    for change in (
        lambda: raise_again(closed, at_s=2),
        lambda: judge_again(closed, alarm.harm),
        lambda: close(closed, Closing(2, "Bob")),
    ):
        with pytest.raises(InvalidInputError, match=f"closed by {by}"):
            change()


def test_an_alarm_is_closed_by_somebody(alarm):
    with pytest.raises(InvalidInputError, match="say who"):
        close(alarm, Closing(1, " "))


@pytest.mark.parametrize("ending", [Ending.FALSE, Ending.ACCEPTED])
def test_only_a_person_says_that_nothing_had_changed_or_what_is_normal_now(alarm, ending):
    assert close(alarm, Closing(1, "Ada", ending=ending)).closing.ending is ending
    with pytest.raises(InvalidInputError, match="a person may say so"):
        close(alarm, Closing(1, RECOVERY, ending=ending))


def test_what_began_before_an_alarm_was_raised_or_moves_its_columns_is_its_cause(alarm):
    of_others = replace(alarm, explanation=Explanation(suspects=(Suspect("pay", "shift", 1, 0, 9, True),)))
    early, late = alarm.opened_s - 1, alarm.opened_s
    assert group_of([alarm], replace(of_others, began_s=early)) is alarm
    assert group_of([alarm], replace(alarm, began_s=late)) is alarm
    assert group_of([alarm], replace(of_others, began_s=late)) is None
    doubted = Suspect("pay", "shift", 1, 0, 2, False)
    suspects = replace(alarm.explanation, suspects=(*alarm.explanation.suspects, doubted))
    suspecting = replace(alarm, explanation=suspects)
    assert group_of([suspecting], replace(of_others, began_s=late)) is suspecting
    assert group_of([alarm], replace(alarm, release="a@2")) is None
    assert group_of([close(alarm, Closing(1, "Ada"))], alarm) is None


def test_losses_are_put_down_to_the_latest_open_alarm_that_had_begun(alarm):
    later = replace(alarm, id="later", began_s=alarm.began_s + 10)
    assert alarm_of_losses([alarm, later], release="a@1", at_s=alarm.began_s + 10) is later
    assert alarm_of_losses([alarm, later], release="a@1", at_s=alarm.began_s + 9) is alarm
    assert alarm_of_losses([alarm], release="a@1", at_s=alarm.began_s - 1) is None
    assert alarm_of_losses([alarm], release="a@2", at_s=alarm.began_s) is None
    assert alarm_of_losses([close(alarm, Closing(1, "Ada"))], release="a@1", at_s=alarm.began_s) is None


def test_an_alarm_is_about_the_columns_that_are_claimed(alarm):
    assert alarm.explanation.columns == ("age",)
    unclaimed = tuple(replace(each, is_claimed=False) for each in alarm.explanation.suspects)
    assert replace(alarm.explanation, suspects=unclaimed).columns == ("age", "job")
    assert Explanation().columns == ()


def test_of_each_column_the_largest_slice_is_told_first():
    parts = tuple(Slice(*named, 0.5, 0.1, 0.2) for named in (("a", "1"), ("a", "2"), ("a", "3"), ("b", "x")))
    told = Explanation(slices=parts).first_slices(3)
    assert [(part.column, part.cell) for part in told] == [("a", "1"), ("b", "x"), ("a", "2")]


def test_an_alarm_says_what_moved_and_whether_it_does_harm(alarm):
    judged = judge_again(alarm, Harm(HarmVerdict.HARMFUL, "losses rose"))
    assert judged.sentence == "a@1: age moved; harmful: losses rose"

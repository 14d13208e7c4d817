"""What people have settled, and labels as they were before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.label.rounds import CLASSES, small_campaign, vote

from smallcraft.label.merging import GoldRecord
from smallcraft.pipeline.labelling.rows import LabelTable
from smallcraft.pipeline.labelling.truth import gold_of, known_truth, labels_before, skill_of
from smallcraft.records import Interval, Predictions, Roles


def test_a_row_is_settled_by_two_people_who_agree_and_by_nobody_who_differs():
    votes = [
        *(vote("agreed", who, "card") for who in ("ann", "bob")),
        *(vote("differs", who, label) for who, label in (("ann", "card"), ("bob", "refund"))),
        vote("alone", "ann", "card"),
        *(vote("again", "ann", label, campaign=name) for name, label in (("c1", "card"), ("c2", "card"))),
    ]
    assert known_truth(votes) == {"agreed": "card"}


def test_a_persons_last_word_counts():
    votes = [vote("i", "ann", "refund"), vote("i", "bob", "card"), vote("i", "ann", "card", campaign="c2")]
    assert known_truth(votes) == {"i": "card"}


def test_people_are_judged_by_rows_that_were_settled_before_they_were_asked():
    settled = [vote("i", who, "card") for who in ("ann", "bob")]
    gold = [vote("i", "cat", "refund", arm="gold"), vote("new", "cat", "card", arm="gold")]
    (record,) = gold_of([*settled, *gold])
    assert (record.annotator, record.right, record.answered) == ("cat", 0, 1)
    assert gold_of(gold) == ()


def test_few_rows_move_the_expected_skill_a_little_and_many_decide_it():
    def record(right, answered):
        return (GoldRecord("ann", right, answered, Interval(0.0, 1.0)),)

    assert skill_of((), usual=0.9) == pytest.approx(0.9)
    assert 0.85 < skill_of(record(0, 1), usual=0.9) < 0.9
    assert skill_of(record(500, 1000), usual=0.9) == pytest.approx(0.5, abs=0.01)


def table_of(campaign, given):
    items = tuple(f"i{row}" for row in range(200))
    seen = Predictions(CLASSES, given, np.full((200, 3), 1 / 3))
    frame = pl.DataFrame({"text": items})
    return LabelTable(items, frame, Roles("label", "text"), seen, {}, ("train",) * 200)


def test_what_stood_there_when_a_campaign_asked_is_told_whatever_the_data_say_by_now():
    campaign = small_campaign()
    asked = {int(ask.item.removeprefix("i")): ask.given for ask in campaign.asks}
    repaired = np.full(200, 2, dtype=np.int64)
    before = labels_before(table_of(campaign, repaired), [campaign])
    for row in range(200):
        given = asked.get(row, "refund")
        assert before[row] == (-1 if given is None else CLASSES.index(given))


def test_of_several_campaigns_the_first_one_saw_the_row_as_it_was():
    first = small_campaign()
    later = replace(first, asks=tuple(replace(ask, given="card") for ask in first.asks))
    table = table_of(first, np.zeros(200, dtype=np.int64))
    assert labels_before(table, [first, later]).tolist() == labels_before(table, [first]).tolist()

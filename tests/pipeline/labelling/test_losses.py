"""Losses of kept answers: only of blindly drawn rows, and only where people have spoken."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.label.rounds import CLASSES

from smallcraft.label.merging import Merged
from smallcraft.observe.group_risk import Labelled
from smallcraft.observe.journal import Journal
from smallcraft.pipeline.labelling.losses import Weighed, losses_of, weigh_losses
from smallcraft.pipeline.labelling.rows import KeptAnswer, LabelTable
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.records import Predictions, Roles

ITEMS = ("right", "wrong", "picked", "withheld", "unanswered", "unsaid", "own")
NOBODY = np.empty(0, dtype=np.int64)


def kept(item, *, answer="card", arm="random"):
    return KeptAnswer("rows@1", f"k-{item}", 3600, answer, arm, 0.5)


@pytest.fixture
def table():
    answers = {item: kept(item) for item in ITEMS[:-1]}
    answers["picked"], answers["withheld"] = kept("picked", arm="drifted"), kept("withheld", answer=None)
    seen = Predictions(CLASSES, np.full(7, -1), np.full((7, 3), 1 / 3))
    frame = pl.DataFrame({"text": ITEMS})
    return LabelTable(ITEMS, frame, Roles("label", "text"), seen, {}, ("alarm a",) * 7, answers)


@pytest.fixture
def merged():
    label = np.array([1, 2, 2, 2, -1, 2, 2])
    voted = np.array([True, True, True, True, True, False, True])
    return Merged(label, np.ones(7), voted, NOBODY, NOBODY, "a test")


def test_only_answers_to_blindly_drawn_rows_whose_label_people_said_are_losses(table, merged):
    assert losses_of(table, merged) == {
        "rows@1": (Labelled("k-right", 3600, 0.0), Labelled("k-wrong", 3600, 1.0))
    }


def test_without_losses_nothing_is_opened(tmp_path):
    assert weigh_losses(tmp_path, {}) == Weighed()
    assert not any(tmp_path.iterdir())


def test_losses_are_taken_in_once_by_the_watcher_of_the_release(tiny):
    rows = tuple(Labelled(f"k{place}", 3600, 0.0) for place in range(5))
    for _ in range(2):
        found = weigh_losses(tiny, {"rows@1": rows})
    assert found == Weighed()
    with Journal(WatchPlaces(tiny).root) as journal:
        assert sorted(journal.labelled("rows@1"), key=lambda row: row.item) == list(rows)


def test_losses_of_a_release_that_is_not_there_are_told_with_the_reason_and_stop_no_others(tiny):
    rows = (Labelled("k", 3600, 0.0),)
    found = weigh_losses(tiny, {"gone@3": rows, "rows@1": rows})
    assert (found.raised, found.judged) == ((), ())
    assert "gone" in found.refused["gone@3"]
    with Journal(WatchPlaces(tiny).root) as journal:
        assert journal.labelled("rows@1") == rows

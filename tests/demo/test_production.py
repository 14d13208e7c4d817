"""People who know the truth answer an alarm's rows; the project then names the data with their answers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import polars as pl
import pytest
from tests.pipeline.labelling.projects import kept_examples, raise_alarm
from tests.projects import copy_project

from smallcraft.data.quality.sheet import unescaped
from smallcraft.demo.production import (
    ANSWERS,
    _filled_in,
    _lines,
    answer_for_people,
    learned_about_new,
    take_over,
)
from smallcraft.demo.weeks import PRODUCTION_TRUTH, write_weeks
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.version import DataVersion
from smallcraft.pipeline.workspace import open_registry


def test_people_give_every_row_the_true_label_under_their_name():
    sheet = "item_id,annotator,label,text\r\n1,,,pay\r\n2,,,open it\r\n".encode("utf-8-sig")
    filled = _filled_in(_lines(sheet), {"pay": "billing", "open it": "login"})
    told = [(row["label"], row["annotator"]) for row in csv.DictReader(io.StringIO(filled.decode()))]
    assert told == [("billing", "ann"), ("login", "ann")]


def test_the_project_names_the_version_and_its_splits(tmp_path):
    write_weeks(tmp_path, seed=7, rows=1000)
    take_over(tmp_path, DataVersion("labels/version-2/rows*.csv", 0, 3))
    data = load_config(tmp_path).data
    assert (data.path, data.split) == ("labels/version-2/rows*.csv", "smallcraft_split")


@pytest.mark.slow
def test_rows_picked_where_the_change_is_are_counted_beside_all_and_what_was_labelled_is_not_asked_again(
    built, own_keys, tmp_path
):
    folder = copy_project(built, tmp_path / "p")
    weeks = write_weeks(tmp_path / "weeks", seed=7, rows=1500)
    truth = pl.read_parquet(weeks.project.parent / PRODUCTION_TRUTH)
    truth.write_parquet(folder / PRODUCTION_TRUTH)
    about, other = (truth.filter(pl.col("is_new_product") == is_new)["message"] for is_new in (True, False))
    label = truth["intent"][0]
    kept = [
        *kept_examples(about.to_list()[:20], answer=label, arm="drifted"),
        *kept_examples(other.to_list()[:20], answer=label, arm="random"),
    ]
    timed = [example_at(example, "2026-03-03T10:00:00") for example in kept]
    answered = answer_for_people(folder, raise_alarm(folder, timed, release="tickets@1", size=20))
    assert answered.votes == len(_lines((folder / ANSWERS).read_bytes())) > 15
    assert 0 < answered.about_new < answered.picked_about_new <= 1
    assert answered.version.added > 0
    release = open_registry(folder).read("latest")
    found = learned_about_new(folder, release, release)
    asked = sum(unescaped(line["text"]) in set(about) for line in _lines((folder / ANSWERS).read_bytes()))
    assert found.n == weeks.about_new - asked
    assert (found.repaired, found.broken) == (0, 0)
    assert found.gain.low <= 0 <= found.gain.high
    assert 0 < found.right_before == found.right_now < found.n


def example_at(example, time):
    """The same row, with a time and a region."""
    return replace(example, values=(*example.values, ("region", "north"), ("created_at", time)))

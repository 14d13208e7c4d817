"""The tour's production: as before at first, then broken, and answered by people who know the truth."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest

from smallcraft.demo.production import FILE, TRUTH, _filled_in, break_message, write_production


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    folder = tmp_path_factory.mktemp("production")
    return folder, write_production(folder, seed=8)


def test_messages_are_broken_from_the_hour_that_is_told_and_not_before(production):
    folder, made = production
    rows, truth = pl.read_csv(folder / FILE, try_parse_dates=False), pl.read_parquet(folder / TRUTH)
    assert rows.height == truth.height == made.rows > 5000
    is_late = rows["created_at"].str.to_datetime(time_zone="UTC") >= made.broken_from
    assert (truth["is_broken"] == is_late).all()
    damaged = rows["message"].str.contains("\u00c2|\u00e2\u20ac")
    assert damaged.filter(is_late).mean() > 0.5
    assert damaged.filter(~is_late).mean() < 0.01


def test_nothing_of_the_truth_is_in_the_file(production):
    folder, _ = production
    assert pl.read_csv(folder / FILE).columns == ["message", "region", "created_at"]


def test_the_same_seed_gives_the_same_bytes(production, tmp_path):
    folder, _ = production
    write_production(tmp_path, seed=8)
    assert (tmp_path / FILE).read_bytes() == (folder / FILE).read_bytes()


def test_plain_messages_stay_as_they_are():
    assert break_message("Where is my parcel?") == "Where is my parcel?"


def test_people_answer_what_they_can_read_and_leave_the_rest_empty():
    sheet = "item_id,annotator,label,text\r\n1,,,pay\r\n2,,,?\r\n".encode("utf-8-sig")
    filled = list(csv.DictReader(io.StringIO(_filled_in(sheet, {"pay": "billing"}).decode())))
    assert [(row["label"], row["annotator"]) for row in filled] == [("billing", "me"), ("", "")]

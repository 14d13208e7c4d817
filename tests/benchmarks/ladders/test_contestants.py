"""Every rung there is stands in the table, in every form it has."""

from __future__ import annotations

from benchmarks.datasets import Dataset, Rows
from benchmarks.ladders.contestants import TABLE_RUNGS, TEXT_RUNGS, our_contestants

from smallcraft.models.rungs import BUILTIN

TEXT = Dataset("texts", Rows({"text": ["a"]}, ["x"]), Rows({"text": ["a"]}, ["x"]))
TABLE = Dataset("table", Rows({"age": [1.0]}, ["x"]), Rows({"age": [1.0]}, ["x"]))


def test_every_rung_stands_in_one_of_the_tables():
    assert {*TEXT_RUNGS, *TABLE_RUNGS} == set(BUILTIN)


def test_a_form_that_a_rung_does_not_have_is_not_asked_for():
    for dataset in (TEXT, TABLE):
        for one in our_contestants(dataset):
            assert one.form == "int8" or BUILTIN[one.rung].rounds


def test_a_twin_stands_below_its_rung_under_the_name_that_the_ladder_knows():
    names = [one.name for one in our_contestants(TEXT)]
    assert names[names.index("frozen") + 1] == "frozen:fp32"
    assert "majority:fp32" not in names

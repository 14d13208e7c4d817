"""What is said of labelling: every number is one that the object for scripts has too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.label.rounds import small_campaign
from tests.registry.memory.test_rounds import BARE, GAIN

from smallcraft.cli.show_label import (
    bought_lines,
    proposed_form,
    proposed_lines,
    status_form,
    status_lines,
    taken_form,
    taken_lines,
)
from smallcraft.label.campaigns import Status
from smallcraft.label.importing import Imported
from smallcraft.label.measuring import compare_arms
from smallcraft.label.merging import GoldRecord, GuidelineGap, Merged
from smallcraft.pipeline.labelling.answers import AnswersTaken
from smallcraft.pipeline.labelling.losses import Weighed
from smallcraft.pipeline.labelling.planning import Proposed
from smallcraft.pipeline.labelling.version import DataVersion
from smallcraft.records import Interval

NOBODY = np.empty(0, dtype=np.int64)
MERGED = Merged(NOBODY, NOBODY.astype(float), NOBODY.astype(bool), np.arange(3), np.arange(2), "a test")
TAKEN = AnswersTaken(
    Imported(5, 1, 0, 2, ("c1",)),
    MERGED,
    DataVersion("labels/version-2/rows*.csv", 3, 4, left_out=4),
    (GoldRecord("ann", 9, 10, Interval(0.6, 0.98)),),
    (GuidelineGap(("card", "refund"), 10, 0.3, ("i1",)),),
    {},
    7,
)


def test_a_batch_names_its_arms_its_gaps_and_its_files(tmp_path):
    campaign = small_campaign()
    found = Proposed(campaign, (tmp_path / "a.csv",), None, {"region=north": 12})
    said = "\n".join(proposed_lines(found))
    form = proposed_form(found)
    assert f"{form['arms']['targeted']} targeted, {form['arms']['random']} drawn blindly" in said
    assert "a gate lacks rows of region=north: 12 without a label are there" in said
    assert f"give out {tmp_path / 'a.csv'}" in said
    assert sum(form["arms"].values()) == form["rows"] == len(campaign.asks)
    assert form["undecided"] == {"region=north": 12}


def test_answers_tell_what_they_changed_who_gave_them_and_what_comes_next():
    weighed = Weighed(refused={"gone@9": "there is no release gone@9"})
    said = "\n".join(taken_lines(TAKEN, weighed))
    for words in (
        "5 votes taken in, 1 were known, 2 skipped",
        "3 labels are others or new, 2 left to an adjudicator",
        "answers about 7 rows are kept and not heard",
        "ann: 9 of 10 right where others had settled it [0.60, 0.98]",
        "card and refund are mixed up (30% of 10 pairs agree)",
        "losses of gone@9 are not weighed: there is no release gone@9",
        "4 new rows are left out: a row of dev or cert has their key or is a copy",
        'path = "labels/version-2/rows*.csv" and split = "smallcraft_split" in [data] of smallcraft.toml',
        "(3 rows relabelled, ",
    ):
        assert words in said
    form = taken_form(TAKEN, weighed)
    assert (form["added"], form["unheard"], form["version"]) == (5, 7, "labels/version-2/rows*.csv")


def test_where_the_data_say_so_already_no_next_step_is_told():
    same = replace(TAKEN, version=None, unheard=0)
    assert not [line for line in taken_lines(same, Weighed()) if "next" in line or "not heard" in line]
    assert taken_form(same, Weighed())["version"] is None


def test_what_was_not_measured_is_not_told_as_a_number():
    assert bought_lines(replace(BARE, cost_of_a_repair=None)) == [
        "campaign c0123456789: 1,200 votes changed 300 labels"
    ]


def test_what_a_round_bought_is_told_with_its_interval_arms_and_advice():
    arms = compare_arms(targeted_changed=8, targeted_rows=10, random_changed=1, random_rows=10)
    full = replace(BARE, overall=GAIN, arms=arms, alpha=0.625, advice="go on", reason="it pays")
    said = "\n".join(bought_lines(full))
    assert "accuracy on dev 0.8125 -> 0.8438, +0.0312 [+0.0188, +0.0449] over 1 seeds, 1,500 rows" in said
    assert "changed: 80.0% of targeted rows, 10.0% of rows drawn blindly" in said
    assert "4 votes for a label that changed" in said
    assert "agreement (Krippendorff's alpha) 0.62" in said
    assert said.endswith("go on: it pays")


def test_each_campaign_has_a_line_and_none_has_a_next_step():
    status = Status(small_campaign(), 12, 2, 8)
    (line,) = status_lines([status])
    assert f"12 of {status.campaign.votes_wanted} votes by 2 people on 8 rows" in line
    assert status_lines([]) == ["no campaign yet; begin one with `smallcraft label next`"]
    assert status_form([])["campaigns"] == []

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.data.checks import run_checks
from smallcraft.pipeline.stages.material import Material, copy_groups
from smallcraft.records import CheckResult, FlaggedRows, Outcome, Roles

ROLES = Roles(label="intent", text="message")


def material(frames) -> Material:
    return Material(
        frames=frames,
        roles=ROLES,
        row_checks=(),
        predictions={},
        about_model="none",
        vectors={},
        votes=None,
        answers=None,
        tested="cert" if "cert" in frames else "all",
        history={},
        model_accuracy=None,
        confidence=0.95,
        seed=0,
    )


def test_a_model_is_set_against_every_split_but_the_sealed_one():
    rows = pl.DataFrame({"message": ["a"], "intent": ["x"]})
    assert material({"train": rows, "dev": rows, "cert": rows}).open_splits == ("train", "dev")
    assert material({"all": rows}).open_splits == ("all",)


def test_copies_that_were_found_share_a_group():
    frame = pl.DataFrame(
        {
            "message": [
                "where is my card",
                "another thing",
                "Where is my card?",
                "a third one",
                "another thing",
            ],
            "intent": ["x", "y", "x", "y", "y"],
        }
    )
    groups = copy_groups(run_checks({"all": frame}, ROLES), "all", 5)
    assert groups.tolist() == [0, 1, 0, 2, 1]


def test_copies_in_another_split_or_of_another_check_do_not_count():
    elsewhere = FlaggedRows("dev", "exact copy", np.array([1]), partner_split="dev", partner=np.array([0]))
    across = FlaggedRows("all", "exact copy", np.array([1]), partner_split="train", partner=np.array([0]))
    inside = FlaggedRows("all", "exact copy", np.array([1]), partner_split="all", partner=np.array([0]))
    result = CheckResult("duplicates", Outcome.PASS, "", {}, flagged=(elsewhere, across))
    other = CheckResult("leakage", Outcome.PASS, "", {}, flagged=(inside,))
    assert copy_groups([result, other], "all", 3).tolist() == [0, 1, 2]


def test_without_copies_every_row_stands_alone():
    assert copy_groups([], "all", 4).tolist() == [0, 1, 2, 3]

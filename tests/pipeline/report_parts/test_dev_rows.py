from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.dev_answers import make_seen

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.report_parts.dev_rows import show_row
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome, Roles


def flagged_by(check, split):
    rows = np.array([24], dtype=np.int64)
    return CheckResult(check, Outcome.UNDECIDED, "1 row", {}, flagged=(FlaggedRows(split, "email", rows),))


@pytest.mark.parametrize("split", ["cert", "train", "all"])
def test_rows_of_another_split_are_refused_with_the_remedy(split):
    with pytest.raises(InvalidInputError, match=f"shows rows of dev only, got rows of {split}; pass dev"):
        make_seen(split=split)


def test_a_row_is_shown_with_its_place_in_dev_and_in_the_file():
    shown = show_row(make_seen(), 3, ())
    assert (shown.row, shown.line, shown.content.text) == (3, 1003, "message of dev row 3")
    assert show_row(replace(make_seen(), lines=None), 3, ()).line is None


@pytest.mark.parametrize(
    ("check", "split", "is_shown"),
    [
        ("personal_data", "dev", False),
        ("personal_data", "train", True),
        ("label_issues", "dev", True),
    ],
)
def test_a_row_in_which_personal_data_was_found_is_not_shown(check, split, is_shown):
    checks = (flagged_by(check, split),)
    assert (show_row(make_seen(), 24, checks).content is not None) == is_shown
    assert show_row(make_seen(), 23, checks).content is not None


def test_personal_data_that_are_told_in_words_alone_hide_their_row_too():
    found = Finding("personal_data", "dev", 2, "message", "row 2 of dev holds a name", "mask it")
    check = CheckResult("personal_data", Outcome.UNDECIDED, "1 row", {}, (found,))
    assert show_row(make_seen(), 2, (check,)).content is None


def test_a_long_text_is_cut_and_says_how_much_is_left_out():
    seen = make_seen()
    long = seen.frame.with_columns(pl.lit("word " * 400).alias("message"))
    content = show_row(replace(seen, frame=long), 0, ()).content
    assert len(content.text) <= 240
    assert len(content.text) + content.left_out == 2000


def test_features_stand_by_name_and_a_missing_value_is_named():
    frame = pl.DataFrame({"age": [39], "job": [None], "bought": ["yes"]}, schema_overrides={"job": pl.String})
    seen = replace(make_seen(), frame=frame, roles=Roles(label="bought", features=("age", "job")))
    assert show_row(seen, 0, ()).content.text == "age = 39, job = (missing)"

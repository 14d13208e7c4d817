"""Flagged rows show what they say only where that is certain, and allowed."""

from __future__ import annotations

import os

import polars as pl
import pytest

from smallcraft.dashboard.findings import last_check
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import NotFoundError


def shown(folder):
    check = last_check(Sources(folder))
    return check, check.shown(check.rows)


def mark_private(folder, split, row):
    """As the check of personal data does."""
    path = folder / "check/findings.parquet"
    frame = pl.read_parquet(path)
    mark = {
        **dict.fromkeys(frame.columns),
        "check": "personal_data",
        "kind": "email",
        "split": split,
        "row": row,
    }
    pl.concat([frame, pl.DataFrame([mark], schema=frame.schema)]).write_parquet(path)


def test_a_row_shows_the_words_of_its_line_in_the_file(watched_once):
    _, rows = shown(watched_once)
    messages = pl.read_csv(watched_once / "rows.csv")["message"]
    open_rows = [row for row in rows if row.split != "cert"]
    assert open_rows
    for row in open_rows:
        assert row.content.text == messages[row.line - 1]


def test_a_sealed_row_is_never_shown(watched):
    check, _ = shown(watched)
    sealed = check.rows.head(1).with_columns(split=pl.lit("cert"))
    (row,) = check.shown(sealed)
    assert row.content is None
    assert "sealed" in row.hidden


def test_a_row_in_which_personal_data_was_found_is_hidden_whatever_check_shows_it(watched):
    _, rows = shown(watched)
    chosen = (
        pl.read_parquet(watched / "check/findings.parquet")
        .filter(pl.col("split") != "cert")
        .row(0, named=True)
    )
    mark_private(watched, chosen["split"], chosen["row"])
    _, marked = shown(watched)
    same = [row for row in marked if (row.split, row.line) == (chosen["split"], chosen["line"] + 1)]
    assert same
    assert all(row.content is None and "personal data" in row.hidden for row in same)
    assert len(marked) == len(rows) + 1


def test_rows_of_a_file_that_was_changed_since_are_not_shown(watched):
    report = watched / "check/check.json"
    later = report.stat().st_mtime_ns + 10**9
    os.utime(watched / "rows.csv", ns=(later, later))
    check, rows = shown(watched)
    assert "changed since" in check.why
    assert all(row.content is None for row in rows)


def test_of_checks_alike_rows_with_another_label_to_decide_on_stand_first(watched_once):
    found = last_check(Sources(watched_once))
    outcome = {check["check"]: check["outcome"] for check in found.report["checks"]}
    plain = [
        (outcome[check], suggested is None)
        for check, suggested in found.rows.select("check", "suggested").iter_rows()
    ]
    assert {is_plain for _, is_plain in plain} == {False, True}
    for one in set(outcome.values()):
        kinds = [is_plain for which, is_plain in plain if which == one]
        assert kinds == sorted(kinds)


def test_checks_that_fail_stand_first(watched_once):
    check, rows = shown(watched_once)
    outcomes = {one["check"]: one["outcome"] for one in check.report["checks"]}
    order = [["FAIL", "UNDECIDED", "PASS"].index(outcomes[row.check]) for row in rows]
    assert order == sorted(order)


def test_without_a_check_the_next_step_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft check"):
        last_check(Sources(tmp_path))

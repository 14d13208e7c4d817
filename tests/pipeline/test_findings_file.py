from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.quality_reports import make_report

from smallcraft.pipeline.findings_file import SCHEMA, findings_frame, write_findings
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome


def check_of(*flagged, findings=()):
    return CheckResult("a", Outcome.FAIL, "", {}, tuple(findings), (), tuple(flagged))


def flag(rows, **more):
    return FlaggedRows("train", "odd", np.asarray(rows, dtype=np.int64), **more)


@given(st.lists(st.lists(st.integers(0, 99), max_size=9), max_size=4))
def test_every_flagged_row_of_every_check_is_there_in_order(found):
    frame = findings_frame([check_of(flag(rows), flag(rows)) for rows in found])
    assert dict(frame.schema) == dict(SCHEMA)
    assert frame["row"].to_list() == [row for rows in found for row in [*rows, *rows]]


def test_counts_agree_with_what_the_checks_flagged():
    checks = [check for check in make_report().checks if check.flagged]
    frame = findings_frame(checks)
    for check in checks:
        part = frame.filter(pl.col("check") == check.check)
        assert part.height == sum(len(flagged.rows) for flagged in check.flagged)
    assert frame.height == 46


def test_place_label_score_suggestion_and_partner_stand_beside_the_row():
    flagged = flag(
        [2, 0],
        score=np.array([-3.0, np.nan]),
        suggested=("b", None),
        partner_split="dev",
        partner=np.array([7, -1]),
    )
    frame = findings_frame(
        [check_of(flagged)],
        lines={"train": np.array([10, 11, 12])},
        labels={"train": pl.Series(["x", "y", None])},
    )
    assert frame.columns == list(SCHEMA)
    assert frame.rows() == [
        ("a", "odd", "train", 2, 12, -3.0, None, "b", "dev", 7),
        ("a", "odd", "train", 0, 10, None, "x", None, None, None),
    ]


def test_a_kind_of_which_no_row_was_flagged_adds_none():
    none = np.array([], dtype=np.int64)
    flagged = flag(none, score=none.astype(float), suggested=(), partner_split="dev", partner=none)
    assert findings_frame([check_of(flagged)], lines={"train": none}).height == 0


def test_what_is_not_known_is_null():
    (row,) = findings_frame([check_of(flag([5]))], lines=None).rows(named=True)
    assert {name for name, value in row.items() if value is None} == {
        *("line", "score", "given", "suggested"),
        *("partner_split", "partner_row"),
    }


def test_a_check_that_flags_nothing_stands_with_the_rows_of_its_findings():
    findings = (
        Finding("a", "dev", 4, None, "", "", kind="x", score=-1.0, suggested="b"),
        Finding("a", "dev", None, "column", "", "", kind="x"),
        Finding("a", "dev", 2, None, "", "", kind="x"),
    )
    frame = findings_frame([check_of(findings=findings)])
    assert frame.select("split", "kind", "row", "score", "suggested").rows() == [
        ("dev", "x", 4, -1.0, "b"),
        ("dev", "x", 2, None, None),
    ]
    assert findings_frame([check_of(flag([9]), findings=findings)])["row"].to_list() == [9]


def test_without_findings_there_is_an_empty_table_of_the_same_columns(tmp_path):
    frame = findings_frame([])
    write_findings(tmp_path / "f.parquet", frame)
    assert frame.height == 0
    assert dict(pl.read_parquet(tmp_path / "f.parquet").schema) == dict(SCHEMA)


def test_the_file_holds_the_table_and_equal_tables_give_equal_bytes(tmp_path):
    frame = findings_frame(make_report().checks)
    for name in ("a", "b"):
        write_findings(tmp_path / name, frame)
    assert pl.read_parquet(tmp_path / "a").equals(frame)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "findings.parquet"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_findings(path, findings_frame(make_report().checks))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["findings.parquet"]

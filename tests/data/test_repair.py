"""Laws of repair: nothing but the listed rows changes, order is free, a version replays to its digest."""

from __future__ import annotations

import csv
import gzip
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smallcraft.data.repair as repair_module
from smallcraft.data.load import load_table
from smallcraft.data.repair import (
    Repair,
    apply_repairs,
    plan_repairs,
    read_record,
    record_path,
    replay_repairs,
    write_version,
)
from smallcraft.errors import DataError, IntegrityError, InvalidInputError
from smallcraft.records import FlaggedRows, Roles

ROLES = Roles(label="label", text="text")
NOW = datetime(2026, 1, 31, 14, 5, tzinfo=UTC)
ROWS = [
    ("note 1", "where is my, card", "card"),
    ("note 2", 'it says "no"', "error"),
    ("note 3", "two\nlines é", "error"),
    ("", "where is my, card!", "card"),
    ("note 5", "refund please", "refund"),
    ("note 6", "REFUND please", "card"),
]


def drop(row: int) -> Repair:
    return Repair("drop", row, None, None, None, "integrity: blank_text")


def relabel(row: int, before: str | None, after: str) -> Repair:
    return Repair("relabel", row, "label", before, after, "label_issues: wrong")


def csv_text(rows=ROWS, end: str = "\n") -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end)
    writer.writerow(("note", "text", "label"))
    writer.writerows(rows)
    return buffer.getvalue()


def frame_of(rows=ROWS) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["note", "text", "label"], orient="row")


def write_rows(path: Path, rows=ROWS) -> Path:
    """The rows in the format that the name says."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        frame_of(rows).write_parquet(path)
        return path
    text = csv_text(rows)
    if kind == "tsv":
        text = "\n".join("\t".join(cell.replace("\n", " ").replace('"', "") for cell in row) for row in rows)
        text = "note\ttext\tlabel\n" + text
    if kind == "jsonl":
        text = "\n".join(json.dumps(dict(zip(("note", "text", "label"), row, strict=True))) for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def flag(split, kind, rows, **more) -> FlaggedRows:
    return FlaggedRows(split, kind, np.array(rows), **more)


def plan(flagged, *actions, frame=None, row_of=None):
    frame = frame_of() if frame is None else frame
    row_of = {"all": np.arange(frame.height)} if row_of is None else row_of
    return plan_repairs(frame, ROLES, flagged, actions=actions, row_of=row_of)


# --- planning ------------------------------------------------------------------------


def test_each_action_repairs_its_own_kinds():
    flagged = [
        flag("all", "wrong", [5], suggested=("refund",)),
        flag("all", "exact copy", [3], partner_split="all", partner=np.array([0])),
    ]
    merged = Repair("merge", 3, None, None, None, "duplicates: exact copy of row 0 of the file")
    frame = frame_of([*ROWS[:2], ("", " ", "error"), *ROWS[3:]])
    assert plan(flagged, "relabel", frame=frame) == (relabel(5, "card", "refund"),)
    assert plan(flagged, "drop", frame=frame) == (drop(2),)
    assert plan(flagged, "merge", frame=frame) == (merged,)
    assert plan(flagged, "merge", "drop", "relabel", frame=frame) == (
        drop(2),
        merged,
        relabel(5, "card", "refund"),
    )
    assert plan(flagged, frame=frame) == ()


def test_a_missing_label_is_given_by_votes_or_the_row_dropped():
    frame = frame_of().with_columns(label=pl.Series(["card", None, " ", "card", "refund", "card"]))
    flagged = [flag("all", "votes say otherwise", [1], suggested=("error",))]
    given = Repair("relabel", 1, "label", None, "error", "consensus: votes say otherwise")
    dropped = Repair("drop", 2, None, None, None, "integrity: missing_label")
    assert plan(flagged, "relabel", "drop", frame=frame) == (given, dropped)
    assert [repair.row for repair in plan(flagged, "drop", frame=frame)] == [1, 2]


COPIES = flag("all", "exact copy", [5], partner_split="all", partner=np.array([4]))


def test_contradictory_copies_are_never_merged_and_dropped_with_their_reason():
    assert plan([COPIES], "merge") == ()
    dropped = plan([COPIES], "drop", "merge")
    assert [(repair.row, repair.action, repair.reason) for repair in dropped] == [
        (4, "drop", "duplicates: contradiction"),
        (5, "drop", "duplicates: contradiction"),
    ]


def test_copies_that_agree_once_relabelled_are_merged():
    flagged = [COPIES, flag("all", "wrong", [4], suggested=("card",))]
    assert [(repair.row, repair.action) for repair in plan(flagged, "relabel", "merge")] == [
        (4, "relabel"),
        (5, "merge"),
    ]


def test_a_leaked_copy_leaves_train_and_the_measured_row_stays():
    row_of = {"cert": np.array([4, 0]), "train": np.array([5, 3, 1, 2])}
    flagged = [flag("cert", "exact copy", [0, 1], partner_split="train", partner=np.array([0, 1]))]
    assert [(repair.row, repair.action) for repair in plan(flagged, "drop", row_of=row_of)] == [
        (3, "drop"),
        (5, "drop"),
    ]


def test_the_order_of_what_was_flagged_does_not_matter():
    flagged = [
        COPIES,
        flag("all", "wrong", [4, 0], suggested=("card", "error")),
        flag("all", "blank_text", [0]),
    ]
    assert plan(flagged, "drop", "relabel", "merge") == plan(flagged[::-1], "merge", "relabel", "drop")


def test_an_unknown_action_is_refused():
    with pytest.raises(InvalidInputError, match="must be one of drop, relabel, merge, got 'delete'"):
        plan([], "delete")


# --- applying ------------------------------------------------------------------------

tables = st.lists(
    st.tuples(st.text(max_size=4), st.text(max_size=4), st.sampled_from("abc")), min_size=2, max_size=9
)


@st.composite
def repaired(draw):
    rows = draw(tables)
    which = draw(st.sets(st.integers(0, len(rows) - 1), max_size=len(rows) - 1))
    repairs = [
        drop(row) if draw(st.booleans()) else relabel(row, rows[row][2], draw(st.sampled_from("abcd")))
        for row in sorted(which)
    ]
    return rows, repairs


@given(repaired(), st.randoms(use_true_random=False))
def test_repairs_change_the_listed_rows_only_and_in_any_order(table, random):
    rows, repairs = table
    by_row = {repair.row: repair for repair in repairs}
    wanted = [
        (*row[:2], by_row[at].after if at in by_row else row[2])
        for at, row in enumerate(rows)
        if at not in by_row or by_row[at].action == "relabel"
    ]
    random.shuffle(repairs)
    assert apply_repairs(frame_of(rows), repairs).rows() == wanted


def test_no_repairs_change_nothing():
    assert apply_repairs(frame_of(), ()).equals(frame_of())


def test_a_row_repaired_twice_is_refused():
    with pytest.raises(InvalidInputError, match="one repair a row was wanted, row 1 has several"):
        apply_repairs(frame_of(), (drop(1), relabel(1, "error", "card")))


@pytest.mark.parametrize(
    ("repair", "message"),
    [
        (drop(6), "row 6 is to be repaired, but there are 6 rows"),
        (drop(-1), "row -1 is to be repaired"),
        (relabel(0, "error", "card"), "row 0 has the label 'card', the repair was made for 'error'"),
    ],
)
def test_repairs_of_other_data_are_refused(repair, message):
    with pytest.raises(IntegrityError, match=message):
        apply_repairs(frame_of(), (repair,))


def test_a_new_label_is_written_like_the_others_of_its_class():
    frame = pl.DataFrame({"text": ["a", "b", "c"], "label": ["1.0", "2.0", " 1.0 "]})
    assert apply_repairs(frame, (relabel(0, "1", "2"),))["label"].to_list() == ["2.0", "2.0", " 1.0 "]
    codes = frame.with_columns(label=pl.Series([1, 2, 1]))
    assert apply_repairs(codes, (relabel(0, "1", "2"),))["label"].to_list() == [2, 2, 1]


# --- versions ------------------------------------------------------------------------

REPAIRS = (relabel(5, "card", "refund"), drop(3), relabel(2, "error", "new, class"))
FORMATS = ("t.csv", "t.csv.gz", "t.jsonl", "t.jsonl.gz", "t.parquet")


@pytest.mark.parametrize("name", FORMATS)
def test_a_version_holds_the_repaired_rows_with_every_column(tmp_path, name):
    source, target = write_rows(tmp_path / name), tmp_path / f"v2.{name.partition('.')[2]}"
    before = source.read_bytes()
    record = write_version(source, target, REPAIRS, roles=ROLES, now=NOW)
    wanted = apply_repairs(frame_of(), REPAIRS)
    loaded = load_table(target, ROLES, keep=("note",), for_training=False)
    assert loaded.frame.select("text", "label").equals(wanted.select("text", "label"))
    assert loaded.frame["note"].to_list() == wanted["note"].to_list()
    assert loaded.ref == record.after
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [name, target.name, record_path(target).name]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_a_version_replays_to_its_digest(tmp_path, name):
    source, target = write_rows(tmp_path / name), tmp_path / f"v2.{name.partition('.')[2]}"
    write_version(source, target, REPAIRS, roles=ROLES, now=NOW)
    record = read_record(record_path(target))
    assert replay_repairs(source, record) == record.after == load_table(target, ROLES, for_training=False).ref


def test_the_same_repairs_give_the_same_tables_from_every_format(tmp_path):
    records = [
        write_version(
            write_rows(tmp_path / name),
            tmp_path / f"v2.{name.partition('.')[2]}",
            REPAIRS,
            roles=ROLES,
            now=NOW,
        )
        for name in FORMATS
    ]
    assert len({(record.before.digest, record.after.digest) for record in records}) == 1


def test_a_record_tells_what_was_done_and_reads_back(tmp_path):
    source, target = write_rows(tmp_path / "t.csv"), tmp_path / "v2.csv"
    written = write_version(source, target, REPAIRS, roles=ROLES, now=NOW)
    record = read_record(record_path(target))
    assert record == written
    assert [file.path for file in (*record.source, record.target)] == ["t.csv", "v2.csv"]
    assert (record.created, record.chosen) == ("2026-01-31T14:05:00+00:00", ("drop", "relabel"))
    assert (record.counts, record.before.rows, record.after.rows) == (
        {"drop": 1, "relabel": 2, "merge": 0},
        6,
        5,
    )
    assert [repair.row for repair in record.repairs] == [2, 3, 5]


def test_no_repairs_give_the_same_bytes_and_digest(tmp_path):
    source, target = write_rows(tmp_path / "t.csv"), tmp_path / "v2.csv"
    record = write_version(source, target, (), roles=ROLES, now=NOW)
    assert record.after == record.before
    assert target.read_bytes() == source.read_bytes()


def test_equal_repairs_give_equal_bytes(tmp_path):
    source = write_rows(tmp_path / "t.csv")
    written = []
    for number, repairs in enumerate((REPAIRS, REPAIRS[::-1])):
        (tmp_path / str(number)).mkdir()
        target = tmp_path / str(number) / "v2.csv"
        write_version(source, target, repairs, roles=ROLES, now=NOW)
        written.append((target.read_bytes(), record_path(target).read_bytes()))
    assert written[0] == written[1]


def test_files_of_a_glob_become_one(tmp_path):
    (tmp_path / "parts").mkdir()
    write_rows(tmp_path / "parts" / "a.csv", ROWS[:2])
    write_rows(tmp_path / "parts" / "b.csv", ROWS[2:])
    source = tmp_path / "parts" / "*.csv"
    record = write_version(source, tmp_path / "v2.csv", REPAIRS, roles=ROLES, now=NOW)
    whole = write_version(write_rows(tmp_path / "t.csv"), tmp_path / "v3.csv", REPAIRS, roles=ROLES, now=NOW)
    assert record.after == whole.after
    assert [file.path for file in record.source] == ["a.csv", "b.csv"]
    assert replay_repairs(source, record) == record.after


def test_labels_that_look_like_numbers_stay_in_their_classes(tmp_path):
    source = tmp_path / "t.csv"
    source.write_text("text,label\na,1.0\nb,2.0\nc,1.0\nd,2.0\n")
    record = write_version(source, tmp_path / "v2.csv", (relabel(0, "1", "2"),), roles=ROLES, now=NOW)
    labels = load_table(tmp_path / "v2.csv", ROLES, for_training=False).frame["label"].to_list()
    assert labels == ["2", "2", "1", "2"]
    assert replay_repairs(source, record) == record.after


def test_what_does_not_read_back_as_planned_is_not_written(tmp_path, monkeypatch):
    source = write_rows(tmp_path / "t.csv")
    rewrite = repair_module.rewrite_files
    monkeypatch.setattr(
        repair_module, "rewrite_files", lambda *a, **k: rewrite(*a, **k).replace(b"refund", b"refunds")
    )
    with pytest.raises(IntegrityError, match="would not read back as planned"):
        write_version(source, tmp_path / "v2.csv", REPAIRS, roles=ROLES, now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_what_cannot_be_read_back_is_not_written(tmp_path):
    source = write_rows(tmp_path / "t.csv")
    with pytest.raises(DataError, match="is NUL"):
        write_version(source, tmp_path / "v2.csv", (relabel(0, "card", "a\0b"),), roles=ROLES, now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_repairs_that_leave_no_row_are_refused(tmp_path):
    source = write_rows(tmp_path / "t.csv", ROWS[:2])
    with pytest.raises(DataError, match="would have no rows left"):
        write_version(source, tmp_path / "v2.csv", (drop(0), drop(1)), roles=ROLES, now=NOW)


def test_a_role_without_a_column_is_named(tmp_path):
    source = write_rows(tmp_path / "t.csv")
    with pytest.raises(DataError, match=r"column 'txt' is not in .*did you mean 'text'"):
        write_version(source, tmp_path / "v2.csv", (), roles=Roles(label="label", text="txt"), now=NOW)


def test_the_source_is_never_written_over(tmp_path):
    source = write_rows(tmp_path / "t.csv")
    with pytest.raises(InvalidInputError, match="is there already and is never written over"):
        write_version(source, source, REPAIRS, roles=ROLES, now=NOW)
    write_version(source, tmp_path / "v2.csv", REPAIRS, roles=ROLES, now=NOW)
    with pytest.raises(InvalidInputError, match="is there already and is never written over"):
        write_version(source, tmp_path / "v2.csv", REPAIRS, roles=ROLES, now=NOW)


def test_other_data_and_edited_records_are_detected(tmp_path):
    source = write_rows(tmp_path / "t.csv")
    record = write_version(source, tmp_path / "v2.csv", REPAIRS, roles=ROLES, now=NOW)
    other = write_rows(tmp_path / "other.csv", ROWS[::-1])
    with pytest.raises(IntegrityError, match="the record began with sha256:"):
        replay_repairs(other, record)
    with pytest.raises(IntegrityError, match="do not trust this version"):
        replay_repairs(source, replace(record, repairs=record.repairs[1:]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "is no record of repairs"),
        ("x", "is no record of repairs"),
        ('{"format": 2}', "record format 2, this"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path, content, message):
    path = tmp_path / "v2.csv.repairs.json"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_record(path)

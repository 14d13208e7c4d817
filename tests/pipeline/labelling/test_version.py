"""The data after votes: whole or not there, once for the same votes, replayable; the user's file stays."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from tests.pipeline.labelling.projects import LABELS, judged_of, load_frame, plant, prepared_of
from tests.projects import change_project, message_rows, person_rows, write_rows

from smallcraft.canonical import digest_file
from smallcraft.data.load import read_source
from smallcraft.data.repair import apply_repairs, read_record, record_path, replay_repairs
from smallcraft.errors import InvalidInputError
from smallcraft.label.merging import Merged
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.project import released_bundle
from smallcraft.pipeline.labelling.rows import NewRows, gather_rows
from smallcraft.pipeline.labelling.version import write_data_version

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
NOBODY = np.empty(0, dtype=np.int64)


def say(table, labels):
    """What people said of rows, by position; of the others nothing."""
    label, voted = table.seen.truth.copy(), np.zeros(len(table.items), dtype=np.bool_)
    for row, code in labels.items():
        label[row], voted[row] = code, True
    return Merged(label, np.ones(len(label)), voted, np.flatnonzero(label != table.seen.truth), NOBODY, "")


def write(folder, table, merged):
    splits = prepared_of(folder)
    told = {"prepared": splits, "blind": (), "campaign": "c1", "now": NOW}
    return write_data_version(load_config(folder), table, merged, **told)


def take_over(folder, version, *, name="rows.csv"):
    change_project(folder, f'path = "{name}"', f'path = "{version.path}"\nsplit = "{version.split}"')


def table_of(folder, *, classes=LABELS, new=(), bundle=None):
    prepared = prepared_of(folder)
    return gather_rows(prepared, judged_of(prepared, classes=classes), new, bundle=bundle)


def other(table, row):
    return (int(table.seen.truth[row]) + 1) % len(table.seen.classes)


@pytest.fixture
def folder(tmp_path):
    plant(tmp_path / "p", rows=60)
    return tmp_path / "p"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_labels_change_in_every_format_and_the_record_replays_them(tmp_path, suffix):
    folder = tmp_path / "p"
    plant(folder, rows=60, name=f"rows{suffix}")
    before = (folder / f"rows{suffix}").read_bytes()
    table = table_of(folder)
    changed = {row: other(table, row) for row in (0, 3, 7)}
    version = write(folder, table, say(table, changed))
    assert (version.path, version.relabelled, version.added) == (f"labels/version-2/rows*{suffix}", 3, 0)
    assert (folder / f"rows{suffix}").read_bytes() == before
    after = read_source(folder / version.path, None).frame
    record = read_record(record_path(folder / f"labels/version-2/rows{suffix}"))
    source = read_source(folder / f"rows{suffix}", None).frame
    assert apply_repairs(source, record.repairs).equals(after.drop(version.split))
    assert record.target.digest == digest_file(folder / f"labels/version-2/rows{suffix}")
    assert replay_repairs(folder / f"rows{suffix}", record) == record.after
    place = {table.copies[table.items[row]][0]: LABELS[code] for row, code in changed.items()}
    told = [place.get(at, label) for at, label in enumerate(source["intent"].to_list())]
    assert after["intent"].to_list() == told
    assert {repair.reason for repair in record.repairs} == {"label/c1"}


def test_every_copy_of_a_row_gets_the_label_also_one_that_said_something_else(tmp_path):
    rows = message_rows(60)
    copies = {"message": rows["message"][:2] * 2, "intent": [*rows["intent"][:2], "parcel", "parcel"]}
    twice = {name: [*values, *copies[name]] for name, values in rows.items()}
    folder = write_rows(tmp_path / "p", twice, data='text = "message"\nlabel = "intent"')
    table = table_of(folder)
    row = next(row for row, item in enumerate(table.items) if len(table.copies[item]) == 3)
    version = write(folder, table, say(table, {row: 1}))
    after = pl.read_csv(folder / "labels/version-2/rows.csv")["intent"]
    assert {after[at] for at in table.copies[table.items[row]]} == {LABELS[1]}
    assert version.relabelled == sum(
        label != LABELS[1] for at, label in enumerate(twice["intent"]) if at in table.copies[table.items[row]]
    )


def test_the_same_votes_over_the_same_data_make_one_version_and_more_votes_another(folder):
    table = table_of(folder)
    first = write(folder, table, say(table, {0: other(table, 0)}))
    assert write(folder, table, say(table, {0: other(table, 0)})) == first
    assert [path.name for path in (folder / "labels").iterdir()] == ["version-2"]
    more = write(folder, table, say(table, {row: other(table, row) for row in (0, 1)}))
    assert more.path == "labels/version-3/rows*.csv"


def test_where_the_data_say_so_already_nothing_is_written(folder):
    table = table_of(folder)
    assert write(folder, table, say(table, {0: int(table.seen.truth[0])})) is None
    version = write(folder, table, say(table, {0: other(table, 0)}))
    take_over(folder, version)
    table = table_of(folder)
    place = {label: code for code, label in enumerate(LABELS)}
    given = {row: place[LABELS[code]] for row, code in enumerate(table.seen.truth.tolist())}
    assert write(folder, table, say(table, given)) is None


def test_half_a_version_is_no_version_and_does_not_hinder_the_next(folder):
    table = table_of(folder)
    half = folder / "labels" / ".version-2.new"
    half.mkdir(parents=True)
    (half / "rows.csv").write_text("message,int", encoding="utf-8")
    version = write(folder, table, say(table, {0: other(table, 0)}))
    assert version.path == "labels/version-2/rows*.csv"
    assert len(read_source(folder / version.path, None).frame) == 60
    assert not half.exists()


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_new_rows_stand_behind_the_old_ones_in_a_file_of_their_own(tmp_path, tiny_built, suffix):
    folder = tmp_path / "p"
    plant(folder, rows=60, name=f"rows{suffix}")
    messages = ['where, then, is "it"?', "a line\nand another"]
    new = (NewRows("pool.csv", pl.DataFrame({"message": messages})),)
    table = table_of(folder, new=new, bundle=released_bundle(load_config(tiny_built)))
    n = len(table.items)
    version = write(folder, table, say(table, {n - 2: 2, n - 1: 0}))
    assert (version.relabelled, version.added) == (0, 2)
    after = load_frame(folder / version.path, load_config(folder).roles())
    assert after.height == 62
    assert after.tail(2).to_dict(as_series=False) == {"message": messages, "intent": ["parcel", "billing"]}
    take_over(folder, version, name=f"rows{suffix}")
    assert prepared_of(folder).table.frame.height == 62


def test_a_new_row_keeps_its_group_key_and_time_and_what_is_not_known_is_missing(tmp_path, people_built):
    rows = person_rows(120)
    rows |= {
        "town": ["Ulm", "Köln"] * 60,
        "seen": [f"2026-01-{1 + place // 4:02d}T12:00:00" for place in range(120)],
        "remark": ["none"] * 120,
    }
    data = 'features = ["age", "job", "insured"]\nlabel = "bought"\ngroups = ["town"]\ntime = "seen"'
    folder = write_rows(tmp_path / "p", rows, data=data, more="")
    told = {
        "age": [33.25],
        "job": ["cook"],
        "insured": [True],
        "town": ["Ulm"],
        "seen": ["2026-03-01T08:00:00"],
    }
    new = (NewRows("pool.csv", pl.DataFrame(told)),)
    bundle = released_bundle(load_config(people_built))
    table = table_of(folder, classes=("0", "1"), new=new, bundle=bundle)
    version = write(folder, table, say(table, {len(table.items) - 1: 1}))
    raw = read_source(folder / version.path, None).frame.tail(1).to_dicts()[0]
    assert raw["remark"] in (None, "")
    take_over(folder, version)
    (row,) = prepared_of(folder).table.frame.tail(1).to_dicts()
    assert (row["age"], row["job"], row["insured"], row["town"], row["bought"]) == (
        33.25,
        "cook",
        True,
        "Ulm",
        "1",
    )
    assert f"{row['seen']}" == "2026-03-01 08:00:00"


def test_a_compressed_file_becomes_compressed_files(folder, tiny_built):
    import gzip

    (folder / "rows.csv.gz").write_bytes(gzip.compress((folder / "rows.csv").read_bytes()))
    change_project(folder, 'path = "rows.csv"', 'path = "rows.csv.gz"')
    new = (NewRows("pool.csv", pl.DataFrame({"message": ["a new one"]})),)
    table = table_of(folder, new=new, bundle=released_bundle(load_config(tiny_built)))
    version = write(folder, table, say(table, {0: other(table, 0), len(table.items) - 1: 1}))
    assert version.path == "labels/version-2/rows*.csv.gz"
    assert read_source(folder / version.path, None).frame.height == 61


def test_a_source_that_would_read_the_version_as_a_part_of_itself_is_refused(folder):
    change_project(folder, 'path = "rows.csv"', 'path = "**/rows*.csv"')
    table = table_of(folder)
    with pytest.raises(InvalidInputError, match="would be read as a part of"):
        write(folder, table, say(table, {0: other(table, 0)}))
    assert not (folder / "labels" / "version-2").exists()

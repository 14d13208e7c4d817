"""A file of votes that is too large to be held: counted whole, read for the rows that are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.pipeline.partitions.tables import ROLES, as_lines, named_messages, write_parts

from smallcraft.data.partitions.buckets import Buckets
from smallcraft.data.partitions.longvotes import ROW, row_ids
from smallcraft.data.partitions.pieces import find_pieces
from smallcraft.data.partitions.places import places_of
from smallcraft.engine import engines
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file
from smallcraft.pipeline.partitions.longvotes import RowIds, count_file, open_votes, read_about, read_drawn
from smallcraft.pipeline.partitions.scan import Subject, scan_table
from smallcraft.records import Roles


def quiet(step: str, share: float) -> None:
    pass


@pytest.fixture(scope="module")
def table():
    return named_messages()


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    """Rows with votes in columns, and the same votes with a line each; both in files of several kinds."""
    made = tmp_path_factory.mktemp("votes")
    write_parts(table, made / "rows")
    write_parts(as_lines(table), made / "votes")
    return made


@pytest.fixture
def engine():
    with Engine() as made:
        yield made


def count(location, tmp_path, engine, *, ids: pl.Series | None = None):
    rows = None
    if ids is not None:
        pl.DataFrame({"item": ids}).write_parquet(tmp_path / "rows.parquet")
        rows = RowIds(Buckets(tmp_path / "ids", ROW), find_pieces(tmp_path / "rows.parquet"))
        rows.buckets.add(row_ids(ids, places_of(0, 0, len(ids))))
    return count_file(open_votes(location), rows, engine, tmp_path / "lines", seed=0, progress=quiet)


def scanned(folder, engine, *, in_columns: bool):
    roles = ROLES if in_columns else Roles(label="label", text="text", features=("amount", "plan"))
    pieces = tuple(find_pieces(folder / "rows", part_bytes=20_000))
    votes = None if in_columns else open_votes(folder / "votes")
    subject = Subject("rows", pieces, roles, votes=votes)
    return scan_table(subject, engine, most=100_000, progress=quiet).tally


def test_the_same_votes_in_columns_and_in_lines_say_the_same_of_a_table(folder, table, engine):
    """Votes on rows that cannot be used are about no row."""
    columns = scanned(folder, engine, in_columns=True).votes
    lines = scanned(folder, engine, in_columns=False).votes
    assert (lines.rows, lines.votes, lines.classes) == (2_990, columns.votes, columns.classes)
    assert lines.annotators == columns.annotators
    np.testing.assert_allclose(lines.sums, columns.sums, rtol=1e-12, atol=1e-12)
    unusable = table.filter(pl.col("label").is_null() | (pl.col("text").str.strip_chars() == ""))
    assert lines.lost == as_lines(unusable).height > 0


def test_votes_are_counted_the_same_in_processes(folder, tmp_path, engine, monkeypatch):
    here = count(folder / "votes", tmp_path / "here", engine)
    monkeypatch.setattr(engines, "_WORTH_S", 0.0)
    with Engine(workers=2) as two:
        away = count(folder / "votes", tmp_path / "away", two)
    np.testing.assert_array_equal(away.sums, here.sums)
    assert away.annotators == here.annotators


def test_lines_about_rows_are_those_of_the_file(folder, table, engine):
    file = open_votes(folder / "votes")
    ids = table["item"][100:300]
    read = read_about(file, [ids[:50], ids[50:]], engine, progress=quiet)
    found = read.frame
    known = as_lines(table).filter(pl.col("item").is_in(ids.implode()))
    assert found.sort(found.columns).equals(known.select(found.columns).sort(found.columns))
    assert read.left_out == as_lines(table).height - found.height


def test_items_are_drawn_with_all_their_votes(folder, table, engine):
    file = open_votes(folder / "votes")
    one, again, other = (
        read_drawn(file, engine, most=1_500, seed=seed, progress=quiet).frame for seed in (0, 0, 1)
    )
    assert one.equals(again)
    assert not one.equals(other)
    assert 1_200 < one.height < 1_800
    known = as_lines(table).filter(pl.col("item").is_in(one["item"].implode()))
    assert known.height == one.height


def write_votes(path, rows: dict[str, list]) -> None:
    pl.DataFrame(rows, schema_overrides={"label": pl.String}).write_csv(path)


@pytest.mark.parametrize(
    ("votes", "ids", "message"),
    [
        (
            {"item": ["a", "b", "a"], "annotator": ["x", "x", "x"], "label": ["p", "p", "q"]},
            None,
            r"votes\.csv, line 4: annotator 'x' gave item 'a' two labels, 'p' before and 'q' \(1 such",
        ),
        ({"item": ["a"], "annotator": ["x"], "label": ["p"]}, ["z"], "no vote of .*votes.csv has a row"),
        (
            {"item": ["a"], "annotator": ["x"], "label": ["p"]},
            ["a", "a"],
            "got one name in .*, row 1 and in .*, row 2",
        ),
        ({"item": ["a"], "annotator": ["x"], "label": [None]}, None, "must hold votes, got only blanks"),
        ({"item": [None], "annotator": ["x"], "label": ["p"]}, None, r"line 2, column 'item': blank"),
    ],
)
def test_votes_that_cannot_be_used_are_refused_with_the_reason(tmp_path, engine, votes, ids, message):
    write_votes(tmp_path / "votes.csv", votes)
    with pytest.raises(DataError, match=message):
        count(tmp_path / "votes.csv", tmp_path, engine, ids=None if ids is None else pl.Series("item", ids))


def test_a_line_that_cannot_be_read_is_refused(tmp_path, engine):
    (tmp_path / "votes.csv").write_text("item,annotator,label\na,x,p\nb,x,p,more\n")
    with pytest.raises(DataError, match=r"votes\.csv, line 3"):
        count(tmp_path / "votes.csv", tmp_path, engine)


def test_rows_without_votes_have_none_to_read(folder, engine):
    with pytest.raises(DataError, match="is about a row that is held"):
        read_about(open_votes(folder / "votes"), [pl.Series("item", ["no", None])], engine, progress=quiet)


@pytest.mark.parametrize("most", [1_000, 4_000])
def test_a_check_hears_the_votes_of_a_file_that_is_not_held(folder, table, tmp_path, most):
    """Of a table that is not held either, all are counted; of one that is, those on its rows are heard."""
    strangers = pl.DataFrame({"item": ["row x"], "annotator": ["ann"], "vote": ["cards"]})
    lines = pl.concat([as_lines(table), strangers])
    lines.write_parquet(tmp_path / "votes.parquet", row_group_size=500)
    usable = table.filter(pl.col("label").is_not_null() & (pl.col("text").str.strip_chars() != ""))
    usable.drop("ann", "bob").write_parquet(tmp_path / "rows.parquet")
    on_rows = as_lines(usable).height
    done = check_file(
        tmp_path / "rows.parquet",
        label="label",
        text="text",
        backbone="none",
        options=CheckOptions(
            votes=str(tmp_path / "votes.parquet"), most_rows=most, output=tmp_path / "check"
        ),
    )
    numbers = {result.check: result.numbers for result in done.report.checks}
    whole = numbers.get("votes")
    assert (whole is None) == (most == 4_000)
    if whole is None:
        assert numbers["disagreement"]["votes"] == on_rows
        [consensus] = [result for result in done.report.checks if result.check == "consensus"]
        assert f"{lines.height - on_rows} votes of" in consensus.summary
    else:
        assert (whole["votes"], whole["votes_without_a_row"]) == (on_rows, lines.height - on_rows)
        assert 1_500 < numbers["disagreement"]["votes"] < 2_500

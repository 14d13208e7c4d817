"""A table that is too large to be held: counted whole, a sample of it checked, split and learned from."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.partitions.tables import as_lines, messages, named_messages, write_parts

from smallcraft.data.partitions import counting
from smallcraft.data.partitions.pieces import find_pieces
from smallcraft.engine.engines import Engine
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.partitions.large import content_of, inspect_table, large_pieces
from smallcraft.pipeline.partitions.size import estimate_rows
from smallcraft.pipeline.stages import prepare
from smallcraft.pipeline.stages.prepare import prepare_data

PROJECT = """
[data]
path = "rows"
label = "label"
text = "text"
features = ["amount", "plan"]
votes = ["ann", "bob"]
on_bad_rows = "quarantine"
most_rows = 1000
"""


class Notes(SilentListener):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.checks: dict[str, object] = {}

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def checked(self, result) -> None:
        self.checks[result.check] = result


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_parts(messages(), folder / "rows")
    (folder / "smallcraft.toml").write_text(PROJECT)
    return folder


@pytest.fixture(scope="module")
def told() -> Notes:
    return Notes()


@pytest.fixture(scope="module")
def prepared(project, told):
    return prepare_data(load_config(project), told)


def test_a_small_table_is_read_at_once(project):
    assert large_pieces(project / "rows", most=3_000) == ()
    assert len(large_pieces(project / "rows", most=2_900)) == 7


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "csv.gz"])
def test_rows_are_about_as_many_as_there_are(tmp_path, suffix):
    table = messages(2_000)
    path = tmp_path / f"a.{suffix}"
    if suffix == "parquet":
        table.write_parquet(path)
    elif suffix == "jsonl":
        table.write_ndjson(path)
    else:
        text = table.write_csv().encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    assert 2_000 <= estimate_rows(find_pieces(path)) <= (12_000 if suffix.endswith("gz") else 2_001)


def test_all_rows_are_counted_and_a_sample_is_split(prepared, told):
    assert (prepared.rows_read, prepared.rows_quarantined) == (3_000, 10)
    held = sum(frame.height for frame in prepared.splits.frames.values()) + prepared.splits.removed.height
    assert prepared.table.rows_left_out == 2_990 - prepared.table.frame.height
    assert 990 <= held <= prepared.table.frame.height < 1_100
    assert any(note.startswith("2,990 rows were counted, in 7 pieces; ") for note in told.notes)
    assert told.checks["row_counts"].numbers["rows_all"] == 2_990
    assert told.checks["integrity"].numbers["mojibake"] == 10
    assert told.checks["votes"].numbers["rows_with_two_votes"] > 2_000


def test_votes_of_a_file_of_their_own_are_counted_over_all_rows_and_heard_on_those_that_are_held(
    project, prepared, tmp_path
):
    write_parts(named_messages().drop("ann", "bob"), tmp_path / "rows")
    write_parts(as_lines(named_messages()), tmp_path / "votes")
    (tmp_path / "smallcraft.toml").write_text(PROJECT.replace('["ann", "bob"]', '"votes"'))
    found = prepare_data(load_config(tmp_path), SilentListener())
    columns, lines = prepared.whole.tally.votes, found.whole.tally.votes
    assert (lines.rows, lines.annotators, lines.classes) == (2_990, columns.annotators, columns.classes)
    assert set(found.long_votes.votes.items) <= set(found.table.frame["item"])
    assert found.long_votes.votes.n_items > 900


def test_rows_of_rare_classes_are_taken_into_train_alone(prepared, told):
    plain = messages().filter(pl.col("label") == "fees").height / 3
    fees = {name: (frame["label"] == "fees").sum() for name, frame in prepared.splits.frames.items()}
    assert any("rare classes were taken into train" in note for note in told.notes)
    assert fees["train"] > 0.9 * plain
    assert fees["cert"] < 0.3 * plain


def test_a_sealed_test_set_is_metered_under_the_files_whatever_the_seed(project, prepared):
    other = prepare_data(load_config(project).model_copy(update={"seed": 7}), SilentListener())
    assert other.meter == prepared.meter == prepared.whole.content
    assert other.table.ref.digest != prepared.table.ref.digest


def test_the_content_is_that_of_the_files_in_any_order(project):
    pieces = find_pieces(project / "rows")
    with Engine() as engine:
        assert (
            content_of(pieces, engine) == content_of(pieces[::-1], engine) != content_of(pieces[:-1], engine)
        )


def test_of_many_bad_rows_the_first_stand_in_the_quarantine_and_all_are_counted(project, monkeypatch):
    monkeypatch.setattr(counting, "MOST_BAD_ROWS", 4)
    monkeypatch.setattr(prepare, "MOST_BAD_ROWS", 4)
    listener = Notes()
    prepare_data(load_config(project), listener)
    (told,) = [note for note in listener.notes if "were set aside" in note]
    assert "10 of 3,000 rows were set aside, the first 4 with their reasons in " in told
    assert pl.read_parquet(project / "quarantine.parquet")["line"].n_unique() <= 4


def test_a_bad_row_is_refused_where_the_project_says_so(project, tmp_path):
    (tmp_path / "smallcraft.toml").write_text(
        PROJECT.replace('"rows"', f'"{project / "rows"}"').replace('on_bad_rows = "quarantine"', "")
    )
    with pytest.raises(DataError, match=r"the label is missing.*9 more bad rows"):
        prepare_data(load_config(tmp_path), SilentListener())


@pytest.fixture(scope="module")
def checked(project, tmp_path_factory):
    output = tmp_path_factory.mktemp("check")
    options = CheckOptions(output=output, most_rows=1_000)
    return check_file(project / "rows", label="label", text="text", backbone="none", options=options)


def test_a_check_tells_counts_of_all_rows_beside_what_the_sample_shows(checked):
    by_name = {result.check: result for result in checked.report.checks}
    assert by_name["row_counts"].numbers["rows_all"] == 2_990
    assert by_name["row_counts"].numbers["rows_all_of_sample"] < 1_100
    assert by_name["duplicates"].numbers["exact_all"] >= 55
    assert by_name["duplicates"].numbers["exact_all_of_sample"] < 55
    assert checked.report.notes[0].startswith("2,990 rows were counted")


def test_findings_name_rows_by_where_they_stand_in_the_table(checked, project):
    findings = pl.read_parquet(checked.findings)
    assert "exact copy" in findings["kind"].to_list()
    assert max(checked.lines["all"]) > 1_100
    page = checked.page.read_text("utf-8")
    assert "rows were counted, in 7 pieces" in page
    assert json.loads((checked.page.parent / "check.json").read_text())["notes"]


@pytest.mark.parametrize("options", [{"fix": ("drop",)}, {"probs": Path("p.npy")}])
def test_what_wants_the_whole_table_in_memory_is_refused_for_one_that_is_not_held(project, options):
    asked = CheckOptions(**options, most_rows=1_000)
    with pytest.raises(InvalidInputError, match="--most-rows"):
        check_file(project / "rows", label="label", text="text", options=asked)


def test_roles_of_a_large_table_are_guessed_from_its_first_rows(project):
    pieces = large_pieces(project / "rows", most=1_000)
    assert inspect_table(project / "rows", pieces).roles.label == "label"
    assert inspect_table(project / "rows", pieces).rows < 3_000

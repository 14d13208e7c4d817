"""Audit sheets: cells that cannot run, plans that cannot be swapped, answers that are never overwritten."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.quality.audited import CLASSES, lines_of, make_split, write_lines, write_sheet_for

from smallcraft.data.quality.sheet import (
    ALLOWED,
    ANSWER,
    AUDIT_ID,
    GIVEN,
    allowed_text,
    escaped,
    plan_path,
    read_plan,
    read_sheet,
    special_answers,
    unescaped,
)
from smallcraft.errors import DataError

RISKY = "=+-@\t\r\n',;|＝＋－＠ab"


@given(st.text(alphabet=RISKY) | st.text())
def test_an_escaped_cell_reads_back_as_it_was(cell):
    assert unescaped(escaped(cell)) == cell


@given(st.text(alphabet=RISKY))
def test_no_cell_starts_a_formula_wherever_a_line_is_cut(cell):
    text = escaped(cell)
    starts = [0, *(at + 1 for at, letter in enumerate(text) if letter in ",;|\t\r\n")]
    assert all(text[at : at + 1] == "" or text[at] not in "=+-@＝＋－＠\t\r\n" for at in starts)


def test_the_cells_of_a_written_sheet_cannot_run_and_hold_the_rows(tmp_path):
    split = make_split()
    write_sheet_for(split, tmp_path / "audit.csv")
    lines = lines_of(tmp_path / "audit.csv")
    assert len(lines) == 60
    for line in lines:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line.values())
        row = split.frame.row(int(line["row"]), named=True)
        assert unescaped(line["message"]) == row["message"]
        assert unescaped(line[GIVEN]) == row["intent"]
        assert unescaped(line[ALLOWED]) == "card | loan | -1"
        assert line[ANSWER] == ""


def test_the_guide_lists_every_label_and_how_to_say_unsure(tmp_path):
    write_sheet_for(make_split(), tmp_path / "audit.csv")
    guide = (tmp_path / "audit.csv.guide.txt").read_text("utf-8")
    assert guide.endswith("card\nloan\n-1\n")
    assert "unsure" in guide
    assert "none of these" in guide


def test_many_labels_are_pointed_to_and_not_repeated_on_every_row(tmp_path):
    labels = [f"intent {at}" for at in range(150)]
    assert allowed_text(tmp_path / "a.csv", labels) == "one of the 150 labels in a.csv.guide.txt"


def test_a_label_goes_before_a_special_word_of_its_name():
    assert special_answers(CLASSES) == ("unsure", "none of these")
    assert special_answers(("Unsure", "card")) == ("none of these",)


def test_a_very_long_text_is_cut_so_that_the_sheet_can_be_read_again(tmp_path):
    split = make_split(rows=60)
    long = split.frame.with_columns(message=split.frame["message"] + "x" * 200_000)
    write_sheet_for(type(split)(long, split.truth, split.given), tmp_path / "audit.csv", n=60)
    assert len(read_sheet(tmp_path / "audit.csv")) == 60


def test_writing_the_same_sheet_again_changes_nothing(tmp_path):
    split, path = make_split(), tmp_path / "audit.csv"
    write_sheet_for(split, path)
    before = path.read_bytes()
    write_sheet_for(split, path)
    assert path.read_bytes() == before


def test_a_sheet_with_answers_is_never_overwritten(tmp_path):
    split, path = make_split(), tmp_path / "audit.csv"
    write_sheet_for(split, path)
    lines = lines_of(path)
    lines[0][ANSWER] = "card"
    write_lines(path, lines)
    answered = path.read_bytes()
    with pytest.raises(DataError, match="may hold answers"):
        write_sheet_for(split, path)
    assert path.read_bytes() == answered


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_sheet_for(make_split(), tmp_path / "file" / "audit.csv")


def test_a_plan_is_found_by_what_it_holds_when_the_sheet_was_renamed(tmp_path):
    split = make_split()
    write_sheet_for(split, tmp_path / "audit.csv")
    write_sheet_for(split, tmp_path / "other.csv", seed=4)
    token = read_sheet(tmp_path / "audit.csv")[0][0].partition("-")[0]
    (tmp_path / "audit.csv").rename(tmp_path / "answers.csv")
    assert read_plan(tmp_path / "answers.csv", token).token == token


def test_an_edited_plan_fits_no_sheet(tmp_path):
    path = tmp_path / "audit.csv"
    write_sheet_for(make_split(), path)
    plan = json.loads(plan_path(path).read_text())
    plan["sizes"][0] += 1
    plan_path(path).write_text(json.dumps(plan))
    token = read_sheet(path)[0][0].partition("-")[0]
    with pytest.raises(DataError, match=f"belongs to audit {token}, and no plan beside it does"):
        read_plan(path, token)


def test_a_plan_that_is_not_there_is_asked_for(tmp_path):
    path = tmp_path / "audit.csv"
    write_sheet_for(make_split(), path)
    plan_path(path).unlink()
    with pytest.raises(DataError, match=r"audit\.csv\.plan\.json is not beside"):
        read_plan(path, "whatever")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_sheets_saved_with_any_usual_separator_are_read(tmp_path, separator):
    path = tmp_path / "audit.csv"
    write_sheet_for(make_split(), path)
    plain = read_sheet(path)
    write_lines(path, lines_of(path), separator=separator)
    assert read_sheet(path) == plain


def test_a_sheet_in_another_encoding_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / "audit.csv"
    write_sheet_for(make_split(), path)
    write_lines(path, lines_of(path), encoding="latin-1")
    with pytest.raises(DataError, match="save it from the spreadsheet as 'CSV UTF-8'"):
        read_sheet(path)


def test_a_sheet_without_the_answers_column_is_refused_with_the_nearest_name(tmp_path):
    path = tmp_path / "audit.csv"
    path.write_text(f"{AUDIT_ID},adjudicate\nx-1,card\n")
    with pytest.raises(DataError, match="did you mean 'adjudicate'"):
        read_sheet(path)


def test_a_sheet_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_sheet(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="it has nothing"):
        read_sheet(tmp_path / "empty.csv")

"""Laws of given splits: honoured row by row; what they share with train is told."""

from __future__ import annotations

import polars as pl
import pytest

from smallcraft.data.givensplits import given_parts, overlap_notes, shared_rows
from smallcraft.data.table import make_table
from smallcraft.errors import DataError
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text")
KEYED = Roles(label="label", text="text", key="who")


def table(frame: pl.DataFrame, roles: Roles = ROLES, source: str = "main"):
    return make_table(frame, roles, source=source)


def frame(*texts: str, **columns) -> pl.DataFrame:
    return pl.DataFrame({"text": texts, "label": ["x"] * len(texts), **columns})


def test_nothing_given_leaves_every_row():
    main = table(frame("a", "b"))
    given = given_parts(main, cert=None, dev=None, split_column=None)
    assert given.frames == {}
    assert given.rest.equals(main.frame)


@pytest.mark.parametrize(
    ("word", "split"),
    [("dev", "dev"), (" Validation ", "dev"), ("VALID", "dev"), ("cert", "cert"), ("Test", "cert")],
)
def test_usual_words_of_a_split_column_are_understood(word, split):
    main = table(frame("a", "b", part=["training", word]))
    given = given_parts(main, cert=None, dev=None, split_column="part")
    assert given.frames[split]["text"].to_list() == ["b"]
    assert given.rest["text"].to_list() == ["a"]


@pytest.mark.parametrize("word", ["holdout", None])
def test_another_word_in_a_split_column_is_refused_with_its_row(word):
    main = table(frame("a", "b", part=["train", word]))
    with pytest.raises(DataError, match="row 2, column 'part': train, dev or cert was wanted, got"):
        given_parts(main, cert=None, dev=None, split_column="part")


def test_a_split_column_without_train_is_refused():
    with pytest.raises(DataError, match="names no train row"):
        given_parts(table(frame("a", part=["test"])), cert=None, dev=None, split_column="part")


def test_a_split_column_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="did you mean 'label'"):
        given_parts(table(frame("a")), cert=None, dev=None, split_column="labels")


def test_a_split_given_twice_is_refused():
    main, own = table(frame("a", "b", part=["train", "test"])), table(frame("c"), source="own")
    with pytest.raises(DataError, match="cert is given twice: by column 'part' and by own"):
        given_parts(main, cert=own, dev=None, split_column="part")


def test_types_of_a_given_file_follow_the_main_one_or_are_refused():
    roles = Roles(label="label", features=("x",))
    as_text = pl.DataFrame({"x": ["007", "8"], "label": ["a", "b"]})
    as_number = pl.DataFrame({"x": [7.0, 8.5], "label": ["a", "b"]})
    texts, numbers = table(as_text, roles, "texts"), table(as_number, roles, "numbers")
    aligned = given_parts(texts, cert=numbers, dev=None, split_column=None).frames["cert"]
    assert aligned["x"].to_list() == ["7", "8.5"]
    with pytest.raises(DataError, match="column 'x' is Float64 in numbers and String in texts"):
        given_parts(numbers, cert=texts, dev=None, split_column=None)


def test_copies_and_keys_that_a_given_split_shares_are_told():
    frames = {
        "train": frame("a question", "another", who=["k1", "k2"]),
        "dev": frame("third", who=["k3"]),
        "cert": frame("A question!", "fourth", who=["k3", "k1"]),
    }
    notes = overlap_notes(frames, KEYED, given=("cert",), similarity=0.9)
    assert [note.split(";")[0] for note in notes] == [
        "1 of 2 cert rows copy a train row",
        "1 cert rows have a 'who' that train has too",
        "1 cert rows have a 'who' that dev has too",
    ]
    assert overlap_notes(frames, KEYED, given=(), similarity=0.9) == []


def test_rows_without_a_text_are_shared_when_their_features_are_equal():
    roles = Roles(label="label", features=("x",))
    left = pl.DataFrame({"x": [1.0, 2.0], "label": ["a", "b"]})
    right = pl.DataFrame({"x": [2.0, 2.0, 3.0], "label": ["a", "a", "a"]})
    assert shared_rows(left, right, roles, similarity=0.9) == 2

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.votes import (
    LongColumns,
    align_to_rows,
    guess_long_columns,
    votes_from_columns,
    votes_from_long,
)
from smallcraft.errors import DataError

WIDE = pl.DataFrame({"ann": ["b", " ", "a", None], "bob": ["a", "b", " a ", ""], "cid": [None, "c", "a", ""]})


def long(rows, schema=("task", "worker", "label")):
    return pl.DataFrame(rows, schema=list(schema), orient="row")


def from_long(frame):
    return votes_from_long(frame, item="task", annotator="worker", label="label", source="votes.csv")


def as_sets(votes):
    """For each item what each annotator said, by name."""
    return [
        {
            votes.annotators[votes.annotator[at]]: votes.classes[votes.label[at]]
            for at in range(votes.starts[item], votes.starts[item + 1])
        }
        for item in range(votes.n_items)
    ]


# --- one column an annotator -----------------------------------------------------------


def test_columns_become_item_sorted_codes_and_blanks_are_no_vote():
    votes = votes_from_columns(WIDE, ["ann", "bob", "cid"])
    assert as_sets(votes) == [
        {"ann": "b", "bob": "a"},
        {"bob": "b", "cid": "c"},
        {"ann": "a", "bob": "a", "cid": "a"},
        {},
    ]
    assert votes.starts.tolist() == [0, 2, 4, 7, 7]
    assert (votes.starts.dtype, votes.annotator.dtype, votes.label.dtype) == (np.int64, np.int32, np.int32)
    assert votes.classes == ("a", "b", "c")
    assert votes.items is None


def test_given_classes_come_first_and_others_follow():
    votes = votes_from_columns(WIDE, ["ann", "bob", "cid"], classes=["c", "never", "a"])
    assert votes.classes == ("c", "never", "a", "b")
    assert as_sets(votes)[1] == {"bob": "b", "cid": "c"}


def test_whole_numbers_are_classes_without_a_point():
    frame = pl.DataFrame({"ann": [1.0, 0.0], "bob": [1, None]})
    votes = votes_from_columns(frame, ["ann", "bob"])
    assert as_sets(votes) == [{"ann": "1", "bob": "1"}, {"ann": "0"}]


def test_a_missing_column_is_refused_with_the_nearest_name():
    with pytest.raises(DataError, match=r"column 'anm' is not in the table.*did you mean 'ann'"):
        votes_from_columns(WIDE, ["anm", "bob"])


def test_columns_of_blanks_are_refused():
    with pytest.raises(DataError, match="must hold a vote somewhere, got only blanks in 'cid'"):
        votes_from_columns(WIDE[3:], ["cid"])


# --- a line a vote ---------------------------------------------------------------------


def test_lines_become_item_sorted_codes_in_order_of_the_items():
    votes = from_long(long([("t9", "bob", "y"), ("t1", "ann", "x"), ("t9", "ann", "x"), ("t1", "cid", "y")]))
    assert votes.items.to_list() == ["t9", "t1"]
    assert votes.annotators == ("ann", "bob", "cid")
    assert as_sets(votes) == [{"bob": "y", "ann": "x"}, {"ann": "x", "cid": "y"}]


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 8), st.integers(0, 5)), st.sampled_from("xyz"), min_size=1, max_size=40
    ),
    st.randoms(use_true_random=False),
)
def test_long_and_wide_say_the_same_whatever_the_order_of_lines(said, random):
    lines = [(f"t{item}", f"w{who}", label) for (item, who), label in said.items()]
    random.shuffle(lines)
    long_votes = from_long(long(lines))
    items = list(dict.fromkeys(line[0] for line in lines))
    people = sorted({line[1] for line in lines})
    table = {who: [said.get((int(i[1:]), int(who[1:]))) for i in items] for who in people}
    wide_votes = votes_from_columns(pl.DataFrame(table), people)
    assert long_votes.items.to_list() == items
    assert as_sets(long_votes) == as_sets(wide_votes)
    assert long_votes.classes == wide_votes.classes


@pytest.mark.parametrize(
    "ids",
    [
        [7, 3, 7],
        [7.0, 3.0, 7.0],
        ["7", "3", "7"],
        [datetime.date(2026, 1, 2), datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)],
        [True, False, True],
    ],
)
def test_ids_may_be_of_any_plain_type_and_keep_it(ids):
    frame = pl.DataFrame({"task": ids, "worker": [1, 1, 2], "label": ["x", "y", "x"]})
    votes = from_long(frame)
    assert votes.items.to_list() == ids[:2]
    assert votes.annotators == ("1", "2")
    assert votes.starts.tolist() == [0, 2, 3]


def test_other_categorical_columns_in_the_process_change_nothing():
    frame = long([("a", "b", "x"), ("b", "a", "y")])
    kept = pl.Series([f"word {n}" for n in range(1000)] + ["b"]).cast(pl.Categorical)
    votes = from_long(frame)
    assert as_sets(votes) == [{"b": "x"}, {"a": "y"}]
    assert len(kept) == 1001


def test_equal_repeats_count_once_and_are_told():
    votes = from_long(long([("t", "ann", "x"), ("u", "bob", "y"), ("t", "ann", "x"), ("t", "bob", "y")]))
    assert as_sets(votes) == [{"ann": "x", "bob": "y"}, {"bob": "y"}]
    assert votes.starts.tolist() == [0, 2, 3]
    assert votes.notes == ("1 votes of votes.csv say again what their annotator said: counted once",)


def test_two_labels_of_one_annotator_on_one_item_are_refused_by_name():
    frame = long([("t", "ann", "x"), ("u", "bob", "y"), ("u", "bob", "x")])
    with pytest.raises(DataError, match=r"votes.csv: annotator 'bob' gave item 'u' two labels, 'y' and 'x'"):
        from_long(frame)


def test_a_blank_label_is_no_vote_and_is_told():
    votes = from_long(long([("t", "ann", "x"), ("t", "bob", " "), ("u", "bob", None), ("u", "ann", "y")]))
    assert as_sets(votes) == [{"ann": "x"}, {"ann": "y"}]
    assert votes.notes == ("2 lines of votes.csv have a blank 'label': no vote",)


@pytest.mark.parametrize(("column", "line"), [("task", (None, "ann", "x")), ("worker", ("t", " ", "x"))])
def test_a_vote_without_an_item_or_annotator_is_refused(column, line):
    with pytest.raises(DataError, match=f"column '{column}' of votes.csv must be filled in.*vote 2;"):
        from_long(long([("t", "bob", "x"), line]))


def test_a_file_without_votes_is_refused():
    with pytest.raises(DataError, match="must hold votes, got 2 blanks"):
        from_long(long([("t", "ann", None), ("u", "ann", "")]))


def test_one_vote_in_all_is_enough():
    votes = from_long(long([("t", "ann", "x")]))
    assert (votes.starts.tolist(), votes.classes, votes.annotators) == ([0, 1], ("x",), ("ann",))


# --- which columns ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        ("task", "worker", "label"),
        ("item_id", "annotator", "annotation"),
        ("Annotator ID", "Item ID", "Vote"),
        ("id", "rater_id", "rating"),
        ("question-id", "user", "answer"),
        ("text_id", "coder", "class"),
    ],
)
def test_usual_names_are_recognised_in_any_order(columns):
    frame = pl.DataFrame(schema=[*columns, "seconds", "comment"])
    found = guess_long_columns(frame)
    assert {found.item, found.annotator, found.label} == set(columns)
    assert found == guess_long_columns(frame.select(reversed(frame.columns)))


def test_a_better_name_wins():
    frame = pl.DataFrame(schema=["id", "task", "user", "worker", "value", "label"])
    assert guess_long_columns(frame) == LongColumns("task", "worker", "label")


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        (("task", "label", "seconds"), "annotator"),
        (("task", "worker", "seconds"), "label"),
        (("where", "worker", "label", "seconds"), "item"),
    ],
)
def test_what_cannot_be_told_is_asked_for(columns, part):
    with pytest.raises(
        DataError, match=f"votes.csv must have a column for the {part} of each vote.*'{columns[0]}'"
    ):
        guess_long_columns(pl.DataFrame(schema=list(columns)), source="votes.csv")


def test_of_three_columns_the_one_without_a_telling_name_is_what_is_missing():
    found = guess_long_columns(pl.DataFrame(schema=["worker", "label", "ticket"]))
    assert found == LongColumns("ticket", "worker", "label")


# --- onto rows -------------------------------------------------------------------------


def test_votes_find_their_rows_by_id_as_text():
    votes = from_long(pl.DataFrame({"task": [7, 3, 7], "worker": ["a", "b", "b"], "label": ["x", "y", "z"]}))
    rows = align_to_rows(votes, pl.Series("ticket", ["3", " 7", "5", None]), source="votes.csv")
    assert as_sets(rows) == [{"b": "y"}, {"a": "x", "b": "z"}, {}, {}]
    assert rows.items is None
    assert rows.notes == ()


def test_votes_without_a_row_are_told():
    votes = from_long(long([("t", "ann", "x"), ("u", "ann", "x"), ("u", "bob", "y")]))
    rows = align_to_rows(votes, pl.Series("id", ["t"]), source="votes.csv")
    assert as_sets(rows) == [{"ann": "x"}]
    assert rows.notes == ("2 of 3 votes of votes.csv are left out: no row here has their item",)


def test_votes_of_which_none_has_a_row_are_refused():
    votes = from_long(long([("t-1", "ann", "x")]))
    with pytest.raises(
        DataError, match=r"no vote of votes.csv has a row: its items are like 't-1'.*like '1'"
    ):
        align_to_rows(votes, pl.Series("id", ["1", "2"]), source="votes.csv")


def test_an_id_on_two_rows_is_refused():
    votes = from_long(long([("t", "ann", "x")]))
    with pytest.raises(DataError, match=r"must name each row once.*got 't' on 2 rows"):
        align_to_rows(votes, pl.Series("id", ["t", "u", "t"]), source="votes.csv")


# --- parts -----------------------------------------------------------------------------


def test_a_part_holds_the_votes_of_its_items_with_the_same_codes():
    votes = votes_from_columns(WIDE, ["ann", "bob", "cid"])
    parts = as_sets(votes.part(0, 1)) + as_sets(votes.part(1, 4))
    assert parts == as_sets(votes)
    assert votes.part(1, 2).classes == votes.classes
    assert votes.part(2, 2).n_items == 0


def test_items_may_be_taken_in_any_order_and_left_out():
    votes = from_long(long([("t", "ann", "x"), ("u", "ann", "y"), ("u", "bob", "x")]))
    taken = votes.at(np.array([1, -1, 0, 1]))
    assert as_sets(taken) == [{"ann": "y", "bob": "x"}, {}, {"ann": "x"}, {"ann": "y", "bob": "x"}]
    assert taken.items.to_list() == ["u", None, "t", "u"]
    assert taken.votes_of_item.tolist() == [2, 0, 1, 2]
    assert taken.item_of_vote.tolist() == [0, 0, 2, 3, 3]

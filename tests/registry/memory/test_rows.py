from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.memory.rows import (
    RowIds,
    compare_rows,
    decode_rows,
    encode_rows,
    ids_of,
    split_rows,
    trained_on,
)

# A table as {split: [(text, label), ...]}; few different texts, so that copies occur.
ROW = st.tuples(st.sampled_from("abcdefg"), st.sampled_from("xyz"))
TABLE = st.fixed_dictionaries({name: st.lists(ROW, max_size=8) for name in ("train", "dev", "cert")})


def digest(*parts):
    return hashlib.sha256(repr(parts).encode()).digest()


def rows_of(table):
    splits = {
        name: split_rows(
            [digest(text) for text, _ in rows],
            [digest(text, label) for text, label in rows],
            is_sealed=name == "cert",
        )
        for name, rows in table.items()
    }
    return RowIds(("message",), "intent", splits)


def table(train="", dev="", cert="", *, label="x"):
    return {
        "train": [(c, label) for c in train],
        "dev": [(c, label) for c in dev],
        "cert": [(c, label) for c in cert],
    }


@given(TABLE)
def test_rows_are_read_back_as_they_were(given_table):
    data = encode_rows(rows_of(given_table))
    assert encode_rows(decode_rows(data)) == data


@given(TABLE, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_byte(given_table, dice):
    shuffled = {name: dice.sample(rows, len(rows)) for name, rows in given_table.items()}
    assert encode_rows(rows_of(shuffled)) == encode_rows(rows_of(given_table))


@given(TABLE)
def test_a_table_does_not_differ_from_itself(given_table):
    found = compare_rows(rows_of(given_table), rows_of(given_table))
    assert (found.added, found.removed, found.relabelled, found.moves) == (0, 0, 0, ())


@given(TABLE, TABLE)
def test_counts_agree_with_counting_texts(before, after):
    found = compare_rows(rows_of(before), rows_of(after))
    then, now = (Counter(text for rows in side.values() for text, _ in rows) for side in (before, after))
    assert found.added == (now - then).total()
    assert found.removed == (then - now).total()
    assert found.before + found.added - found.removed == found.after
    pairs_then, pairs_now = (Counter(side["train"] + side["dev"]) for side in (before, after))
    texts_then, texts_now = (
        Counter(text for text, _ in pairs.elements()) for pairs in (pairs_then, pairs_now)
    )
    assert found.relabelled == (texts_then & texts_now).total() - (pairs_then & pairs_now).total()


@given(TABLE, TABLE)
def test_each_split_adds_up(before, after):
    for split in compare_rows(rows_of(before), rows_of(after)).splits:
        change = split.added + split.moved_in - split.removed - split.moved_out
        assert split.before + change == split.after == len(after[split.split])


@given(TABLE, TABLE)
def test_backwards_what_was_added_is_removed(before, after):
    there, back = compare_rows(rows_of(before), rows_of(after)), compare_rows(rows_of(after), rows_of(before))
    assert (there.added, there.removed, there.relabelled) == (back.removed, back.added, back.relabelled)


def test_a_row_that_changed_its_split_has_moved_and_is_not_new():
    found = compare_rows(rows_of(table("abc", "d", "e")), rows_of(table("ab", "cd", "e")))
    assert (found.added, found.removed) == (0, 0)
    assert [(move.source, move.target, move.rows) for move in found.moves] == [("train", "dev", 1)]
    train, dev, _ = found.splits
    assert (train.moved_out, dev.moved_in) == (1, 1)


def test_a_corrected_label_is_found_in_train_and_dev_and_sealed_in_cert():
    before, after = table("ab", "c", "de"), table("ab", "c", "de")
    after["train"][0], after["cert"][0] = ("a", "y"), ("d", "y")
    found = compare_rows(rows_of(before), rows_of(after))
    assert found.relabelled == 1
    assert [split.are_labels_equal for split in found.splits] == [None, None, False]
    assert rows_of(after).splits["cert"].labelled is None


def test_rows_that_a_release_was_fitted_to_are_told_from_new_ones():
    earlier = rows_of(table("ab", "c", "d"))
    asked = ids_of([digest(text) for text in "abcde"])
    assert trained_on(earlier, asked).tolist() == [True, True, True, False, False]


def test_other_columns_cannot_be_compared_and_say_so():
    one = rows_of(table("ab", "c", "d"))
    with pytest.raises(InvalidInputError, match="over the same columns, got message -> intent and"):
        compare_rows(one, replace(one, inputs=("message", "region")))


def test_ids_are_the_first_64_bits():
    assert ids_of([digest("a")]).tolist() == [int.from_bytes(digest("a")[:8], "little")]


def test_both_digests_are_needed_for_each_row():
    with pytest.raises(InvalidInputError, match="both digests, got 1 and 0"):
        split_rows([digest("a")], [], is_sealed=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda split: replace(split, inputs=split.inputs[::-1].copy()), "ascending order"),
        (lambda split: replace(split, labelled=split.labelled[:-1]), "each row of train needs both ids"),
    ],
)
def test_a_list_of_rows_that_was_tampered_with_is_refused(change, message):
    rows = rows_of(table("abcd", "e", "f"))
    damaged = replace(rows, splits={**rows.splits, "train": change(rows.splits["train"])})
    with pytest.raises(IntegrityError, match=message):
        decode_rows(encode_rows(damaged))


def test_another_format_is_refused():
    from smallcraft.registry.memory.arrays import Columns, write_columns

    names = [f"{split}_inputs" for split in ("train", "dev", "cert")] + ["train_labelled", "dev_labelled"]
    other = write_columns(Columns({"format": 9}, {name: np.empty(0, "<u8") for name in names}))
    with pytest.raises(IntegrityError, match="must be of format 1"):
        decode_rows(other)

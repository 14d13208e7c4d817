"""Rows as a bundle's columns: what is accepted, what is refused, and with which words."""

from __future__ import annotations

import gc
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tinybert import make_tokenizer
from tokenizers import Tokenizer

from smallcraft.bundle.inputs import FastTokenizer, InputSpec, category_text, join_inputs, read_inputs
from smallcraft.errors import InvalidInputError

TEXT = InputSpec(text="message")
TABLE = InputSpec(numbers=("age", "amount"), categories=("plan",))
BOTH = InputSpec(text="message", numbers=("age",), categories=("plan",))

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8)


def tiny_tokenizer() -> FastTokenizer:
    tokenizer = make_tokenizer()
    return FastTokenizer(tokenizer, tokenizer.to_str().encode())


TOKENIZER = tiny_tokenizer()


# --- what is accepted ------------------------------------------------------------------


@given(texts)
def test_a_list_of_texts_is_the_text_column(rows):
    from_list, from_mapping = read_inputs(rows, TEXT), read_inputs({"message": rows, "more": []}, TEXT)
    assert from_list.texts == from_mapping.texts == rows
    assert from_list.n == len(rows)
    assert from_list.numbers.shape == (len(rows), 0)


def test_columns_come_in_the_order_of_the_spec_whatever_the_order_given():
    inputs = read_inputs({"plan": ["a", None], "amount": [1, 2.5], "more": [0, 0], "age": [3, None]}, TABLE)
    assert inputs.numbers[:, 1].tolist() == [1, 2.5]
    assert inputs.numbers[0, 0] == 3
    assert math.isnan(inputs.numbers[1, 0])
    assert inputs.categories == (["a", None],)


@pytest.mark.parametrize("wrap", [list, tuple, pl.Series, lambda v: np.array(v, dtype=object)])
def test_any_sized_sequence_is_a_column(wrap):
    inputs = read_inputs(
        {"message": wrap(["x", "y"]), "age": wrap([1.5, None]), "plan": wrap(["a", None])}, BOTH
    )
    assert inputs.texts == ["x", "y"]
    assert inputs.numbers[0, 0] == 1.5
    assert math.isnan(inputs.numbers[1, 0])
    assert inputs.categories == (["a", None],)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is ", "as it is "),
        (True, "true"),
        (np.False_, "false"),
        (3, "3"),
        (3.0, "3"),
        (np.float32(3), "3"),
        (np.int64(3), "3"),
        (3.5, "3.5"),
        (-0.0, "0"),
        (math.inf, "inf"),
    ],
)
def test_a_category_has_one_spelling(value, text):
    assert category_text(value) == text


def test_a_missing_category_may_be_none_or_nan():
    plan = read_inputs(
        {"age": [1] * 3, "amount": [1] * 3, "plan": [None, math.nan, np.float32("nan")]}, TABLE
    )
    assert plan.categories == ([None, None, None],)


# --- what is refused -------------------------------------------------------------------


def refuse(rows, spec, message):
    with pytest.raises(InvalidInputError, match=message):
        read_inputs(rows, spec)


def test_one_string_is_refused_with_what_to_write():
    refuse("hello", TEXT, r"rows must be a list of texts, got one string; write \[text\]")
    refuse({"message": "hello"}, TEXT, "'message' must be a list with a value for each row, got str; put a")


@pytest.mark.parametrize("rows", [None, 3, b"bytes", iter(["a"])])
def test_rows_that_are_no_list_are_refused(rows):
    refuse(rows, TEXT, "must be a list with a value for each row")


def test_a_missing_column_is_named_with_its_nearest_neighbour():
    refuse({"mesage": ["x"]}, TEXT, "'message' is missing; the rows have 'mesage' - did you mean 'mesage'?")
    refuse({}, TEXT, "'message' is missing; the rows have no columns")
    refuse({"age": [1], "plan": ["a"]}, TABLE, "'amount' is missing; the rows have 'age', 'plan'$")


def test_a_plain_list_for_several_columns_is_refused_with_their_names():
    refuse(["x"], BOTH, "reads the columns 'message', 'age', 'plan', got a plain list; pass a mapping")
    refuse(["x"], TABLE, "reads the columns 'age', 'amount', 'plan'")


def test_columns_of_several_lengths_are_refused():
    refuse({"message": ["x"], "age": [1, 2], "plan": []}, BOTH, r"\{'message': 1, 'age': 2, 'plan': 0\}")


@pytest.mark.parametrize(
    ("value", "kind"), [(None, "NoneType"), (3, "int"), (b"x", "bytes"), (["x"], "list")]
)
def test_text_that_is_none_is_refused_with_its_row(value, kind):
    refuse(["fine", value], TEXT, f"'message' must hold text, got {kind} in row 1; convert it")


@given(st.text(max_size=5), st.characters(categories=["Cs"]), st.text(max_size=5))
def test_a_lone_surrogate_is_refused(before, surrogate, after):
    refuse(["fine", before + surrogate + after], TEXT, "lone surrogate in row 1; repair")


@pytest.mark.parametrize("value", ["many", "", object(), [1, 2], 1j, 10**400, {}])
def test_a_number_that_is_none_is_refused(value):
    refuse(
        {"age": [1, value], "amount": [1, 1], "plan": ["a", "a"]},
        TABLE,
        "'age' must hold numbers, got a value",
    )


def test_a_list_in_each_row_is_refused():
    refuse(
        {"age": [[1], [2]], "amount": [1, 1], "plan": ["a", "a"]}, TABLE, r"one number a row.*shape \(1,\)"
    )


@pytest.mark.parametrize("value", [math.inf, -math.inf, "inf"])
def test_an_infinite_number_is_refused_with_its_row(value):
    rows = {"age": [1, 2], "amount": [1, value], "plan": ["a", "a"]}
    refuse(rows, TABLE, "'amount' must hold finite numbers, got -?inf in row 1; leave it empty")


# --- tokens ----------------------------------------------------------------------------


@given(texts)
def test_a_text_has_the_same_tokens_alone_and_among_others(rows):
    together = TOKENIZER.encode(rows)
    assert [tokens.tolist() for tokens in together] == [TOKENIZER.encode([row])[0].tolist() for row in rows]
    assert all(tokens.dtype == np.int32 for tokens in together)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_tokens_are_those_of_the_file_without_padding_truncation_and_special_tokens(text):
    plain = make_tokenizer()
    plain.no_padding()
    plain.no_truncation()
    assert TOKENIZER.encode([text])[0].tolist() == plain.encode(text, add_special_tokens=False).ids


def test_a_file_that_pads_and_truncates_does_neither_here():
    assert len(make_tokenizer().encode("card").ids) == 32
    lengths = [len(tokens) for tokens in TOKENIZER.encode(["card", "card " * 100])]
    assert lengths == [1, 100]


class CountingTokenizer:
    def __init__(self, source: bytes) -> None:
        self.source, self.asked = source, []

    def encode(self, rows):
        self.asked += rows
        return [np.array([len(row)], dtype=np.int32) for row in rows]


def test_each_tokenizer_reads_each_text_once():
    inputs, tokenizer = read_inputs(["a", "bb", "ccc"], TEXT), CountingTokenizer(b"1")
    for _ in range(2):
        assert [tokens.tolist() for tokens in inputs.tokens(tokenizer)] == [[1], [2], [3]]
    taken = inputs.take(np.array([2, 0, 2]))
    assert [tokens.tolist() for tokens in taken.tokens(tokenizer)] == [[3], [1], [3]]
    assert tokenizer.asked == ["a", "bb", "ccc"]


def test_tokens_of_one_tokenizer_are_never_taken_for_those_of_another():
    """Tokenizers come and go while the rows stay; a new one may get the address of an old one."""
    inputs = read_inputs(["card lost"], TEXT)
    for number in range(200):
        tokenizer = CountingTokenizer(str(number).encode())
        inputs.tokens(tokenizer)
        assert tokenizer.asked == ["card lost"]
        del tokenizer
        gc.collect(0)


def test_tokens_without_texts_are_refused():
    inputs = read_inputs({"age": [], "amount": [], "plan": []}, TABLE)
    with pytest.raises(InvalidInputError, match="no text column"):
        inputs.tokens(TOKENIZER)


@given(st.lists(st.integers(0, 4), max_size=10))
def test_taking_rows_takes_them_in_every_column(chosen):
    rows = {
        "message": [f"text{row}" for row in range(5)],
        "age": [0.5, None, 2, 3, 4],
        "plan": ["a", None, "c", "d", "e"],
    }
    taken = read_inputs(rows, BOTH).take(np.array(chosen, dtype=np.intp))
    direct = read_inputs({name: [values[row] for row in chosen] for name, values in rows.items()}, BOTH)
    assert (taken.n, taken.texts, taken.categories) == (direct.n, direct.texts, direct.categories)
    assert np.array_equal(taken.numbers, direct.numbers, equal_nan=True)


def test_a_tokenizer_from_a_file_reads_the_same_as_its_copy():
    copy = FastTokenizer(Tokenizer.from_buffer(TOKENIZER.source), TOKENIZER.source)
    assert copy.encode(["lost my card"])[0].tolist() == TOKENIZER.encode(["lost my card"])[0].tolist()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.booleans())
def test_joined_rows_are_the_rows_of_each_in_order(sizes, is_read):
    tokenizer = tiny_tokenizer()
    names = iter(f"lost card {number}" for number in range(20))
    texts = [[next(names) for _ in range(size)] for size in sizes]
    parts = [
        read_inputs({"message": some, "age": range(len(some)), "plan": [None] * len(some)}, BOTH)
        for some in texts
    ]
    for part in parts if is_read else parts[:-1]:
        part.tokens(tokenizer)
    joined = join_inputs(parts)
    assert joined.n == sum(sizes)
    assert joined.texts == [text for some in texts for text in some]
    assert joined.numbers[:, 0].tolist() == [float(row) for size in sizes for row in range(size)]
    assert joined.categories == ([None] * sum(sizes),)
    wanted = tokenizer.encode(joined.texts)
    assert all(map(np.array_equal, joined.tokens(tokenizer), wanted))


def test_one_part_is_itself_and_rows_without_texts_join_too():
    part = read_inputs({"age": [1.0], "amount": [2.0], "plan": ["free"]}, TABLE)
    assert join_inputs([part]) is part
    joined = join_inputs([part, part])
    assert joined.texts is None
    assert joined.numbers.tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert joined.categories == (["free", "free"],)

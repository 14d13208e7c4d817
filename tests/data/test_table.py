"""Laws of tables: digests depend on content and column names, not on files, types or row order."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.table import make_table, require_columns, row_digests, text_form
from smallcraft.errors import DataError
from smallcraft.records import Roles

ROLES = Roles(label="label", text="text", features=("x",))
FRAME = pl.DataFrame({"text": ["a", "b", "c"], "x": [1.0, 2.5, None], "label": ["p", "q", "p"]})

frames = st.lists(
    st.tuples(st.text(max_size=6), st.none() | st.floats(allow_nan=False), st.sampled_from("pq")), min_size=1
).map(lambda rows: pl.DataFrame(rows, {"text": pl.String, "x": pl.Float64, "label": pl.String}, orient="row"))


def ref(frame: pl.DataFrame, roles: Roles = ROLES):
    return make_table(frame, roles, source="test").ref


def test_a_digest_is_what_the_rule_says_when_computed_by_hand():
    frame = pl.DataFrame({"text": ["é"], "x": [2.0], "label": ["p"]})
    header = b"smallcraft table 1\n5:label=text\n4:text=text\n1:x=number\n"
    row = hashlib.sha256("1:p2:é1:2".encode()).digest()
    assert ref(frame).digest == "sha256:" + hashlib.sha256(header + row).hexdigest()


def test_whole_numbers_agree_across_types_and_zero_has_no_sign():
    wholes = [pl.Series("x", [1, 0, None], dtype=kind) for kind in (pl.Int8, pl.Int64, pl.UInt32, pl.Float64)]
    wholes.append(pl.Series("x", [1.0, -0.0, None]))
    assert len({ref(FRAME.with_columns(column)).digest for column in wholes}) == 1


def test_large_integers_that_one_double_cannot_tell_apart_differ():
    one, other = (FRAME.with_columns(pl.Series("x", [2**60 + at, 0, 0])) for at in (0, 1))
    assert ref(one).digest != ref(other).digest


@given(frames, st.randoms(use_true_random=False))
def test_row_order_changes_the_digest_and_not_the_order_free_one(frame, random):
    order = list(range(frame.height))
    random.shuffle(order)
    shuffled = frame[order]
    assert ref(shuffled).order_free_digest == ref(frame).order_free_digest
    assert (ref(shuffled).digest == ref(frame).digest) == shuffled.equals(frame)


@given(frames, st.data())
def test_changing_one_value_changes_both_digests(frame, data):
    row = data.draw(st.integers(0, frame.height - 1))
    texts = frame["text"].to_list()
    texts[row] += "!"
    changed = frame.with_columns(pl.Series("text", texts))
    assert ref(changed).digest != ref(frame).digest
    assert ref(changed).order_free_digest != ref(frame).order_free_digest


@given(frames)
def test_the_order_free_digest_is_that_of_the_row_hashes_sorted_as_bytes(frame):
    header = b"smallcraft table 1\n5:label=text\n4:text=text\n1:x=number\n"
    rows = sorted(row_digests(frame, ("text", "x", "label")))
    wanted = hashlib.sha256(header + b"any order\n" + b"".join(rows)).hexdigest()
    assert ref(frame).order_free_digest == f"sha256:{wanted}"


def test_digests_with_zero_bytes_are_sorted_as_bytes():
    found = {bytes([0]) * 32, bytes([255]) * 32, bytes([0]) * 31 + b"\1", b"\x80" + bytes([0]) * 31}
    assert np.sort(np.frombuffer(b"".join(found), dtype="S32")).tobytes() == b"".join(sorted(found))


def test_rows_digest_alike_in_a_long_table_and_alone(monkeypatch):
    whole = row_digests(FRAME, FRAME.columns)
    monkeypatch.setattr("smallcraft.data.table._CHUNK_ROWS", 2)
    assert row_digests(FRAME, FRAME.columns) == whole
    assert len(whole) == FRAME.height


def test_a_repeated_row_counts_in_the_order_free_digest():
    doubled = pl.concat([FRAME, FRAME])
    tripled = pl.concat([FRAME, FRAME, FRAME, FRAME])
    digests = {ref(frame).order_free_digest for frame in (FRAME, doubled, tripled)}
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"text": ["ab", "c"]}, {"text": ["a", "bc"]}),
        ({"text": ["~"]}, {"text": [None]}),
        ({"text": ["1:a"]}, {"text": ["a"]}),
        ({"text": [""]}, {"text": [None]}),
    ],
)
def test_values_that_could_run_together_stay_apart(left, right):
    columns = tuple(left)
    assert row_digests(pl.DataFrame(left), columns) != row_digests(pl.DataFrame(right), columns)


def test_neighbouring_columns_do_not_run_together():
    left, right = pl.DataFrame({"a": ["xy"], "b": ["z"]}), pl.DataFrame({"a": ["x"], "b": ["yz"]})
    assert row_digests(left, ("a", "b")) != row_digests(right, ("a", "b"))


def test_text_that_reads_as_a_number_is_not_that_number():
    assert ref(FRAME.with_columns(x=pl.lit("1"))).digest != ref(FRAME.with_columns(x=pl.lit(1))).digest


def test_column_order_and_columns_without_a_role_do_not_count():
    other = FRAME.select("label", "x", "text").with_columns(note=pl.lit("n"))
    assert ref(other) == ref(FRAME)


def test_renaming_a_column_changes_the_digest():
    renamed = Roles(label="label", text="text", features=("y",))
    assert ref(FRAME.rename({"x": "y"}), renamed).digest != ref(FRAME).digest


def test_label_text_key_and_votes_are_text():
    roles = Roles(label="label", text="text", votes=("v",), key="k")
    frame = pl.DataFrame({"text": [1, 2], "label": [True, False], "v": [1.0, None], "k": [7, 8]})
    table = make_table(frame, roles, source="test")
    assert table.frame.to_dict(as_series=False) == {
        "text": ["1", "2"],
        "label": ["true", "false"],
        "v": ["1", None],
        "k": ["7", "8"],
    }
    assert table.roles == roles


def test_rows_read_are_rows_kept_and_rows_quarantined():
    table = make_table(FRAME, ROLES, source="test", rows_quarantined=2)
    assert (table.rows_read, table.rows_quarantined) == (5, 2)


def test_a_missing_column_is_named_with_the_nearest_one():
    with pytest.raises(DataError, match="column 'txt' is not in tickets; it has 'text', 'x' - did you mean"):
        require_columns(("txt",), ("text", "x"), source="tickets")


def test_values_without_a_text_form_are_refused():
    with pytest.raises(DataError, match=r"must hold plain values, got List\(Int64\)"):
        text_form(pl.Series("a", [[1]]))

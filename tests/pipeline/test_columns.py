from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import DataError
from smallcraft.pipeline.columns import bundle_rows, input_spec, key_codes
from smallcraft.records import Roles


def test_numbers_are_read_as_numbers_and_everything_else_as_categories_in_the_order_of_the_roles():
    frame = pl.DataFrame({"t": ["a"], "job": ["cook"], "age": [3.5], "member": [True], "n": [1], "y": ["x"]})
    roles = Roles(label="y", text="t", features=("job", "n", "member", "age"))
    assert input_spec(frame, roles) == InputSpec("t", ("n", "age"), ("job", "member"))


def test_only_the_columns_a_bundle_reads_are_handed_over():
    frame = pl.DataFrame({"age": [1.0, None], "job": ["cook", None], "secret": ["s", "t"]})
    rows = bundle_rows(frame, InputSpec(None, ("age",), ("job",)), source="rows.csv")
    assert rows == {"age": [1.0, None], "job": ["cook", None]}


def test_a_number_column_of_text_is_refused_with_its_name():
    frame = pl.DataFrame({"age": ["12", "old"]})
    with pytest.raises(
        DataError, match=r"column 'age' of rows.csv must hold numbers, as in training, got String"
    ):
        bundle_rows(frame, InputSpec(None, ("age",), ()), source="rows.csv")


def test_a_number_column_that_is_empty_is_missing_values_whatever_its_type():
    frame = pl.DataFrame({"age": [None, None]}, schema={"age": pl.String})
    assert bundle_rows(frame, InputSpec(None, ("age",), ()), source="rows.csv") == {"age": [None, None]}


def test_true_reads_the_same_beside_other_words_and_alone():
    spec = InputSpec(None, (), ("member",))
    mixed = bundle_rows(pl.DataFrame({"member": ["TRUE", "False", "Maybe", None]}), spec, source="a")
    assert mixed == {"member": ["true", "false", "Maybe", None]}
    booleans = bundle_rows(pl.DataFrame({"member": [True, None]}), spec, source="b")
    assert booleans == {"member": [True, None]}


@given(st.lists(st.one_of(st.none(), st.sampled_from("abc")), min_size=1, max_size=20))
def test_rows_share_a_code_exactly_when_they_share_a_key(keys):
    codes = key_codes(pl.Series(keys, dtype=pl.String))
    assert codes.dtype == np.int64
    for i, first in enumerate(keys):
        for j, other in enumerate(keys):
            assert (codes[i] == codes[j]) == (i == j or (first is not None and first == other))

"""Feature columns as trees read them, beside a reference in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.canonical import canonical_json

SPEC = InputSpec(numbers=("age", "amount"), categories=("plan", "city"))
BLOCK = ColumnsBlock(2, (("free", "paid"), ("york",)))
rows = st.lists(
    st.tuples(
        st.none() | st.floats(-1e6, 1e6, width=32),
        st.none() | st.floats(-1e6, 1e6, width=32),
        st.sampled_from([None, "free", "paid", "new"]),
        st.sampled_from([None, "york", "leeds"]),
    ),
    max_size=5,
)


def inputs_of(table):
    columns = list(zip(*table, strict=True)) or [(), (), (), ()]
    return read_inputs(dict(zip(SPEC.names, columns, strict=True)), SPEC)


@given(rows)
def test_rows_agree_with_a_plain_reference(table):
    values = BLOCK.encode(inputs_of(table)).values
    wanted = [
        [
            *(np.nan if number is None else number for number in (age, amount)),
            *(float(plan == name) for name in ("free", "paid")),
            float(city == "york"),
        ]
        for age, amount, plan, city in table
    ]
    assert values.dtype == np.float32
    assert np.array_equal(values, np.array(wanted).reshape(-1, 5), equal_nan=True)
    assert BLOCK.width == 5


@pytest.mark.parametrize("value", [1e39, 1e300, np.finfo(np.float64).max])
def test_a_number_too_large_for_float32_stays_the_largest_and_finite(value):
    values = BLOCK.encode(inputs_of([(value, -value, None, None)])).values[0]
    largest = np.finfo(np.float32).max
    assert values[:2].tolist() == [largest, -largest]


def test_a_block_survives_its_description():
    import json

    description = json.loads(canonical_json(BLOCK.save(None, "stage")))
    assert ColumnsBlock.load(description, None) == BLOCK

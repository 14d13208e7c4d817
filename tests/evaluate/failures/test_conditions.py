"""Conditions are read off the rows, cover them, and never look at the truth."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.failures.conditions import list_conditions

SPEC = InputSpec(text="message", numbers=("age", "score"), categories=("plan",))


def some_rows(n: int = 200):
    rng = np.random.default_rng(2)
    return {
        "message": [
            f"Refund{' please' * (place % 4)} {'card' if place % 3 else 'bill'}" for place in range(n)
        ],
        "age": [None if place % 10 == 0 else float(place % 40) for place in range(n)],
        "score": rng.random(n).tolist(),
        "plan": [("free", "paid", None)[place % 3] for place in range(n)],
    }


def conditions(n: int = 200):
    return list_conditions(
        some_rows(n),
        SPEC,
        predicted=["x" if place % 2 else "y" for place in range(n)],
        groups={"sex": ["Female" if place % 5 else None for place in range(n)]},
    )


def test_every_kind_of_condition_is_listed_and_names_its_rows():
    found = {condition.name: condition for condition in conditions()}
    rows = some_rows()
    assert found["word=card"].rows.tolist() == ["card" in text for text in rows["message"]]
    assert found["plan=(missing)"].rows.tolist() == [value is None for value in rows["plan"]]
    assert found["age=(missing)"].rows.tolist() == [value is None for value in rows["age"]]
    assert found["sex=Female"].words == "with sex 'Female'"
    assert found["predicted=x"].words == "predicted 'x'" or found["predicted=x"].words == "predicted x"
    assert found["word=card"].words == "with the word 'card'"
    # Every row has it: that is no condition.
    assert "word=refund" not in found


def test_ranges_of_a_number_split_the_rows_that_have_one():
    for name in ("length", "age", "score"):
        ranges = [c for c in conditions() if c.name.startswith(f"{name}=") and "missing" not in c.name]
        assert len(ranges) >= 2
        met = np.sum([c.rows for c in ranges], axis=0)
        known = np.array([value is not None for value in some_rows()[name if name != "length" else "plan"]])
        assert set(met.tolist()) <= {0, 1}
        if name == "age":
            assert (met == known).all()
        else:
            assert (met == 1).all()


def test_a_range_reads_as_the_values_it_holds():
    names = {c.name: c for c in conditions() if c.name.startswith("length")}
    assert set(names) == {"length=<=2", "length=3", "length=4", "length=>4"}
    assert names["length=>4"].words == "with more than 4 words"


def test_what_too_few_rows_meet_is_no_condition():
    rows = {"message": ["usual words"] * 191 + ["odd words"] * 9}
    found = list_conditions(rows, InputSpec(text="message"), predicted=["x"] * 100 + ["y"] * 100, groups={})
    assert {condition.name for condition in found} == {"predicted=x", "predicted=y"}


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5), st.integers(-3, 3)), min_size=1, max_size=60))
def test_any_column_of_numbers_can_be_cut(values):
    n = len(values)
    found = list_conditions(
        {"x": values * 12}, InputSpec(numbers=("x",)), predicted=["p"] * (12 * n), groups={}
    )
    assert all(10 <= condition.rows.sum() <= 12 * n - 10 for condition in found)
    assert len({condition.name for condition in found}) == len(found)


def test_two_conditions_joined_hold_where_both_do():
    one, other = conditions()[:2]
    both = one.and_also(other)
    assert both.name == f"{one.name} & {other.name}"
    assert both.rows.tolist() == (one.rows & other.rows).tolist()

import numpy as np
import pytest
from tests.models.toys import MIXED, TABLE, toy_rows, toy_workshop

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.errors import InvalidInputError
from smallcraft.models.fewer_columns import without_column, workshop_without


@pytest.mark.parametrize("column", ["age", "amount", "plan", "city"])
def test_rows_without_a_column_are_those_of_a_table_that_never_had_it(column):
    rows = toy_rows(30)
    fewer = InputSpec(
        numbers=tuple(name for name in TABLE.numbers if name != column),
        categories=tuple(name for name in TABLE.categories if name != column),
    )
    left = without_column(read_inputs(rows.columns, TABLE), TABLE, column)
    expected = read_inputs(rows.columns, fewer)
    assert (left.n, left.texts, left.categories) == (expected.n, expected.texts, expected.categories)
    assert np.array_equal(left.numbers, expected.numbers, equal_nan=True)


def test_texts_stay(tmp_path):
    rows = read_inputs(toy_rows(5).columns, MIXED)
    assert without_column(rows, MIXED, "plan").texts == rows.texts


def test_a_workshop_without_a_column_keeps_all_else_and_remembers_apart(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE)
    workshop.once("thing", lambda: "with all columns")
    fewer = workshop_without(workshop, "amount")
    assert fewer.spec == InputSpec(numbers=("age",), categories=("plan", "city"))
    assert fewer.parts[0][1].numbers.shape == (150, 1)
    assert fewer.labels is workshop.labels
    assert fewer.folds is workshop.folds
    assert fewer.once("thing", lambda: "made anew") == "made anew"
    assert fewer.memory.folder.parent == workshop.memory.folder
    assert workshop_without(workshop, "age").memory.folder != fewer.memory.folder
    assert workshop.spec == TABLE


def test_a_column_that_is_no_feature_is_refused(tmp_path):
    workshop = toy_workshop(tmp_path, TABLE)
    with pytest.raises(
        InvalidInputError, match=r"'amont' is not one of the feature columns: age, .* 'amount'\?"
    ):
        workshop_without(workshop, "amont")
    with pytest.raises(InvalidInputError, match="'message' is not one of the feature columns"):
        without_column(read_inputs(toy_rows(5).columns, MIXED), MIXED, "message")

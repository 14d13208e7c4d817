"""Laws of cutting rows by group columns."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.groups import partition_rows

SEX = ["F", "M", None, "M", "F"]
RACE = ["b", "a", "a", "a", "c"]


def test_every_value_is_a_group_a_missing_one_too():
    (sex,) = partition_rows({"sex": SEX}, rows=5)
    assert sex.names == ("sex=(missing)", "sex=F", "sex=M")
    assert [sex.names[code] for code in sex.codes] == ["sex=F", "sex=M", "sex=(missing)", "sex=M", "sex=F"]


def test_two_columns_together_have_the_groups_that_occur():
    *_, both = partition_rows({"sex": SEX, "race": RACE}, rows=5)
    assert both.columns == ("sex", "race")
    assert set(both.names) == {
        "sex=F & race=b",
        "sex=M & race=a",
        "sex=(missing) & race=a",
        "sex=F & race=c",
    }
    assert both.names[both.codes[0]] == "sex=F & race=b"


def test_depth_one_leaves_pairs_out():
    assert len(partition_rows({"sex": SEX, "race": RACE}, rows=5, depth=1)) == 2


def test_of_too_many_pairs_the_largest_stay_and_the_rest_is_counted():
    *_, both = partition_rows({"sex": SEX, "race": RACE}, rows=5, most=1)
    assert (both.names, both.left_out) == (("sex=M & race=a",), 3)
    np.testing.assert_array_equal(both.codes, [-1, 0, -1, 0, -1])
    np.testing.assert_array_equal(both.counts(), [2])


def test_counts_and_sums_are_those_of_each_group():
    (race,) = partition_rows({"race": RACE}, rows=5)
    np.testing.assert_array_equal(race.counts(), [3, 1, 1])
    np.testing.assert_array_equal(race.counts(np.arange(5.0)), [6, 0, 4])


def test_a_column_of_another_length_is_refused():
    with pytest.raises(InvalidInputError, match="'sex' must have one value for each of 4 rows, got 5"):
        partition_rows({"sex": SEX}, rows=4)

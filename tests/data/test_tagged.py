"""What a label column is, is told by its values: several labels, classes, or a number to be predicted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.data.inspect import inspect_file
from smallcraft.data.tagged import find_separator, guess_task


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_labels_that_come_in_several_are_told_from_words(separator):
    several = pl.Series([f"a{separator}b", "a", f"b {separator} c", "c"] * 5)
    guess = guess_task(several, is_number=False, is_list=False)
    assert (guess.task, guess.separator) == ("multilabel", separator)
    assert (
        find_separator(pl.Series(["please, help me with the card today", "thanks, all is well"] * 5)) is None
    )
    assert find_separator(pl.Series(["R|D", "sales"] * 5)) is None


def test_codes_counted_up_are_classes_and_numbers_with_gaps_are_values():
    def task(values) -> str:
        return guess_task(pl.Series([str(v) for v in values]), is_number=True, is_list=False).task

    assert task([0, 1] * 10) == "multiclass"
    assert task(list(range(77)) * 3) == "multiclass"
    assert task(range(17, 90)) == "regression"
    assert task(np.round(np.random.default_rng(0).normal(size=50), 2)) == "regression"


def test_a_file_is_guessed_with_its_task_and_says_why(tmp_path):
    rng = np.random.default_rng(0)
    people = pl.DataFrame(
        {"age": rng.integers(18, 80, 60), "job": ["cook", "pilot"] * 30, "price": rng.normal(size=60)}
    )
    people.write_csv(tmp_path / "people.csv")
    guess = inspect_file(tmp_path / "people.csv", label="price")
    assert (guess.roles.task, guess.metric, guess.roles.features) == ("regression", "rmse", ("age", "job"))
    assert "60 different numbers with a fraction" in guess.task_reason
    assert inspect_file(tmp_path / "people.csv").roles.label == "price"
    tagged = pl.DataFrame(
        {"text": [f"a message about thing {at}" for at in range(30)], "tags": [["a", "b"], ["c"], []] * 10}
    )
    tagged.write_parquet(tmp_path / "tagged.parquet")
    guess = inspect_file(tmp_path / "tagged.parquet")
    assert (guess.roles.label, guess.roles.task) == ("tags", "multilabel")
    assert dict(guess.class_counts) == {"a": 10, "b": 10, "c": 10}

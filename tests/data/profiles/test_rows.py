"""Rows: some of them, and the names that columns must not have."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.data.profiles.rows import AnswerRows, Rows, check_names
from smallcraft.errors import InvalidInputError


def test_taken_rows_have_all_that_belongs_to_rows():
    rows = Rows(
        3,
        numbers={"age": np.array([1.0, 2.0, 3.0])},
        categories={"city": ["a", None, "c"]},
        texts={"message": ["x", "y", "z"]},
        embedding=np.arange(6, dtype=np.float32).reshape(3, 2),
        answers=AnswerRows(
            ["p", None, "q"],
            np.array([0.9, 0.1, 0.8]),
            np.eye(3),
            np.array([True, False, True]),
            task="multilabel",
        ),
        latency_ms=np.array([1.0]),
        failed=1,
    )
    taken = rows.take(np.array([2, 1]))
    assert (taken.n, taken.failed, taken.latency_ms) == (2, 0, None)
    assert taken.numbers["age"].tolist() == [3.0, 2.0]
    assert taken.categories["city"] == ["c", None]
    assert taken.texts["message"] == ["z", "y"]
    assert taken.embedding.tolist() == [[4.0, 5.0], [2.0, 3.0]]
    assert taken.answers.labels == ["q", None]
    assert taken.answers.confidence.tolist() == [0.8, 0.1]
    assert taken.answers.escalated.tolist() == [True, False]
    assert taken.answers.task == "multilabel"
    assert taken.names == ("message", "age", "city")


@pytest.mark.parametrize(
    "name",
    ["message/length", "message/tokens", "embedding/01", "answer/class", "rows/domain", "rows/distance"],
)
def test_column_named_as_what_is_measured_is_refused(name):
    with pytest.raises(InvalidInputError, match=f"got '{name}'; rename it"):
        check_names(["age", name], ["message"])


@pytest.mark.parametrize("name", ["age/length", "answer", "embedding", "message/other"])
def test_other_names_with_a_slash_are_fine(name):
    check_names([name], ["message"])

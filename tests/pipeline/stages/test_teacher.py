"""What a teacher's column may hold, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from smallcraft.errors import DataError
from smallcraft.pipeline.stages.teacher import read_teacher

CLASSES = ("billing", "cards", "other")


def column(*said: str | None) -> pl.Series:
    return pl.Series("llm", said, dtype=pl.String)


def test_a_label_is_certain_and_a_missing_answer_teaches_nothing() -> None:
    found = read_teacher(column("cards", None, "billing"), CLASSES)
    assert found.codes.tolist() == [1, -1, 0]
    assert found.answered == 2
    assert found.probs[0].tolist() == [0.0, 1.0, 0.0]
    assert np.isnan(found.probs[1]).all()


def test_probabilities_are_shared_among_the_known_classes() -> None:
    found = read_teacher(column('{"cards": 0.6, "billing": 0.2, "weather": 0.2}'), CLASSES)
    assert found.probs[0] == pytest.approx([0.25, 0.75, 0.0])


def test_a_label_that_is_no_class_teaches_nothing() -> None:
    found = read_teacher(column("cards", "weather", '{"weather": 1.0}'), CLASSES)
    assert found.codes.tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    "said", ['{"cards": 1.5}', '{"cards": 0.7, "other": 0.7}', '{"cards"', '{"cards": "x"}']
)
def test_what_is_no_probability_is_refused_with_its_row(said: str) -> None:
    with pytest.raises(DataError, match=r"row 2, column 'llm': .*JSON object of numbers"):
        read_teacher(column("cards", said), CLASSES)


def test_a_column_without_a_single_known_label_is_refused() -> None:
    with pytest.raises(DataError, match=r"labels that people gave too.*'card'.*did you mean 'cards'"):
        read_teacher(column("card", None), CLASSES)
    with pytest.raises(DataError, match="it has nothing"):
        read_teacher(column(None, None), CLASSES)

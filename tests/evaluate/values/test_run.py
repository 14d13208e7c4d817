"""An evaluation of numbers has every score, and the errors of each group."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.values.run import evaluate_values, rows_of
from smallcraft.evaluate.values.scores import SCORES
from smallcraft.records import ValuePredictions


def made_up(n: int = 100) -> ValuePredictions:
    truth = np.linspace(0, 10, n)
    return ValuePredictions(("hours",), truth, truth + np.where(np.arange(n) % 2, 1.0, 3.0))


def test_groups_are_slices_with_their_own_errors():
    measured = evaluate_values(made_up(), split="dev", groups={"shift": ["night", "day"] * 50})
    found = {(m.name, m.slice): m.value for m in measured}
    assert {name for name, slice_ in found if slice_ == "all"} == set(SCORES)
    assert found["mae", "shift=day"] == pytest.approx(1.0)
    assert found["rmse", "shift=night"] == pytest.approx(3.0)
    assert {m.split for m in measured} == {"dev"}


def test_no_rows_and_no_numbers_are_refused():
    with pytest.raises(InvalidInputError, match="at least one row"):
        evaluate_values(rows_of(made_up(), np.zeros(100, dtype=bool)), split="dev")
    broken = ValuePredictions(("hours",), np.ones(2), np.array([1.0, np.nan]))
    with pytest.raises(InvalidInputError, match="must be finite"):
        evaluate_values(broken, split="dev")

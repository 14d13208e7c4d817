import numpy as np
import pytest

from smallcraft.evaluate.measuring.losses import measure_losses


def test_a_mean_of_losses_has_a_lower_bound_of_at_least_zero():
    found = measure_losses("log_loss", "nats", np.array([0.0, 0.0, 3.0]), None, confidence=0.95)
    assert found.value == pytest.approx(1.0)
    assert found.low == 0
    assert found.high > 1


def test_one_row_has_a_value_and_no_interval():
    found = measure_losses("brier", "score", np.array([0.5]), None, confidence=0.95)
    assert (found.value, found.low, found.high) == (0.5, None, None)
    assert "fewer than two independent rows" in found.detail

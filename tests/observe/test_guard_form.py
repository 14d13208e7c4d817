"""A guardrail as bytes: it goes on as if it had never been away, and damage is told."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import IntegrityError
from smallcraft.observe.detectors import BUILTIN
from smallcraft.observe.guard_form import guard_bytes, loss_bytes, parse_guard, parse_losses
from smallcraft.observe.guardrail import begin_guard, weigh_window
from smallcraft.observe.harm import HarmBaseline
from smallcraft.observe.harm_guard import begin_losses, weigh_losses
from smallcraft.observe.quantities import Quantity, Reading
from smallcraft.observe.settings import WatchSettings
from smallcraft.stats.sequences.betting import count_losses

HOUR = 3600
SETTINGS = WatchSettings(season="hour_of_day", seed=3)
QUANTITIES = (Quantity("age", "shift"), Quantity("job", "kl"), Quantity("age", "tilt"))


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_saved_after_each_window_it_says_the_same(name):
    detector = BUILTIN[name]
    rng = np.random.default_rng(1)
    straight = saved = begin_guard(QUANTITIES, detector, SETTINGS)
    for at in range(1, 140):
        values = {each: float(rng.normal() + 4 * (at > 120)) for each in QUANTITIES}
        reading = Reading(at * HOUR, at % 24, 100, values)
        first = weigh_window(straight, reading, detector, SETTINGS)
        second = weigh_window(parse_guard(guard_bytes(saved)), reading, detector, SETTINGS)
        assert (first.outcome, first.log_e, first.needs) == (second.outcome, second.log_e, second.needs)
        straight, saved = first.state, second.state
    assert (straight.alarm is None) == (saved.alarm is None)


def test_the_guardrail_of_losses_comes_back():
    state = begin_losses(HarmBaseline(0.1, {"sex=f": 0.2}), log_level=5.0)
    counts = {"all": count_losses(np.array([0.0, 1.0])), "sex=f": count_losses(np.array([1.0]))}
    state = weigh_losses(state, counts, at=4).state
    back = parse_losses(loss_bytes(state))
    assert weigh_losses(back, counts, at=9).log_e == weigh_losses(state, counts, at=9).log_e
    assert (back.groups, back.last_at) == (("all", "sex=f"), 4)


@pytest.mark.parametrize("place", [3, 500, -1])
def test_damaged_bytes_are_refused(place):
    data = bytearray(guard_bytes(begin_guard(QUANTITIES, BUILTIN["conformal"], SETTINGS)))
    data[place] ^= 1
    with pytest.raises(IntegrityError, match="digest"):
        parse_guard(bytes(data))

import numpy as np
import pytest
from tests.serve.rollout.two_arms import CONFIDENT, LATENCY

from smallcraft.serve.rollout import guesses
from smallcraft.serve.rollout.counts import LATENCY_RATIO
from smallcraft.stats.sequences.tilts import smooth_masses

SEEN = np.random.default_rng(0).multinomial(1000, LATENCY)
FAMILIES = {
    "slower": guesses.guess_slower(smooth_masses(SEEN), ratio=LATENCY_RATIO),
    "higher": guesses.guess_higher(smooth_masses(np.random.default_rng(0).multinomial(1000, CONFIDENT))),
    "slower than nothing seen": guesses.guess_slower(smooth_masses(0 * SEEN), ratio=LATENCY_RATIO),
}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_beliefs_add_up_to_one_and_every_guess_rises(family):
    made = FAMILIES[family]
    assert made.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(made.values, axis=1) >= 0).all()
    assert made.values.min() > 0


@pytest.mark.parametrize("name", ["MORE", "COMMONER", "RARER", "LESS", "NOT_RARER"])
def test_ratios_lie_on_one_side_of_one(name):
    made = getattr(guesses, name)
    assert made.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (made.values > 1).all() or (made.values < 1).all()


def growth(canary):
    """Nats for each request of the new arm, of the guess that fits best."""
    made = FAMILIES["slower"]
    said = LATENCY * np.log1p(0.05 * (made.values - 1)) / 0.05
    return (canary * np.log(made.values) - said).sum(axis=1).max()


def test_some_guess_fits_each_way_to_be_slower():
    for times in (1.25, 1.5, 2.0):
        bins = round(np.log(times) / np.log(LATENCY_RATIO))
        moved = np.concatenate([np.zeros(bins), LATENCY[:-bins]])
        assert growth(moved) > 0.02
    begin = int(np.argmax(np.cumsum(LATENCY) >= 0.97))
    stalled = 0.98 * LATENCY
    stalled[begin + 40] += 0.02
    assert growth(stalled) > 0.01
    assert growth(LATENCY) < 0

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.label.measuring import compare_arms, cost_of_a_repair, measure_batch, paired_delta, slope_of

K, ROWS = 4, 400


@pytest.fixture(scope="module")
def corpus():
    """Rows of four heaps; a nearest-middle learner whose training rows depend on the seed."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, 2 * ROWS)
    points = np.eye(K)[truth] + 0.6 * rng.normal(size=(2 * ROWS, K))
    given = np.where(rng.random(ROWS) < 0.45, rng.integers(0, K, ROWS), truth[:ROWS])

    def train(labels, seed):
        drawn = np.random.default_rng(seed).integers(0, ROWS, ROWS)
        drawn = drawn[labels[drawn] >= 0]
        middles = np.stack([points[drawn][labels[drawn] == code].mean(axis=0) for code in range(K)])
        return ((points[ROWS:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)

    return train, given, truth[:ROWS], truth[ROWS:]


def test_repaired_labels_gain_and_the_same_labels_gain_nothing(corpus):
    train, given, clean, frozen = corpus
    told = {"truth": frozen, "seeds": [0, 1, 2, 3]}
    gain = measure_batch(train, before=given, after=clean, **told).overall
    assert gain.value > 0
    assert gain.interval.low < gain.value < gain.interval.high
    same = measure_batch(train, before=given, after=given, **told).overall
    assert same.value == 0
    assert same.interval.low < 0 < same.interval.high
    back = measure_batch(train, before=clean, after=given, **told).overall
    assert back.value == -gain.value


def test_slices_are_measured_on_their_own_rows(corpus):
    train, given, clean, frozen = corpus
    slices = {"class=0": frozen == 0, "nothing": np.zeros(ROWS, dtype=bool)}
    bought = measure_batch(train, before=given, after=clean, truth=frozen, seeds=[0], slices=slices)
    assert [(one.name, one.n) for one in bought.slices] == [("class=0", int((frozen == 0).sum()))]


def test_the_interval_covers_the_gain_on_all_rows_as_often_as_it_says():
    """Frozen rows drawn from many, and a model whose gain varies with the seed."""
    rng = np.random.default_rng(3)
    covered, gain = 0, 0.03
    for _ in range(200):
        of_seed = gain + 0.01 * rng.normal(size=(4, 1))
        was = rng.random((1, 500)) < 0.8
        flips = rng.random((4, 500))
        now = np.where(was, flips > 0.02, flips < (0.02 * 0.8 + of_seed) / 0.2)
        interval = paired_delta(np.repeat(was, 4, axis=0), now, name="all", rows=np.ones(500, bool)).interval
        covered += interval.low <= gain <= interval.high
    # Of 200 at 95 %, fewer than 182 would have a chance below 0.01.
    assert covered >= 182


def test_seeds_that_differ_widen_the_interval():
    was = np.zeros((2, 300), dtype=bool)
    rows = np.ones(300, dtype=bool)
    alike, apart = was.copy(), was.copy()
    alike[:, :20] = True
    apart[0, :40] = True
    one, other = (paired_delta(was, now, name="all", rows=rows) for now in (alike, apart))
    assert one.value == other.value
    assert other.interval.low < one.interval.low


def test_no_seed_no_row_and_answers_for_other_rows_are_refused(corpus):
    train, given, clean, frozen = corpus
    with pytest.raises(InvalidInputError, match="one seed and one frozen row"):
        measure_batch(train, before=given, after=clean, truth=frozen, seeds=[])
    with pytest.raises(InvalidInputError, match="mark a row that was not there with -1"):
        measure_batch(train, before=given[:5], after=clean, truth=frozen, seeds=[0])
    with pytest.raises(InvalidInputError, match="a trainer answers for each frozen row"):
        measure_batch(train, before=given, after=clean, truth=frozen[:7], seeds=[0])


def test_arms_are_compared_by_repairs_a_row():
    found = compare_arms(targeted_changed=60, targeted_rows=80, random_changed=4, random_rows=20)
    assert (found.targeted, found.random) == (0.75, 0.2)
    assert found.difference.low > 0
    assert compare_arms(targeted_changed=0, targeted_rows=0, random_changed=1, random_rows=2).targeted is None


def test_nothing_repaired_has_no_price():
    assert cost_of_a_repair(10, 0) is None


def test_nothing_repaired_has_no_slope(corpus):
    train, given, clean, frozen = corpus
    gain = measure_batch(train, before=given, after=clean, truth=frozen, seeds=[0]).overall
    assert slope_of(gain, 0) is None
    assert slope_of(gain, 10) == pytest.approx(gain.value / 10)

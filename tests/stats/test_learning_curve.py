"""The learning curve: it finds a law it was made from, and its intervals hold what comes."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.stats.learning_curve import fit_learning_curve

SIZES = [1000, 2500, 5000]


def losses_by(law, sizes, *, repeats=3, rows=1500, seed=0, jitter=0.1):
    """0/1 losses of nested difficulty: a row is wrong where its difficulty is below the law."""
    rng = np.random.default_rng(seed)
    difficulty = rng.random(rows)
    return [
        np.stack(
            [(difficulty + jitter * rng.normal(size=rows) < law(n)).astype(float) for _ in range(repeats)]
        )
        for n in sizes
    ]


def fitted(law, sizes=SIZES, *, seed=0, **options):
    return fit_learning_curve(
        sizes, losses_by(law, sizes, seed=seed, **options), rng=np.random.default_rng(seed), draws=400
    )


def test_a_law_without_noise_is_found():
    sizes = [500, 1000, 2000, 4000, 8000]
    exact = [np.full((2, 4000), 0.05 + 3 * n**-0.5) for n in sizes]
    curve = fit_learning_curve(sizes, exact, rng=np.random.default_rng(0))
    told = curve.expect(16_000)
    assert told.value == pytest.approx(0.05 + 3 * 16_000**-0.5, abs=0.004)
    assert told.low <= told.value <= told.high


def test_a_measured_loss_falls_into_its_interval_as_often_as_promised():
    """Over laws and draws; a wrong formula (no noise of rows, or of draws) falls below the bound."""
    hits = []
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        floor, power = rng.uniform(0.0, 0.08), rng.uniform(0.25, 0.7)

        def law(n, floor=floor, power=power):
            return floor + 0.12 * (n / 2500) ** -power

        every = losses_by(law, [*SIZES, 10_000], seed=seed)
        curve = fit_learning_curve(SIZES, every[:3], rng=np.random.default_rng(seed), draws=300)
        told = curve.expect_measured(10_000)
        hits.append(told.low <= every[3][0].mean() <= told.high)
    assert np.mean(hits) >= 0.9


def test_intervals_widen_as_they_look_ahead_and_more_rows_never_hurt():
    curve = fitted(lambda n: 0.04 + 2 * n**-0.4)
    ahead = [curve.expect(n) for n in (5000, 10_000, 40_000)]
    assert [p.value for p in ahead] == sorted((p.value for p in ahead), reverse=True)
    gains = [curve.expect_gain(5000, n) for n in (10_000, 40_000)]
    widths = [gain.high - gain.low for gain in gains]
    assert widths[0] < widths[1]
    assert all(gain.low >= 0 for gain in gains)


def test_a_loss_that_does_not_fall_promises_next_to_nothing():
    gain = fitted(lambda _: 0.2).expect_gain(5000, 10_000)
    assert gain.low == pytest.approx(0, abs=1e-3)
    assert gain.high < 0.03


def test_two_sizes_are_enough_and_say_less_than_three():
    def law(n):
        return 0.03 + 2.5 * n**-0.4

    three = fitted(law, [1250, 2500, 5000]).expect(20_000)
    two = fitted(law, [2500, 5000]).expect(20_000)
    assert two.high - two.low > three.high - three.low


def test_on_the_same_rows_less_is_open_than_on_others():
    curve = fitted(lambda n: 2 * n**-0.35, jitter=0.01)
    same, others = curve.expect_measured(10_000), curve.expect(10_000)
    assert same.high - same.low < others.high - others.low


def test_rows_that_belong_together_widen_the_interval():
    alone = losses_by(lambda n: 2 * n**-0.35, SIZES, rows=300)
    copied = [np.repeat(found, 5, axis=1) for found in alone]
    together = np.repeat(np.arange(300), 5)
    rng = np.random.default_rng
    plain = fit_learning_curve(SIZES, copied, rng=rng(0)).points[-1]
    grouped = fit_learning_curve(SIZES, copied, rng=rng(0), clusters=together).points[-1]
    assert grouped.high - grouped.low > 1.5 * (plain.high - plain.low)


def test_points_tell_the_mean_and_contain_it():
    losses = losses_by(lambda n: 2 * n**-0.35, SIZES)
    curve = fit_learning_curve(SIZES, losses, rng=np.random.default_rng(0))
    for point, found in zip(curve.points, losses, strict=True):
        assert point.value == pytest.approx(found.mean())
        assert point.low <= point.value <= point.high


def test_without_repeats_the_spread_of_draws_is_not_measured():
    curve = fitted(lambda n: 2 * n**-0.35, repeats=1)
    assert curve.draw_spread is None
    assert curve.expect_measured(9000).low < curve.expect_measured(9000).high


def test_no_errors_at_all_is_a_curve_too():
    curve = fit_learning_curve([10, 20], [np.zeros((2, 50))] * 2, rng=np.random.default_rng(0))
    assert curve.expect(40).high <= 0.02


def test_the_same_seed_gives_the_same_numbers():
    one, two = (fitted(lambda n: 2 * n**-0.35, seed=3).expect(9000) for _ in range(2))
    assert one == two


@pytest.mark.parametrize(
    ("sizes", "losses", "level", "message"),
    [
        ([10], [np.zeros((1, 5))], 0.95, "two rising sizes or more, got sizes \\[10\\]"),
        ([20, 10], [np.zeros((1, 5))] * 2, 0.95, "rising sizes"),
        ([10, 20], [np.zeros((1, 5)), np.zeros((1, 4))], 0.95, "same rows"),
        ([10, 20], [np.zeros((1, 5)), np.zeros((0, 5))], 0.95, "same rows"),
        ([10, 20], [np.zeros((1, 5)), np.full((1, 5), np.nan)], 0.95, "finite and at least 0"),
        ([10, 20], [np.zeros((1, 5))] * 2, 95, "write 0.95 for 95%"),
    ],
)
def test_what_is_no_curve_is_refused(sizes, losses, level, message):
    with pytest.raises(InvalidInputError, match=message):
        fit_learning_curve(sizes, losses, rng=np.random.default_rng(0), level=level)

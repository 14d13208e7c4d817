"""Stratified audits: exact designs, unbiased shares, and intervals that cover in simulation."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from smallcraft.errors import InvalidInputError
from smallcraft.stats.intervals import wilson_interval
from smallcraft.stats.stratified import (
    BORROWED_LABELS,
    STRATA,
    allocate,
    draw_sample,
    estimate_by_class,
    estimate_difference,
    estimate_share,
    stratum_of,
)

AUDITS = 400


# --- strata, allocation, draws ---------------------------------------------------------


def test_scores_at_a_cut_belong_to_the_stratum_above():
    scores = np.array([0.0, 0.49999, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0])
    assert stratum_of(scores).tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 6]


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(InvalidInputError, match="row 1 has none"):
        stratum_of(np.array([0.5, np.nan]))


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 3000), min_size=STRATA, max_size=STRATA).filter(lambda s: sum(s) > 0),
    guesses=st.lists(st.floats(0, 1), min_size=STRATA, max_size=STRATA),
    n=st.integers(STRATA, 4000),
    neyman=st.floats(0, 1),
)
def test_an_allocation_draws_exactly_n_or_all_and_never_skips_a_stratum(sizes, guesses, n, neyman):
    rows = np.array(sizes)
    taken = allocate(rows, np.array(guesses), n, neyman=neyman)
    assert taken.sum() == min(n, rows.sum())
    assert np.all(taken <= rows)
    assert np.all(taken >= np.minimum(rows, min(5, n // np.count_nonzero(rows))))


def test_neyman_takes_most_where_size_times_spread_is_largest():
    sizes = np.array([1000, 1000, 8000])
    taken = allocate(sizes, np.array([0.5, 0.1, 0.01]), 1000, neyman=1.0, least=0)
    spread = sizes * np.sqrt(np.array([0.25, 0.09, 0.0099]))
    assert np.abs(taken - 1000 * spread / spread.sum()).max() <= 1


def test_without_a_guess_the_allocation_is_proportional():
    sizes = np.array([100, 300, 600])
    assert allocate(sizes, np.full(3, 0.5), 100).tolist() == [10, 30, 60]
    assert allocate(sizes, np.array([0.5, 0.0, 0.0]), 100, neyman=0.0).tolist() == [10, 30, 60]
    assert allocate(sizes, np.zeros(3), 100).tolist() == [10, 30, 60]


def test_an_audit_of_fewer_rows_than_strata_is_refused():
    with pytest.raises(InvalidInputError, match="at least one row of each of the 7 strata, got 6"):
        allocate(np.full(7, 50), np.full(7, 0.1), 6)


def test_an_audit_of_no_rows_is_refused():
    with pytest.raises(InvalidInputError, match="needs rows"):
        allocate(np.zeros(7, dtype=int), np.full(7, 0.1), 6)


def test_a_guess_given_as_a_percent_is_refused():
    with pytest.raises(InvalidInputError, match=r"must be in \[0, 1\]"):
        allocate(np.full(2, 50), np.array([0.1, 4.0]), 20)


def test_a_draw_takes_what_was_allocated_without_repeats():
    strata = np.random.default_rng(0).integers(0, STRATA, 500)
    taken = np.array([3, 0, 5, 1, 7, 2, 4])
    rows = draw_sample(strata, taken, np.random.default_rng(1))
    assert np.bincount(strata[rows], minlength=STRATA).tolist() == taken.tolist()
    assert np.all(np.diff(rows) > 0)
    assert rows.tolist() == draw_sample(strata, taken, np.random.default_rng(1)).tolist()


def test_drawing_more_than_there_are_is_refused():
    with pytest.raises(InvalidInputError, match="stratum 1 has 1 rows, got 2"):
        draw_sample(np.array([0, 0, 1]), np.array([1, 2]), np.random.default_rng(0))


# --- one estimate ----------------------------------------------------------------------


def sample_of(*cells: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of each stratum as `(right, wrong)`."""
    right = np.concatenate([np.repeat([True, False], cell) for cell in cells])
    strata = np.concatenate([np.full(sum(cell), at) for at, cell in enumerate(cells)])
    return right, strata


def test_the_value_weighs_each_stratum_by_its_size():
    right, strata = sample_of((1, 3), (9, 1))
    estimate = estimate_share(right, strata, np.array([100, 900]))
    assert estimate.value == pytest.approx(0.1 * 0.25 + 0.9 * 0.9)


def test_a_full_audit_is_a_point():
    right, strata = sample_of((1, 3), (9, 1))
    estimate = estimate_share(right, strata, np.array([4, 10]))
    assert (estimate.value, estimate.low, estimate.high) == (10 / 14,) * 3
    assert estimate.effective_n == 14


def test_when_all_was_right_the_interval_is_no_point_and_reaches_as_far_as_a_random_audits():
    cells = [(40, 0)] * 5
    right, strata = sample_of(*cells)
    estimate = estimate_share(right, strata, np.full(5, 100_000))
    assert estimate.value == estimate.high == 1.0
    assert estimate.low == pytest.approx(wilson_interval(200, 200).low, abs=0.0005)
    assert estimate.effective_n == pytest.approx(200, rel=0.02)


def test_strata_audited_in_full_add_no_width():
    right, strata = sample_of((5, 5), (40, 2))
    alone = estimate_share(right, strata, np.array([10, 5000]))
    many = estimate_share(right, strata, np.array([5000, 5000]))
    swapped = estimate_share(*sample_of((9, 1), (40, 2)), np.array([10, 5000]))
    assert alone.high - alone.low < many.high - many.low
    # what the full stratum held moves the value by exactly its rows
    assert swapped.value - alone.value == pytest.approx(4 / 5010)


def test_one_stratum_audited_at_random_is_wilsons_interval():
    right, strata = sample_of((90, 10))
    estimate = estimate_share(right, strata, np.array([10**7]))
    plain = wilson_interval(90, 100)
    assert estimate.low == pytest.approx(plain.low, abs=0.005)
    assert estimate.high == pytest.approx(plain.high, abs=0.005)
    assert estimate.effective_n == pytest.approx(100, rel=0.1)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_bounds_contain_the_value_and_agree_with_what_was_seen(data):
    cells, sizes = [], []
    for _ in range(data.draw(st.integers(1, STRATA))):
        cell = (data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20)))
        extra = data.draw(st.integers(0, 400))
        if sum(cell) == 0:
            cell, extra = (0, 0), 0
        cells.append(cell)
        sizes.append(sum(cell) + extra)
    if sum(sizes) == 0:
        return
    right, strata = sample_of(*cells)
    level = data.draw(st.floats(0.5, 0.999))
    estimate = estimate_share(right, strata.astype(np.int64), np.array(sizes), confidence=level)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low >= right.sum() / sum(sizes) - 1e-12
    assert estimate.high <= 1 - (~right).sum() / sum(sizes) + 1e-12
    assert 0 <= estimate.effective_n <= sum(sizes)
    assert (estimate.low == estimate.high) == (len(right) == sum(sizes))


def test_more_confidence_is_a_wider_interval():
    right, strata = sample_of((5, 5), (40, 2))
    ninety, most = (
        estimate_share(right, strata, np.array([100, 5000]), confidence=level) for level in (0.9, 0.99)
    )
    assert most.low < ninety.low < ninety.high < most.high


def test_a_stratum_that_nobody_looked_at_is_refused_with_its_rows():
    right, strata = sample_of((5, 5))
    with pytest.raises(InvalidInputError, match="1,200 rows lie in strata of which none was audited"):
        estimate_share(right, strata, np.array([100, 1200]))


def test_more_audited_rows_than_there_are_is_refused():
    right, strata = sample_of((5, 5))
    with pytest.raises(InvalidInputError, match="more rows were audited than there are"):
        estimate_share(right, strata, np.array([9]))


def test_confidence_given_as_a_percent_is_refused_with_the_remedy():
    right, strata = sample_of((5, 5))
    with pytest.raises(InvalidInputError, match=r"write 0\.95"):
        estimate_share(right, strata, np.array([100]), confidence=95)


# --- simulated audits with known truth --------------------------------------------------


@dataclass(frozen=True)
class World:
    """A labelled population with a model's scores."""

    name: str
    right: np.ndarray
    strata: np.ndarray
    guesses: np.ndarray
    given: np.ndarray
    classes: int

    @property
    def sizes(self):
        return np.bincount(self.strata, minlength=STRATA)

    @property
    def right_sizes(self):
        return np.bincount(self.strata, weights=self.right, minlength=STRATA).astype(int)

    @property
    def truth(self):
        return float(self.right.mean())


def make_world(
    accuracy: float,
    error: float,
    *,
    temperature: float,
    noise: str,
    rows: int = 10_000,
    classes: int = 10,
    seed: int = 0,
) -> World:
    """Probabilities that are right as often as they say, then sharpened; labels flipped on purpose.

    `noise`: `any` label to any other; `confusable` ones to the model's runner-up, where it is unsure; `blind`
    as `any`, with the scores then shuffled over rows, so that they say nothing.
    """
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(rows, classes))
    low, high = 0.1, 60.0
    for _ in range(40):
        scale = (low * high) ** 0.5
        sure = float(special.softmax(directions * scale, axis=1).max(axis=1).mean())
        low, high = (scale, high) if sure < accuracy else (low, scale)
    logits = directions * scale
    truth = np.argmax(logits + rng.gumbel(size=(rows, classes)), axis=1)
    probs = special.softmax(logits, axis=1)
    count = round(error * rows)
    doubt = 1.02 - probs.max(axis=1)
    flipped = rng.choice(rows, count, replace=False, p=doubt / doubt.sum() if noise == "confusable" else None)
    given = truth.copy()
    if noise == "confusable":
        others = probs[flipped]
        others[np.arange(count), truth[flipped]] = 0
        given[flipped] = others.argmax(axis=1)
    else:
        given[flipped] = (truth[flipped] + rng.integers(1, classes, count)) % classes
    scores = special.softmax(logits / temperature, axis=1)[np.arange(rows), given]
    if noise == "blind":
        scores = rng.permutation(scores)
    strata = stratum_of(scores)
    guesses = np.bincount(strata, weights=1 - scores, minlength=STRATA) / np.maximum(
        np.bincount(strata, minlength=STRATA), 1
    )
    name = f"accuracy {accuracy} error {error} temperature {temperature} {noise}"
    return World(name, given == truth, strata, np.clip(guesses, 0.01, 0.5), given, classes)


@dataclass(frozen=True)
class Run:
    """What many audits of one world did."""

    coverage: float
    width_ratio: float
    bias_in_errors: float


def run_audits(world: World, n: int, *, audits: int = AUDITS, seed: int = 7) -> Run:
    """Audits drawn stratum by stratum: the counts of a draw without replacement are hypergeometric."""
    rng = np.random.default_rng(seed)
    sizes, right = world.sizes, world.right_sizes
    taken = allocate(sizes, world.guesses, n)
    strata = np.repeat(np.arange(STRATA), taken)
    place = np.concatenate([np.arange(count) for count in taken])
    hits = np.stack([rng.hypergeometric(right, sizes - right, taken) for _ in range(audits)])
    estimates = [estimate_share(place < hits[at][strata], strata, sizes) for at in range(audits)]
    truth, rows = world.truth, len(world.right)
    random_hits = rng.hypergeometric(round(truth * rows), rows - round(truth * rows), n, audits)
    plain = [wilson_interval(int(count), n) for count in random_hits]
    values = np.array([estimate.value for estimate in estimates])
    return Run(
        coverage=float(np.mean([e.low <= truth <= e.high for e in estimates])),
        width_ratio=float(
            np.mean([e.high - e.low for e in estimates]) / np.mean([i.high - i.low for i in plain])
        ),
        bias_in_errors=float((values.mean() - truth) / (values.std() / np.sqrt(audits))),
    )


REGIMES = [
    (accuracy, error, temperature, noise)
    for accuracy in (0.8, 0.95, 0.99)
    for error in (0.01, 0.04, 0.1)
    for temperature in (0.4, 1.0, 2.0)
    for noise in ("any", "confusable")
]


@pytest.mark.slow
@pytest.mark.parametrize("n", [120, 300])
def test_audits_cover_the_truth_at_least_93_times_in_100_and_are_unbiased(n):
    runs = {}
    for accuracy, error, temperature, noise in REGIMES:
        world = make_world(accuracy, error, temperature=temperature, noise=noise)
        runs[world.name] = run_audits(world, n)
    assert {name: run.coverage for name, run in runs.items() if run.coverage < 0.93} == {}
    # 54 regimes: the largest of so many standard errors stays below 3.9 in 995 of 1,000 suites
    assert max(abs(run.bias_in_errors) for run in runs.values()) < 3.9
    assert abs(np.mean([run.bias_in_errors for run in runs.values()])) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("n", [120, 300])
def test_scores_that_say_nothing_cost_width_and_not_the_truth(n):
    worlds = [
        make_world(accuracy, error, temperature=1.0, noise="blind")
        for accuracy in (0.8, 0.99)
        for error in (0.01, 0.04, 0.1)
    ]
    runs = [run_audits(world, n, audits=1000) for world in worlds]
    # Wilson's own interval covers 93 % at such shares; plain Jeffreys strata cover 88 % here
    assert min(run.coverage for run in runs) >= 0.92
    assert max(run.width_ratio for run in runs) < 1.3


@pytest.mark.parametrize("error", [0.04, 0.1])
@pytest.mark.parametrize("noise", ["any", "confusable"])
def test_with_a_good_model_an_audit_is_at_most_0_65_as_wide_as_a_random_one(error, noise):
    world = make_world(0.95, error, temperature=1.0, noise=noise)
    assert run_audits(world, 300, audits=100).width_ratio <= 0.65


def test_a_small_audit_of_a_small_split_covers_too():
    world = make_world(0.9, 0.05, temperature=1.0, noise="any", rows=400)
    for n in (35, 120):
        run = run_audits(world, n)
        assert run.coverage >= 0.93
        assert abs(run.bias_in_errors) < 3.5


def test_the_whole_path_from_scores_to_share_is_unbiased():
    world = make_world(0.9, 0.08, temperature=0.5, noise="any", rows=3000)
    taken = allocate(world.sizes, world.guesses, 100)
    values = []
    for seed in range(300):
        rows = draw_sample(world.strata, taken, np.random.default_rng(seed))
        values.append(estimate_share(world.right[rows], world.strata[rows], world.sizes).value)
    assert abs(np.mean(values) - world.truth) < 3 * np.std(values) / np.sqrt(len(values))
    # the plain share of the audited rows is far off: most were drawn where labels are wrong
    assert world.right[rows].mean() < world.truth - 0.05


@pytest.mark.realdata
@pytest.mark.parametrize("n", [120, 300])
def test_audits_of_a_real_test_set_cover_the_share_that_five_people_found(shared_data, n):
    folder = shared_data / "label_errors"
    probs = np.load(folder / "cifar10_test_set_pyx.npy").astype(np.float64)
    given = np.load(folder / "cifar10_test_set_original_labels.npy")
    right = np.ones(len(given), dtype=bool)
    # rows that no person looked at are taken for right, so the truth is this list's, not the world's
    for item in json.loads((folder / "cifar10_mturk.json").read_text("utf-8")):
        right[item["id"]] = item["mturk"]["given"] >= 3
    scores = np.clip(probs[np.arange(len(given)), given], 0, 1)
    strata = stratum_of(scores)
    doubt = np.bincount(strata, weights=1 - scores, minlength=STRATA) / np.bincount(strata)
    run = run_audits(World("cifar10", right, strata, np.clip(doubt, 0.01, 0.5), given, 10), n)
    assert run.coverage >= 0.93
    assert abs(run.bias_in_errors) < 3.5
    assert run.width_ratio < 1.05


# --- by class --------------------------------------------------------------------------


def class_table(world: World) -> np.ndarray:
    table = np.zeros((world.classes, STRATA), dtype=np.int64)
    np.add.at(table, (world.given, world.strata), 1)
    return table


def test_a_class_nobody_audited_has_no_estimate():
    right, strata = sample_of((5, 1))
    one, other = estimate_by_class(right, strata, np.zeros(6, np.int64), np.array([[50], [50]]))
    assert one is not None
    assert one.n == 6
    assert other is None


def test_a_class_is_drawn_toward_its_stratum_by_the_stated_labels():
    right, strata = sample_of((17, 3))
    codes = np.array([0] * 15 + [1, 1] + [1, 1, 1])  # class 1: two right, three wrong
    sizes = np.array([[10**9], [10**9]])
    whole = (17 + 0.5) / (20 + 1)
    estimate = estimate_by_class(right, strata, codes, sizes)[1]
    assert estimate is not None
    assert estimate.value == pytest.approx((2 + BORROWED_LABELS * whole) / (5 + BORROWED_LABELS), abs=1e-6)
    assert estimate.low < 2 / 5 < estimate.value < whole


def test_a_class_audited_in_full_is_a_point():
    right, strata = sample_of((3, 1))
    estimate = estimate_by_class(right, strata, np.array([0, 0, 1, 1]), np.array([[2], [900]]))[0]
    assert estimate is not None
    assert estimate.low == estimate.value == estimate.high == 1.0


def test_more_audited_rows_of_a_class_than_it_has_are_refused():
    right, strata = sample_of((3, 1))
    with pytest.raises(InvalidInputError, match="more rows of class 1 were audited"):
        estimate_by_class(right, strata, np.array([0, 0, 1, 1]), np.array([[9], [1]]))


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["any", "confusable"])
def test_class_intervals_cover_on_average_and_shrinkage_beats_the_class_alone(noise):
    covered, shrunk, alone = [], [], []
    world = make_world(0.92, 0.06, temperature=1.0, noise=noise)
    right = world.right
    truth = np.array([right[world.given == code].mean() for code in range(world.classes)])
    table = class_table(world)
    taken = allocate(world.sizes, world.guesses, 300)
    for seed in range(150):
        rows = draw_sample(world.strata, taken, np.random.default_rng(seed))
        estimates = estimate_by_class(right[rows], world.strata[rows], world.given[rows], table)
        for code, estimate in enumerate(estimates):
            if estimate is None:
                continue
            covered.append(estimate.low <= truth[code] <= estimate.high)
            shrunk.append(abs(estimate.value - truth[code]))
            weights = (world.sizes / taken)[world.strata[rows]] * (world.given[rows] == code)
            alone.append(abs(float(weights @ right[rows] / weights.sum()) - truth[code]))
    assert np.mean(covered) >= 0.93
    assert np.mean(shrunk) < np.mean(alone)


# --- two versions ----------------------------------------------------------------------


def test_nothing_changed_is_a_difference_of_zero_with_room_on_both_sides():
    right, strata = sample_of((5, 5), (40, 2))
    difference = estimate_difference(right, right, strata, np.array([300, 4000]))
    assert difference.value == 0
    assert difference.interval.low < 0 < difference.interval.high


def test_swapping_versions_mirrors_the_difference():
    before, strata = sample_of((5, 5), (40, 2))
    after = before.copy()
    after[[7, 8, 51]] = True
    sizes = np.array([300, 4000])
    forth = estimate_difference(before, after, strata, sizes)
    back = estimate_difference(after, before, strata, sizes)
    assert forth.value == pytest.approx((300 * 0.2 + 4000 / 42) / 4300)
    assert forth.value == pytest.approx(-back.value)
    assert forth.interval.low == pytest.approx(-back.interval.high)


def test_a_difference_over_every_row_is_a_point():
    before, strata = sample_of((5, 5))
    after = np.ones(10, dtype=bool)
    difference = estimate_difference(before, after, strata, np.array([10]))
    assert (difference.value, difference.interval.low, difference.interval.high) == (0.5, 0.5, 0.5)


def test_the_interval_of_a_difference_covers_the_true_one():
    world = make_world(0.95, 0.06, temperature=1.0, noise="any")
    rng = np.random.default_rng(3)
    # a relabelling that mends half of the errors and breaks a few labels
    after = world.right | (rng.random(len(world.right)) < 0.5)
    after &= rng.random(len(world.right)) > 0.004
    truth = after.mean() - world.right.mean()
    taken = allocate(world.sizes, world.guesses, 200)
    covered = []
    for seed in range(AUDITS):
        rows = draw_sample(world.strata, taken, np.random.default_rng(seed))
        difference = estimate_difference(world.right[rows], after[rows], world.strata[rows], world.sizes)
        covered.append(difference.interval.low <= truth <= difference.interval.high)
    assert np.mean(covered) >= 0.93

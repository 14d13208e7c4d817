"""Laws of neighbours by cosine: nothing below the bound, nothing missed above it, whatever the rows are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smallcraft.errors import InvalidInputError
from smallcraft.stats import neighbours
from smallcraft.stats.kernels.neighbours import plain_pairs
from smallcraft.stats.neighbours import cosine_pairs, cosines_of, nearest

few_rows = arrays(
    np.float32, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(-3, 3).map(float)
)


def clusters(n: int, d: int, *, spread: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(20, d))
    return (centres[rng.integers(0, 20, n)] + spread * rng.normal(size=(n, d))).astype(np.float32)


def with_copies(rows: np.ndarray, *, cosine: float, copies: int, seed: int) -> np.ndarray:
    """The last `copies` rows are turned away from the first ones to exactly this cosine."""
    rng = np.random.default_rng(seed)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    away = rng.normal(size=(copies, rows.shape[1]))
    away -= (away * unit[:copies]).sum(1, keepdims=True) * unit[:copies]
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    unit[-copies:] = cosine * unit[:copies] + np.sqrt(1 - cosine**2) * away
    return unit.astype(np.float32)


def as_set(first: np.ndarray, second: np.ndarray) -> set[tuple[int, int]]:
    return set(zip(first.tolist(), second.tolist(), strict=True))


def hashed(monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "_BRUTE_UP_TO", 0)
    monkeypatch.setattr(neighbours, "_MULTIPLY_S", 1.0)


@given(few_rows, st.sampled_from([0.5, 0.9, 1.0]))
def test_few_rows_are_all_compared(rows, least):
    found = cosine_pairs(rows, least=least)
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    kept = np.flatnonzero(norms > 0)
    keys = [row.tobytes() for row in rows]
    first_equal = {key: keys.index(key) for key in keys}
    stand_in = np.array([first_equal[key] for key in keys])
    unit = rows[kept].astype(np.float64) / norms[kept, None]
    wanted = set()
    for at, one in enumerate(kept.tolist()):
        for then in range(at + 1, len(kept)):
            other = int(kept[then])
            near = unit[at] @ unit[then] >= least - 1e-12
            if stand_in[other] == one or (near and stand_in[one] == one and stand_in[other] == other):
                wanted.add((one, other))
    exactly = {
        pair for pair in wanted if cosines_of(rows, *(np.array([at]) for at in pair))[0] > least + 1e-9
    }
    got = as_set(found.first, found.second)
    assert got <= wanted
    assert exactly <= got


@pytest.mark.parametrize("least", [0.9, 0.97, 0.99])
@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_hashing_finds_what_comparing_everything_finds(monkeypatch, least, spread):
    rows = with_copies(clusters(4_000, 48, spread=spread, seed=1), cosine=0.992, copies=400, seed=2)
    norms = np.linalg.norm(rows.astype(np.float64), axis=1)
    monkeypatch.setattr(neighbours, "PAIR_BUDGET", 10**9)
    monkeypatch.setattr(neighbours, "_PAIRS_A_ROW", 10**9)
    hashed(monkeypatch)
    found = cosine_pairs(rows, least=least)
    searched = neighbours._Rows(rows, norms, np.arange(len(rows)))
    plan = neighbours._plan(searched, least, 1e-6, np.random.default_rng(0))
    assert plan.tables > 0
    assert as_set(found.first, found.second) == as_set(*plain_pairs(rows, norms, least))
    assert found.is_complete


def test_pairs_just_above_the_bound_are_missed_as_rarely_as_stated(monkeypatch):
    """Of 2,000 planted pairs one in twenty may be missed, about 100; a wrong formula loses more."""
    hashed(monkeypatch)
    rng = np.random.default_rng(3)
    rows = with_copies(rng.normal(size=(4_000, 64)), cosine=0.9501, copies=2_000, seed=4)
    loose = cosine_pairs(rows, least=0.95, miss=0.05, seed=5)
    strict = cosine_pairs(rows, least=0.95, seed=5)
    assert len(strict.first) == 2_000
    assert 1_860 <= len(loose.first) <= 1_999


def test_equal_seeds_give_equal_pairs_and_no_pair_is_below_the_bound():
    rows = clusters(5_000, 24, spread=0.15, seed=6)
    one, other = cosine_pairs(rows, least=0.98, seed=1), cosine_pairs(rows, least=0.98, seed=1)
    assert np.array_equal(one.first, other.first)
    assert np.array_equal(one.cosine, other.cosine)
    assert (one.cosine >= 0.98).all()
    assert (one.first < one.second).all()


def test_scaling_a_row_changes_nothing():
    rows = with_copies(clusters(3_500, 32, spread=1.0, seed=7), cosine=0.99, copies=300, seed=8)
    scaled = rows * np.float32(2.0) ** np.random.default_rng(9).integers(-20, 20, (3_500, 1)).astype(
        np.float32
    )
    plain, other = cosine_pairs(rows, least=0.98), cosine_pairs(scaled, least=0.98)
    assert as_set(plain.first, plain.second) == as_set(other.first, other.second)
    assert np.allclose(plain.cosine, other.cosine, atol=1e-12)


def test_of_equal_rows_the_first_stands_for_all():
    rows = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0.999, 0.001]], dtype=np.float32)
    found = cosine_pairs(rows, least=0.9)
    assert as_set(found.first, found.second) == {(0, 2), (0, 3), (0, 4)}


def test_across_sides_every_row_of_the_higher_side_is_paired_with_the_first_of_the_lower():
    rows = np.array([[1, 0], [1, 0], [0, 1], [1, 0], [1, 0], [0, -1]], dtype=np.float32)
    found = cosine_pairs(rows, least=0.9, sides=np.array([0, 0, 0, 1, 1, 1]))
    assert as_set(found.first, found.second) == {(0, 3), (0, 4)}
    turned = cosine_pairs(rows, least=0.9, sides=np.array([1, 1, 0, 0, 0, 1]))
    assert as_set(turned.first, turned.second) == {(3, 0), (3, 1)}


def test_across_sides_are_the_pairs_of_different_sides():
    rows = with_copies(clusters(3_600, 32, spread=1.0, seed=10), cosine=0.99, copies=600, seed=11)
    sides = np.random.default_rng(12).integers(0, 3, len(rows))
    every, across = cosine_pairs(rows, least=0.98), cosine_pairs(rows, least=0.98, sides=sides)
    wanted = {
        (one, other) if sides[one] < sides[other] else (other, one)
        for one, other in as_set(every.first, every.second)
        if sides[one] != sides[other]
    }
    assert len(wanted) > 200
    assert as_set(across.first, across.second) == wanted


def test_many_equal_rows_cost_a_pair_each():
    rows = np.ones((20_000, 8), dtype=np.float32)
    found = cosine_pairs(rows, least=0.99)
    assert (found.first == 0).all()
    assert found.second.tolist() == list(range(1, 20_000))
    assert found.is_complete


def test_a_dense_cluster_is_cut_short_says_so_and_hides_nothing_else(monkeypatch):
    monkeypatch.setattr(neighbours, "_PAIRS_A_ROW", 50)
    rng = np.random.default_rng(13)
    dense = rng.normal(size=16) + 0.001 * rng.normal(size=(6_000, 16))
    sparse = with_copies(rng.normal(size=(1_000, 16)), cosine=0.996, copies=200, seed=14)
    rows = np.concatenate([dense, sparse]).astype(np.float32)
    found = cosine_pairs(rows, least=0.995)
    assert not found.is_complete
    assert len(found.first) <= 50 * len(rows)
    pairs = as_set(found.first, found.second)
    assert all((6_000 + at, 6_800 + at) in pairs for at in range(200))
    assert set(range(6_000)) <= set(found.first.tolist()) | set(found.second.tolist())


def test_past_the_budget_of_meetings_pairs_are_true_and_incomplete(monkeypatch):
    rows = with_copies(clusters(4_000, 32, spread=0.5, seed=15), cosine=0.99, copies=400, seed=16)
    hashed(monkeypatch)
    whole = cosine_pairs(rows, least=0.98)
    monkeypatch.setattr(neighbours, "MEETING_BUDGET", 20_000)
    some = cosine_pairs(rows, least=0.98)
    assert not some.is_complete
    assert as_set(some.first, some.second) < as_set(whole.first, whole.second)


@pytest.mark.parametrize("rows", [np.empty((0, 4)), np.zeros((5, 4)), np.ones((1, 4))])
def test_no_rows_zero_rows_and_a_row_alone_have_no_pairs(rows):
    assert len(cosine_pairs(rows.astype(np.float32), least=0.5).first) == 0
    assert len(cosine_pairs(rows.astype(np.float32), least=0.5, sides=np.arange(len(rows))).first) == 0


@pytest.mark.parametrize(
    ("rows", "ask", "message"),
    [
        (np.ones((2, 2)), {"least": 0.0}, r"least must be a cosine in \(0, 1\]"),
        (np.ones((2, 2)), {"least": 95}, r"least must be a cosine in \(0, 1\]"),
        (np.ones((2, 2)), {"least": 0.9, "miss": 0.0}, "miss must be a fraction"),
        (
            np.ones((2, 2)),
            {"least": 0.9, "sides": np.zeros(3, dtype=np.int64)},
            "one side a row, got 3 for 2",
        ),
        (np.ones(2), {"least": 0.9}, r"an \(n, d\) matrix"),
        (np.array([[1.0, 0.0], [np.nan, 1.0]]), {"least": 0.9}, "row 1 of the vectors .* not finite"),
    ],
)
def test_what_cannot_be_searched_is_refused(rows, ask, message):
    with pytest.raises(InvalidInputError, match=message):
        cosine_pairs(rows.astype(np.float32), **ask)


@pytest.mark.parametrize(("k", "exclude_self"), [(1, False), (4, False), (4, True), (60, True)])
def test_the_nearest_agree_with_sorting_everything(monkeypatch, k, exclude_self):
    monkeypatch.setattr(neighbours, "_QUERIES", 7)
    monkeypatch.setattr(neighbours, "_POOL", 11)
    rows = clusters(50, 8, spread=0.7, seed=17)
    rows[9] = 0
    unit = rows.astype(np.float64) / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    cosines = unit @ unit.T
    cosines[:, 9] = -2
    if exclude_self:
        np.fill_diagonal(cosines, -2)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    found = nearest(rows, rows, k=k, exclude_self=exclude_self)
    known = [row for row in range(50) if row != 9]
    wanted = np.where(np.take_along_axis(cosines, order, axis=1) > -2, order, -1)
    assert np.array_equal(found.rows[known, : wanted.shape[1]], wanted[known])
    assert (found.rows[9] == -1).all()
    assert np.isnan(found.cosine[found.rows < 0]).all()
    for place in range(min(k, 4)):
        assert np.allclose(found.cosine[known, place], cosines[known, found.rows[known, place]], atol=1e-6)


def test_on_a_tie_the_earlier_row_is_nearer():
    rows = np.array([[2, 0], [1, 0], [0, 1], [3, 0]], dtype=np.float32)
    assert nearest(rows[:1], rows, k=4).rows.tolist() == [[0, 1, 3, 2]]


@pytest.mark.parametrize(
    ("queries", "ask"),
    [
        (np.ones((2, 3)), {"k": 1}),
        (np.ones((2, 2)), {"k": 0}),
        (np.ones((3, 2)), {"k": 1, "exclude_self": True}),
    ],
)
def test_queries_that_do_not_fit_the_vectors_are_refused(queries, ask):
    with pytest.raises(InvalidInputError, match="nearest needs k of at least 1"):
        nearest(queries.astype(np.float32), np.ones((2, 2), dtype=np.float32), **ask)

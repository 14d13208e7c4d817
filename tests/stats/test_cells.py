import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.stats import cells as cells_module
from smallcraft.stats.cells import class_counts, count_cells


@st.composite
def codes(draw):
    k = draw(st.integers(1, 12))
    n = draw(st.integers(1, 60))
    truth = draw(st.lists(st.integers(-1, k - 1), min_size=n, max_size=n))
    predicted = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return np.array(truth), np.array(predicted), k


def parts(cells):
    return [
        None if part is None else part.tolist()
        for part in (cells.truth, cells.predicted, cells.other, cells.counts)
    ]


@given(codes(), st.randoms())
def test_the_order_of_rows_does_not_matter(case, random):
    truth, predicted, k = case
    order = list(range(len(truth)))
    random.shuffle(order)
    a, b = count_cells(truth, predicted, k), count_cells(truth[order], predicted[order], k)
    assert parts(a) == parts(b)
    assert a.n == len(truth)


@given(codes())
def test_cells_say_how_often_each_combination_occurs(case):
    truth, predicted, k = case
    other = predicted[::-1].copy()
    cells = count_cells(truth, predicted, k, other)
    rows = list(zip(truth.tolist(), predicted.tolist(), other.tolist(), strict=True))
    found = zip(cells.truth, cells.predicted, cells.other, cells.counts, strict=True)
    assert {tuple(map(int, cell[:3])): int(cell[3]) for cell in found} == {
        row: rows.count(row) for row in rows
    }


@given(codes())
def test_sparse_counting_equals_dense_counting(case):
    truth, predicted, k = case
    dense = count_cells(truth, predicted, k, predicted[::-1].copy())
    sparse = count_cells(truth, predicted, k + 3000, predicted[::-1].copy())
    assert parts(dense) == parts(sparse)


@pytest.mark.parametrize("is_paired", [False, True])
def test_compiled_counting_equals_plain_counting(is_paired, monkeypatch):
    rng = np.random.default_rng(0)
    truth, predicted, other = rng.integers(-1, 7, 501), rng.integers(0, 7, 501), rng.integers(0, 7, 501)
    second = other if is_paired else None
    plain = count_cells(truth, predicted, 7, second)
    monkeypatch.setattr(cells_module, "COMPILED_ROWS", 0)
    compiled = count_cells(truth, predicted, 7, second)
    assert parts(compiled) == parts(plain)
    with pytest.raises(InvalidInputError, match=r"\[0, 6\), got 0 to 6"):
        count_cells(np.minimum(truth, 5), predicted, 6, second)


def test_clusters_of_one_make_up_are_drawn_together():
    rng = np.random.default_rng(8)
    truth, predicted = rng.integers(0, 2, 5000), rng.integers(0, 2, 5000)
    profiles = count_cells(truth, predicted, 2, clusters=np.arange(5000)).clusters
    assert len(profiles.counts) == 4
    assert profiles.counts.sum() == 5000
    assert profiles.effective_n == 5000


@given(codes())
def test_counts_by_class_add_up(case):
    truth, predicted, k = case
    found = class_counts(count_cells(truth, predicted, k))
    assert found.true.tolist() == np.bincount(truth[truth >= 0], minlength=k).tolist()
    assert found.called.tolist() == np.bincount(predicted, minlength=k).tolist()
    assert found.right.sum() == np.sum(truth == predicted)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [0], r"lengths \[2, 1\]"),
        ([], [], "at least one row"),
        ([0, 2], [0, 1], r"\[-1, 2\), got 0 to 2"),
        ([0, 1], [-1, 1], r"\[0, 2\), got -1 to 1"),
    ],
)
def test_codes_that_do_not_fit_are_refused(truth, predicted, message):
    with pytest.raises(InvalidInputError, match=message):
        count_cells(np.array(truth, dtype=np.int64), np.array(predicted, dtype=np.int64), 2)


def test_clusters_of_another_length_are_refused():
    with pytest.raises(InvalidInputError, match="got 1 for 2 rows"):
        count_cells(np.array([0, 1]), np.array([0, 1]), 2, clusters=np.array([0]))


def test_one_prediction_has_no_other_side():
    with pytest.raises(InvalidInputError, match="count them with `other=`"):
        count_cells(np.array([0]), np.array([0]), 1).swapped()

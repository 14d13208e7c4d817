import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from smallcraft.errors import InvalidInputError
from smallcraft.stats import sliced_cells as sliced_module
from smallcraft.stats.cell_bootstrap import metric_intervals
from smallcraft.stats.cells import class_counts, count_cells
from smallcraft.stats.class_metrics import COUNT_METRICS, accuracy, macro_f1, matthews
from smallcraft.stats.sliced_cells import (
    count_sliced_cells,
    sliced_class_counts,
    sliced_intervals,
    sliced_metrics,
    unite_slices,
)


@st.composite
def sliced_rows(draw):
    k, s, n = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return rng.integers(-1, k, n), rng.integers(0, k, n), k, rng.integers(0, s, n), s


@given(sliced_rows())
def test_every_metric_of_a_slice_is_that_of_its_rows_alone(case):
    truth, predicted, k, slices, s = case
    metrics = list(COUNT_METRICS.values())
    values = sliced_metrics(count_sliced_cells(truth, predicted, k, slices, s), metrics)
    for number in range(s):
        rows = slices == number
        if not rows.any():
            assert np.isnan(values[number]).all()
            continue
        alone = class_counts(count_cells(truth[rows], predicted[rows], k))
        assert values[number] == pytest.approx([float(metric(alone)) for metric in metrics], abs=1e-12)


@given(sliced_rows())
def test_the_cells_of_a_slice_are_those_of_its_rows_alone(case):
    truth, predicted, k, slices, s = case
    sliced = count_sliced_cells(truth, predicted, k, slices, s)
    assert sliced.sizes.tolist() == np.bincount(slices, minlength=s).tolist()
    for number in np.flatnonzero(sliced.sizes):
        rows = slices == number
        mine, alone = sliced.cells(int(number)), count_cells(truth[rows], predicted[rows], k)
        for part in ("truth", "predicted", "counts"):
            assert getattr(mine, part).tolist() == getattr(alone, part).tolist()


@given(sliced_rows())
def test_unions_are_counted_as_their_rows(case):
    truth, predicted, k, slices, s = case
    members = np.vstack([np.ones(s, dtype=bool), np.arange(s) % 2 == 0])
    united = unite_slices(count_sliced_cells(truth, predicted, k, slices, s), sparse.csr_array(members))
    found = sliced_class_counts(united)
    for number in range(2):
        rows = members[number][slices]
        if rows.any():
            alone = class_counts(count_cells(truth[rows], predicted[rows], k))
            assert found.right[number].tolist() == alone.right.tolist()
            assert found.called[number].tolist() == alone.called.tolist()


def test_intervals_of_a_slice_are_those_of_its_rows_drawn_in_turn():
    rng = np.random.default_rng(3)
    truth, slices = rng.integers(0, 3, 400), rng.integers(0, 2, 400)
    predicted = np.where(rng.random(400) < 0.8, truth, rng.integers(0, 3, 400))
    sliced = count_sliced_cells(truth, predicted, 3, slices, 3)
    metrics = (macro_f1, matthews, accuracy)
    found = sliced_intervals(sliced, metrics, rng=np.random.default_rng(7), replicates=300)
    again = np.random.default_rng(7)
    for number in range(2):
        rows = slices == number
        cells = count_cells(truth[rows], predicted[rows], 3)
        assert found[number] == metric_intervals(cells, metrics, rng=again, replicates=300)
    assert found[2] is None


@pytest.mark.parametrize("classes", [5, 3000])
def test_compiled_and_sparse_counting_equal_plain_counting(classes, monkeypatch):
    rng = np.random.default_rng(0)
    truth, predicted, slices = rng.integers(-1, 5, 500), rng.integers(0, 5, 500), rng.integers(0, 4, 500)
    plain = sliced_metrics(count_sliced_cells(truth, predicted, 5, slices, 4), (macro_f1,))
    monkeypatch.setattr(sliced_module, "COMPILED_ROWS", 0)
    other = sliced_metrics(count_sliced_cells(truth, predicted, classes, slices, 4), (macro_f1,))
    assert other.tolist() == plain.tolist()


@pytest.mark.parametrize("least", [0, 1 << 30])
def test_codes_that_do_not_fit_are_refused(least, monkeypatch):
    monkeypatch.setattr(sliced_module, "COMPILED_ROWS", least)
    one = np.zeros(2, dtype=np.int64)
    with pytest.raises(InvalidInputError, match=r"slice codes must lie in \[0, 2\), got 0 to 2"):
        count_sliced_cells(one, one, 1, np.array([0, 2]), 2)
    with pytest.raises(InvalidInputError, match=r"codes must lie in \[-1, 1\), got 0 to 1"):
        count_sliced_cells(np.array([0, 1]), one, 1, one, 2)
    with pytest.raises(InvalidInputError, match=r"got lengths \[2, 2, 1\]"):
        count_sliced_cells(one, one, 1, one[:1], 2)

"""What a release promised of its losses: bounds above what was seen, written and read alike."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.pipeline.baseline import Baseline, make_baseline, read_baseline, write_baseline


def made(answers, truth, *, task="multiclass", confidence=None, groups=None, classes=("a", "b")):
    return make_baseline(
        task,
        answers,
        truth,
        confidence=None if confidence is None else np.array(confidence, dtype=np.float64),
        groups=groups or {},
        classes=classes,
    )


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab")), min_size=1, max_size=80))
def test_the_bound_is_above_the_share_that_was_wrong_and_below_one(pairs):
    answers, truth = zip(*pairs, strict=True)
    found = made(answers, truth)
    wrong = float(np.mean([answer != true for answer, true in pairs]))
    assert wrong < found.loss_bound <= 1 or wrong == found.loss_bound == 1
    assert found.n == len(pairs)
    confusion = np.array(found.confusion)
    assert confusion.sum() == len(pairs)
    assert confusion.trace() == sum(answer == true for answer, true in pairs)


def test_more_rows_of_the_same_promise_more():
    few, many = (made(["a"] * 9 * n + ["b"] * n, ["a"] * 10 * n) for n in (5, 50))
    assert few.loss_bound > many.loss_bound > 0.1


def test_a_withheld_answer_is_no_loss():
    found = made(["a", None, "b"], ["a", "a", "a"])
    assert (found.n, found.confusion) == (2, ((1, 1), (0, 0)))
    assert made([None], ["a"]) is None


def test_groups_have_bounds_where_they_have_rows_enough():
    sexes = ["f"] * 100 + ["m"] * 100 + ["x"] * 10 + [None] * 5
    answers = ["a"] * 100 + ["b"] * 100 + ["a"] * 15
    found = made(answers, ["a"] * 215, groups={"sex": sexes})
    assert set(found.group_bounds) == {"sex=f", "sex=m"}
    assert found.group_bounds["sex=f"] < 0.05 < 0.95 < found.group_bounds["sex=m"]
    harm = found.for_harm(tolerance=0.1)
    assert harm.limit("sex=f") == pytest.approx(found.group_bounds["sex=f"] + 0.1)
    assert harm.limit("sex=x") == pytest.approx(found.loss_bound + 0.1)


def test_the_calibration_error_is_how_far_confidence_is_from_being_right():
    n = 200
    truth = ["a"] * n
    half_right = ["a", "b"] * (n // 2)
    assert made(half_right, truth, confidence=[0.5] * n).calibration_error == pytest.approx(0.0, abs=1e-9)
    assert made(half_right, truth, confidence=[0.9] * n).calibration_error == pytest.approx(0.4)


def test_several_labels_are_right_when_all_are_and_their_order_does_not_matter():
    measure = Baseline("multilabel", 1, 0.5)
    assert measure.loss(("a", "b"), ("b", "a")) == 0.0
    assert measure.loss(("a",), ("b", "a")) == 1.0
    assert measure.loss((), ()) == 0.0


def test_a_number_is_as_wrong_as_it_is_far_off_and_at_most_wholly():
    found = made([1.0, 2.0, 9.0], [1.0, 3.0, 5.0], task="regression", classes=())
    assert found.scale == 4.0
    assert [found.loss(answer, 1.0) for answer in (1.0, 2.0, 3.0, 99.0)] == [0.0, 0.25, 0.5, 1.0]
    assert found.loss(None, 1.0) is None
    assert 5 / 12 < found.loss_bound <= 1


@pytest.mark.parametrize(
    "baseline",
    [
        Baseline("multiclass", 10, 0.25, {"sex=f": 0.5}, 1.0, ("a", "b"), ((4, 1), (0, 5)), 0.03),
        Baseline("regression", 3, 0.125, scale=4.5),
        Baseline("multilabel", 1, 1.0),
    ],
)
def test_what_was_written_is_read_and_equal_ones_are_equal_bytes(baseline):
    data = write_baseline(baseline)
    assert read_baseline(data, source="x") == baseline
    assert write_baseline(read_baseline(data, source="x")) == data


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "odd": 3}'])
def test_what_is_no_baseline_is_broken_not_guessed(data):
    with pytest.raises(IntegrityError, match="x is no baseline of a release"):
        read_baseline(data, source="x")


def test_a_baseline_of_a_later_format_is_refused():
    told = json.loads(write_baseline(Baseline("multiclass", 1, 0.5)))
    with pytest.raises(IntegrityError, match="another format"):
        read_baseline(json.dumps(told | {"format": 99}).encode(), source="x")

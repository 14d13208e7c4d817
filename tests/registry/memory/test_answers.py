from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.records import Predictions
from smallcraft.registry.memory.answers import (
    answer_log,
    decode_answers,
    encode_answers,
    logged_value,
    pair_answers,
)
from smallcraft.stats.cells import count_cells
from smallcraft.stats.comparisons import paired_share_interval

CLASSES = ("billing", "login", "parcel")


def log_of(truth, predicted, *, rows=None, clusters=None, classes=CLASSES):
    n, k = len(truth), len(classes)
    probs = np.full((n, k), 0.1)
    probs[np.arange(n), predicted] = 1 - 0.1 * (k - 1)
    ids = np.arange(n, dtype=np.uint64) if rows is None else np.array(rows, dtype=np.uint64)
    groups = None if clusters is None else np.array(clusters, dtype=np.int64)
    return answer_log(Predictions(classes, np.array(truth, dtype=np.int64), probs, groups), ids)


def random_log(n, *, wrong, seed, rows=None, clusters=None):
    dice = np.random.default_rng(seed)
    truth = np.arange(n) % 3
    predicted = np.where(dice.random(n) < wrong, (truth + 1) % 3, truth)
    return log_of(truth, predicted, rows=rows, clusters=clusters)


ANSWER = st.tuples(st.integers(0, 9), st.integers(-1, 2), st.integers(0, 2), st.integers(-3, 4))


@given(st.lists(ANSWER, min_size=1, max_size=30), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_changes_no_byte(answers, dice, is_clustered):
    def encoded(given_answers):
        rows, truth, predicted, keys = zip(*given_answers, strict=True)
        return encode_answers(log_of(truth, predicted, rows=rows, clusters=keys if is_clustered else None))

    assert encoded(dice.sample(answers, len(answers))) == encoded(answers)


@given(st.lists(ANSWER, min_size=1, max_size=30))
def test_answers_are_read_back_as_they_were(answers):
    rows, truth, predicted, _ = zip(*answers, strict=True)
    data = encode_answers(log_of(truth, predicted, rows=rows))
    found = decode_answers(data)
    assert encode_answers(found) == data
    assert found.clusters is None
    assert found.classes == CLASSES


def test_confidence_is_that_of_the_predicted_class():
    np.testing.assert_allclose(log_of([0, 1], [0, 0]).confidence, [0.8, 0.8], rtol=1e-6)


def test_a_release_paired_with_itself_does_not_differ():
    log = random_log(300, wrong=0.2, seed=1)
    for metric in ("accuracy", "macro_f1", "matthews"):
        found = pair_answers(log, log, metric=metric, level=0.95)
        assert (found.difference, found.n) == (0, 300)
        assert found.before == found.after == logged_value(log, metric)
        assert found.interval.low <= 0 <= found.interval.high


def test_the_paired_accuracy_is_tangos():
    before, after = random_log(400, wrong=0.3, seed=2), random_log(400, wrong=0.1, seed=3)
    won = int(np.sum((after.truth == after.predicted) & (before.truth != before.predicted)))
    lost = int(np.sum((after.truth != after.predicted) & (before.truth == before.predicted)))
    found = pair_answers(before, after, metric="accuracy", level=0.9)
    assert found.difference == pytest.approx((won - lost) / 400)
    assert found.interval == paired_share_interval(won, lost, 400, level=0.9)
    assert not found.is_drawn


def test_only_rows_that_both_saw_count():
    before = random_log(100, wrong=0.2, seed=4, rows=range(100))
    after = random_log(100, wrong=0.0, seed=5, rows=range(60, 160))
    found = pair_answers(before, after, metric="accuracy", level=0.95)
    assert found.n == 40
    right = before.truth[60:] == before.predicted[60:]
    # The later truth judges both: row 60 of the one is row 0 of the other, and 60 is a multiple of 3.
    assert found.before == pytest.approx(right.mean())
    assert found.after == 1.0


def test_logs_without_a_common_row_are_not_compared():
    assert (
        pair_answers(log_of([0], [0], rows=[1]), log_of([0], [0], rows=[2]), metric="accuracy", level=0.9)
        is None
    )
    empty = log_of(np.empty(0, int), np.empty(0, int))
    assert pair_answers(empty, log_of([0], [0]), metric="accuracy", level=0.9) is None


def test_a_relabelled_row_is_judged_by_the_label_it_has_now():
    found = pair_answers(log_of([0, 1], [0, 1]), log_of([0, 2], [0, 2]), metric="accuracy", level=0.9)
    assert (found.before, found.after, found.relabelled) == (0.5, 1.0, 1)


def test_classes_are_matched_by_name_whatever_their_order():
    turned = tuple(reversed(CLASSES))
    before = log_of([2, 1, 0], [2, 1, 0], classes=turned)
    found = pair_answers(before, log_of([0, 1, 2], [0, 1, 2]), metric="macro_f1", level=0.9)
    assert (found.before, found.after, found.relabelled) == (1.0, 1.0, 0)
    gone = log_of([0, 0], [0, 0], classes=("returns",))
    assert pair_answers(gone, log_of([0, 1], [0, 1]), metric="accuracy", level=0.9).before == 0.0


def test_rows_of_one_key_widen_the_interval():
    keys = np.repeat(np.arange(30), 10)
    plain = [random_log(300, wrong=w, seed=6, clusters=None) for w in (0.3, 0.1)]
    tied = [replace(log, clusters=keys) for log in plain]
    # Whole keys agree with each other: there is less to learn from them than from as many rows.
    tied = [
        replace(log, predicted=np.where(keys % 7 == at, (log.truth + 1) % 3, log.truth))
        for at, log in enumerate(tied)
    ]
    alone = [replace(log, clusters=None) for log in tied]
    wide, narrow = (pair_answers(*logs, metric="accuracy", level=0.95).interval for logs in (tied, alone))
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_equal_logs_give_equal_intervals():
    logs = random_log(300, wrong=0.3, seed=7), random_log(300, wrong=0.2, seed=8)
    first, again = (pair_answers(*logs, metric="macro_f1", level=0.95) for _ in range(2))
    assert first == again
    assert first.is_drawn


def test_paired_intervals_miss_as_rarely_as_they_say():
    # 200 pairs whose true difference is 0.1: 90 % intervals may miss 20 of them, the wrong sign nearly all.
    missed = 0
    for seed in range(200):
        found = pair_answers(
            random_log(150, wrong=0.25, seed=2 * seed),
            random_log(150, wrong=0.15, seed=2 * seed + 1),
            metric="accuracy",
            level=0.9,
        )
        missed += not found.interval.low <= 0.1 <= found.interval.high
    assert missed <= 30


def test_a_metric_of_probabilities_is_refused_with_the_remedy():
    with pytest.raises(
        InvalidInputError, match="got 'log_loss'; what needs every probability stands in the evidence"
    ):
        pair_answers(log_of([0], [0]), log_of([0], [0]), metric="log_loss", level=0.9)


def test_each_answer_needs_an_id():
    with pytest.raises(InvalidInputError, match="one row id, got 1 for 2 answers"):
        log_of([0, 1], [0, 1], rows=[1])


@pytest.mark.parametrize(
    "change",
    [
        lambda log: replace(log, predicted=log.predicted + 9),
        lambda log: replace(log, truth=log.truth - 9),
        lambda log: replace(log, truth=log.truth[:-1]),
        lambda log: replace(log, classes=("only",)),
    ],
)
def test_codes_out_of_range_or_missing_are_refused(change):
    data = encode_answers(change(log_of([0, 1, 2], [0, 1, 2])))
    with pytest.raises(IntegrityError, match="one code of each kind in range"):
        decode_answers(data)


def test_the_value_is_counted_over_the_whole_log():
    log = log_of([0, 0, 1, -1], [0, 1, 1, 0])
    assert logged_value(log, "accuracy") == 0.5
    assert count_cells(log.truth, log.predicted, 3).n == 4

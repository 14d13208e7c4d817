from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.quality.difficulty import inspect_difficulty, margin_histogram
from smallcraft.errors import InvalidInputError
from smallcraft.records import Outcome, Predictions
from smallcraft.stats.difficulty import SORTS

K = 6


def softmax(logits):
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def make(n=1200, *, wrong=0.06, strength=4.0, seed=0):
    """Rows whose true class a model sees with noise; a share of the given labels is exchanged."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, n)
    logits = rng.normal(size=(n, K))
    logits[np.arange(n), true] += strength
    is_wrong = rng.random(n) < wrong
    given_labels = np.where(is_wrong, (true + rng.integers(1, K, n)) % K, true)
    classes = tuple(f"c{code}" for code in range(K))
    return Predictions(classes, given_labels.astype(np.int64), softmax(logits)), is_wrong


def null_like(predictions, seed=1):
    rng = np.random.default_rng(seed)
    n = len(predictions.truth)
    return replace(
        predictions, truth=rng.permutation(predictions.truth), probs=softmax(rng.normal(size=(n, K)) / 2)
    )


def measured(result, name, slice_of="all"):
    (found,) = [one for one in result.measurements if (one.name, one.slice) == (name, slice_of)]
    return found


@pytest.mark.parametrize("has_null", [True, False])
def test_the_four_sorts_are_all_rows(has_null):
    predictions, _ = make()
    null = null_like(predictions) if has_null else None
    result = inspect_difficulty(predictions, split="train", seed=0, null=null)
    assert sum(result.numbers[f"{name.replace(' ', '_')}_train"] for name in SORTS) == 1200
    shares = [measured(result, f"{name.replace(' ', '_')}_share") for name in SORTS]
    assert sum(one.value for one in shares) == pytest.approx(1)
    assert all(one.low < one.value < one.high and one.n == 1200 for one in shares)
    assert ("trained on permuted labels" in result.summary) is has_null


@pytest.mark.parametrize("has_null", [True, False])
def test_exchanged_labels_gather_among_the_likely_mislabelled(has_null):
    predictions, is_wrong = make()
    null = null_like(predictions) if has_null else None
    result = inspect_difficulty(predictions, split="train", seed=0, null=null)
    (suspects,) = [one for one in result.flagged if one.kind == "likely mislabelled"]
    assert is_wrong[suspects.rows].mean() > 0.9
    assert is_wrong[suspects.rows].sum() > 0.5 * is_wrong.sum()
    assert (np.diff(suspects.score) >= 0).all()


def test_hard_data_is_never_failed():
    predictions, _ = make(strength=0.2)
    result = inspect_difficulty(predictions, split="dev", seed=0, null=null_like(predictions))
    assert result.outcome is Outcome.PASS
    assert result.numbers["easy_dev"] < 400


def test_a_weaker_model_finds_fewer_rows_easy():
    shares = [
        measured(
            inspect_difficulty(make(strength=s)[0], split="dev", seed=0, null=null_like(make()[0])),
            "easy_share",
        )
        for s in (1.0, 3.0, 6.0)
    ]
    assert shares[0].value < shares[1].value < shares[2].value


def test_rows_without_a_known_label_are_left_out_and_counted():
    predictions, _ = make()
    truth = predictions.truth.copy()
    truth[::4] = -1
    some = np.flatnonzero(truth >= 0)
    result = inspect_difficulty(replace(predictions, truth=truth), split="all", seed=0)
    alone = replace(predictions, truth=truth[some], probs=predictions.probs[some])
    expected = inspect_difficulty(alone, split="all", seed=0)
    assert result.numbers["left_out_all"] == 300
    assert result.numbers == expected.numbers | {"left_out_all": 300}
    for one, other in zip(result.flagged, expected.flagged, strict=True):
        assert one.rows.tolist() == some[other.rows].tolist()


@pytest.mark.parametrize("code", [-1, 3])
def test_without_two_labels_difficulty_is_undecided(code):
    predictions, _ = make(50)
    result = inspect_difficulty(replace(predictions, truth=np.full(50, code)), split="dev", seed=0)
    assert result.outcome is Outcome.UNDECIDED
    assert "two labels" in result.summary


def test_the_histogram_counts_every_row_between_rising_edges():
    predictions, _ = make()
    numbers = inspect_difficulty(predictions, split="dev", seed=0).numbers
    edges = [numbers[f"margin_edge_{place}_dev"] for place in range(21)]
    assert edges == sorted(set(edges))
    assert sum(numbers[f"margin_count_{place}_dev"] for place in range(20)) == 1200


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=50), st.integers(1, 9))
def test_a_histogram_loses_no_value(values, bins):
    found = margin_histogram(np.array(values), bins=bins)
    assert found.counts.sum() == len(values)
    assert (np.diff(found.edges) > 0).all()


def test_equal_and_saturated_probabilities_are_measured():
    truth = np.arange(40) % 2
    probs = np.zeros((40, 2))
    probs[:, 0] = 1.0
    result = inspect_difficulty(Predictions(("a", "b"), truth, probs), split="dev", seed=0)
    assert result.outcome is Outcome.PASS
    assert all(np.isfinite(value) for value in result.numbers.values())
    even = inspect_difficulty(Predictions(("a", "b"), truth, np.full((40, 2), 0.5)), split="dev", seed=0)
    assert even.numbers["ambiguous_dev"] == 40


def test_quantiles_of_the_given_labels_probability_have_bounds():
    predictions, _ = make()
    own = predictions.probs[np.arange(1200), predictions.truth]
    result = inspect_difficulty(predictions, split="dev", seed=0)
    for q in (0.05, 0.5, 0.95):
        one = measured(result, "given_label_probability", f"quantile={q:g}")
        assert one.low < one.value < one.high
        assert np.mean(own <= one.value) == pytest.approx(q, abs=0.001)


def test_the_nearest_row_of_a_mislabelled_one_carries_the_models_label():
    predictions, _ = make(800)
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(K, 16))
    seen = predictions.probs.argmax(axis=1)
    vectors = (centres[seen] + rng.normal(size=(800, 16)) * 0.2).astype(np.float32)
    result = inspect_difficulty(predictions, split="dev", seed=0, vectors=vectors)
    overall = measured(result, "nearest_row_differs")
    suspects = measured(result, "nearest_row_differs", "sort=likely mislabelled")
    assert overall.n == 800
    assert overall.value < 0.25
    assert suspects.value > 0.8
    assert measured(result, "nearest_row_carries_the_models_label", "sort=likely mislabelled").value > 0.8


def test_the_nearest_row_is_never_the_row_itself():
    """Pairs of equal rows with different labels: every nearest other row differs."""
    rng = np.random.default_rng(5)
    vectors = np.repeat(rng.normal(size=(30, 8)), 2, axis=0).astype(np.float32)
    truth = np.arange(60) % 2
    probs = np.full((60, 2), 0.5)
    result = inspect_difficulty(Predictions(("a", "b"), truth, probs), split="dev", seed=0, vectors=vectors)
    assert measured(result, "nearest_row_differs").value == 1.0
    assert measured(result, "nearest_row_differs", "sort=likely mislabelled").value is None


def test_rows_of_zeros_have_no_nearest_row_and_are_not_counted():
    predictions, _ = make(200)
    vectors = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    vectors[:50] = 0
    result = inspect_difficulty(predictions, split="dev", seed=0, vectors=vectors)
    assert measured(result, "nearest_row_differs").n == 150


def test_training_logs_place_mislabelled_rows_below_zero():
    predictions, is_wrong = make(600)
    grow = np.linspace(0.2, 1.0, 5)[:, None]
    margins = grow * np.where(is_wrong, -2.0, 2.0)
    history = 1 / (1 + np.exp(-margins))
    result = inspect_difficulty(predictions, split="train", seed=0, history=history, margins=margins)
    assert measured(result, "area_below_zero_share").value == pytest.approx(is_wrong.mean())
    assert measured(result, "never_learned_share").value == pytest.approx(is_wrong.mean())
    assert measured(result, "area_below_zero_share", "sort=likely mislabelled").value > 0.9
    assert measured(result, "area_under_the_margin", "quantile=0.5").value == pytest.approx(1.2)


def test_rows_that_were_not_watched_are_not_in_the_map():
    predictions, _ = make(300)
    history = np.full((3, 300), 0.7)
    history[:, 100:] = np.nan
    result = inspect_difficulty(predictions, split="train", seed=0, history=history)
    assert measured(result, "training_confidence_probability", "quantile=0.5").n == 100
    nothing = inspect_difficulty(predictions, split="train", seed=0, history=np.full((3, 300), np.nan))
    assert not [one for one in nothing.measurements if one.name.startswith("training")]


def test_the_seed_alone_decides():
    predictions, _ = make(300)
    one, other = (inspect_difficulty(predictions, split="dev", seed=3) for _ in range(2))
    assert one.numbers == other.numbers
    assert one.measurements == other.measurements


def test_rows_of_one_key_widen_the_bounds():
    predictions, _ = make(300)
    tied = replace(
        predictions,
        truth=np.repeat(predictions.truth[:30], 10),
        probs=np.repeat(predictions.probs[:30], 10, axis=0),
        clusters=np.repeat(np.arange(30), 10),
    )
    loose = replace(tied, clusters=None)
    widths = [
        (one.high - one.low)
        for one in (measured(inspect_difficulty(p, split="dev", seed=0), "easy_share") for p in (tied, loose))
    ]
    assert widths[0] > 1.5 * widths[1]


def test_arrays_of_other_rows_are_refused():
    predictions, _ = make(20)
    with pytest.raises(InvalidInputError, match="vectors must tell of each of the 20 predicted rows, got 19"):
        inspect_difficulty(predictions, split="dev", seed=0, vectors=np.zeros((19, 2), dtype=np.float32))
    with pytest.raises(InvalidInputError, match="history must tell of each of the 20 predicted rows, got 21"):
        inspect_difficulty(predictions, split="dev", seed=0, history=np.zeros((3, 21)))
    with pytest.raises(InvalidInputError, match="margins were passed without a history"):
        inspect_difficulty(predictions, split="dev", seed=0, margins=np.zeros((3, 20)))

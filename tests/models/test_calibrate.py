"""Temperature, mix and threshold: the known one is found, gradients are right, and the rule is the rule."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import check_grad, minimize
from scipy.special import softmax as scipy_softmax
from scipy.stats import norm
from sklearn.metrics import log_loss as sklearn_log_loss

from smallcraft.bundle.decoder import Decoder, mix_logits, softmax
from smallcraft.models import calibrate
from smallcraft.models.calibrate import (
    choose_threshold,
    decode_held_out,
    fit_decoder,
    fit_mix,
    fit_scale,
    log_loss,
)

seeds = st.integers(0, 2**32 - 1)


def drawn(rng, logits):
    """Labels drawn from the probabilities that the logits stand for."""
    return np.array([rng.choice(logits.shape[1], p=row) for row in scipy_softmax(logits, axis=1)])


@given(seeds, st.integers(1, 30), st.integers(2, 5))
def test_log_loss_agrees_with_sklearn(seed, n, k):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 3, (n, k)), rng.integers(k, size=n)
    wanted = sklearn_log_loss(labels, scipy_softmax(logits, axis=1), labels=range(k))
    assert log_loss(logits, labels) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0, 20.0])
def test_a_known_temperature_is_found(temperature):
    rng = np.random.default_rng(5)
    true = rng.normal(0, 2, (4000, 4))
    scale = fit_scale(true * temperature, drawn(rng, true))
    # Four standard errors of a maximum-likelihood scale on this many rows.
    assert scale * temperature == pytest.approx(1, abs=0.1)


@settings(max_examples=25)
@given(seeds, st.floats(0.1, 10))
def test_scaling_the_logits_scales_the_answer_the_other_way(seed, factor):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (60, 3))
    labels = drawn(rng, logits)
    one, two = fit_scale(logits, labels), fit_scale(logits * factor, labels)
    if 0.05 < one < 20:
        assert two * factor == pytest.approx(one, rel=1e-2)


@settings(max_examples=25)
@given(seeds)
def test_no_scale_nearby_has_a_lower_loss(seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (50, 3))
    labels = drawn(rng, logits)
    best = fit_scale(logits, labels)
    for nudge in (0.9, 1.1):
        assert log_loss(best * logits, labels) <= log_loss(best * nudge * logits, labels) + 1e-9


def test_the_slope_that_the_mix_descends_is_that_of_its_loss(monkeypatch):
    rng = np.random.default_rng(2)
    logits = (rng.normal(size=(40, 3)), rng.normal(size=(40, 3)))
    labels = rng.integers(3, size=40)
    seen = []

    def watched(loss, start, **options):
        seen.append(loss)
        return minimize(loss, start, **options)

    monkeypatch.setattr(calibrate, "minimize", watched)
    fit_mix(logits, labels)
    (loss,) = seen
    for point in ([0.5, 0.5], [2.0, 0.1], [0.0, 3.0]):
        error = check_grad(lambda w: loss(w)[0], lambda w: loss(w)[1], np.array(point))
        assert error < 1e-6


@pytest.mark.parametrize("known", [(0.7, 1.3), (2.0, 0.5)])
def test_a_known_mix_is_found(known):
    rng = np.random.default_rng(8)
    logits = (rng.normal(0, 2, (4000, 4)), rng.normal(0, 2, (4000, 4)))
    labels = drawn(rng, mix_logits(known, logits))
    assert fit_mix(logits, labels) == pytest.approx(known, abs=0.15)


def test_a_stage_that_knows_nothing_or_is_wrong_gets_no_weight():
    rng = np.random.default_rng(9)
    good = rng.normal(0, 2, (2000, 3))
    labels = drawn(rng, good)
    for bad in (-good, rng.normal(0, 2, (2000, 3))):
        mix = fit_mix((good, bad), labels)
        assert mix[0] == pytest.approx(1, abs=0.15)
        assert 0 <= mix[1] < 0.1


@settings(max_examples=25)
@given(seeds)
def test_the_mix_is_no_worse_than_either_stage_alone(seed):
    rng = np.random.default_rng(seed)
    logits = (rng.normal(0, 2, (80, 3)), rng.normal(0, 1, (80, 3)))
    labels = rng.integers(3, size=80)
    mixed = log_loss(mix_logits(fit_mix(logits, labels), logits), labels)
    for part in logits:
        assert mixed <= log_loss(fit_scale(part, labels) * part, labels) + 1e-5


# --- the threshold -----------------------------------------------------------------------


TOLERANCE, CONFIDENCE = 0.02, 0.95
choose = partial(choose_threshold, tolerance=TOLERANCE, confidence=CONFIDENCE)
decoder_of = partial(fit_decoder, tolerance=TOLERANCE, confidence=CONFIDENCE)


def reference_threshold(sureness, alone, both):
    """Non-inferiority to the best threshold, by trying every one on the rows themselves."""

    def right(threshold):
        return np.where(sureness < threshold, both, alone).astype(float)

    thresholds = sorted({*sureness.tolist(), 1.0})
    best = max(thresholds, key=lambda threshold: right(threshold).sum())
    for threshold in thresholds:
        difference = right(best) - right(threshold)
        mean, spread = (difference.mean(), difference.std()) if len(difference) else (0.0, 0.0)
        if mean + norm.ppf(CONFIDENCE) * spread / np.sqrt(max(len(difference), 1)) <= TOLERANCE:
            return threshold if (sureness < threshold).any() else 0.0
    raise AssertionError("the best one is not inferior to itself")


tables = st.integers(0, 40).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.sampled_from([0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])),
        hnp.arrays(np.bool_, n),
        hnp.arrays(np.bool_, n),
    )
)


@given(tables)
def test_the_threshold_is_that_of_a_search_over_all_of_them(table):
    assert choose(*table) == reference_threshold(*table)


@given(seeds, st.integers(1, 60))
def test_the_threshold_is_that_of_a_search_over_all_of_them_without_ties(seed, n):
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.3, 1, n), rng.random(n) < 0.6, rng.random(n) < 0.8
    assert choose(*table) == reference_threshold(*table)


@given(tables)
def test_the_rows_escalated_never_cost_a_right_answer(table):
    confidence, alone, both = table
    escalated = confidence < choose(*table)
    assert both[escalated].sum() >= alone[escalated].sum()


@given(tables)
def test_nothing_is_escalated_when_that_does_not_help(table):
    confidence, alone, _ = table
    assert choose(confidence, alone, alone) == 0.0
    assert choose(confidence, alone, np.zeros_like(alone)) == 0.0


@given(tables)
def test_the_order_of_rows_does_not_matter(table):
    assert choose(*(column[::-1] for column in table)) == choose(*table)


def test_rows_of_one_confidence_are_escalated_together_or_not_at_all():
    """Twenty rows look the same; whichever came first, both stages gain on ten of them."""
    confidence, alone = np.full(20, 0.5), np.zeros(20, dtype=bool)
    both = np.arange(20) < 10
    assert choose(confidence, alone, both) == 1.0
    assert choose(confidence, ~both, both) == 0.0


def test_a_clear_gain_is_taken_as_far_as_it_goes():
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.3, 1, 2000)
    alone = rng.random(2000) < confidence
    both = np.where(confidence < 0.7, rng.random(2000) < 0.95, alone)
    assert 0.6 < choose(confidence, alone, both) < 0.7


# --- together ----------------------------------------------------------------------------


def test_one_stage_gets_its_scale_only():
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(50, 3)), rng.integers(3, size=50)
    assert decoder_of([logits], labels) == Decoder(fit_scale(logits, labels))


def test_two_stages_get_scale_mix_and_the_threshold_of_both():
    rng = np.random.default_rng(1)
    logits = [rng.normal(0, 2, (400, 3)), rng.normal(0, 2, (400, 3))]
    labels = drawn(rng, logits[0] + logits[1])
    decoder = decoder_of(logits, labels)
    assert decoder.mix == fit_mix((logits[0], logits[1]), labels)
    first = softmax(decoder.scale * logits[0])
    alone, both = first.argmax(axis=1) == labels, mix_logits(decoder.mix, logits).argmax(axis=1) == labels
    assert decoder.threshold == choose(first.max(axis=1), alone, both) > 0.4
    assert Decoder.read(decoder.describe()) == decoder


def test_three_stages_get_three_weights():
    rng = np.random.default_rng(11)
    logits = [rng.normal(0, 2, (3000, 3)) for _ in range(3)]
    known = (0.8, 0.3, 1.2)
    labels = drawn(rng, mix_logits(known, logits))
    decoder = decoder_of(logits, labels)
    assert decoder.mix == pytest.approx(known, abs=0.15)
    assert Decoder.read(decoder.describe()) == decoder


def test_a_row_that_a_later_stage_left_out_still_counts_for_the_first_ones_scale():
    rng = np.random.default_rng(12)
    first, second = rng.normal(0, 2, (2, 300, 3))
    labels = drawn(rng, first + second)
    second[200:] = np.nan
    decoder = decoder_of([first, second], labels)
    assert decoder.scale == fit_scale(first, labels)
    assert decoder.mix == fit_mix([first[:200], second[:200]], labels[:200])


def test_what_was_held_out_is_decoded_as_the_bundle_will():
    rng = np.random.default_rng(13)
    first, second = rng.normal(0, 2, (2, 50, 3))
    decoder = Decoder(1.0, 0.6, (1.0, 0.5))
    escalated = softmax(first).max(axis=1) < 0.6
    wanted = np.where(escalated[:, None], softmax(first + 0.5 * second), softmax(first))
    assert 0 < escalated.sum() < 50
    assert np.allclose(decode_held_out(decoder, [first, second]), wanted)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_logits_that_are_always_right_or_always_equal_give_a_usable_decoder(stages):
    labels = np.arange(30) % 3
    for logits in (np.eye(3)[labels] * 5, np.zeros((30, 3))):
        decoder = decoder_of([logits] * stages, labels)
        assert Decoder.read(decoder.describe()) == decoder

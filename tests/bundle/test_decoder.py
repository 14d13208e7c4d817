"""From logits to probabilities, for one stage and for a cascade."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from smallcraft.bundle.decoder import Decoder, decode, mix_logits, softmax
from smallcraft.canonical import canonical_json
from smallcraft.errors import BundleFormatError

logits = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 6), st.integers(1, 5)),
    elements=st.floats(-800, 800, allow_nan=False),
)


@given(logits)
def test_softmax_agrees_with_scipy(values):
    assert np.allclose(softmax(values), scipy_softmax(values, axis=1), rtol=1e-12, atol=0)


@given(logits, st.floats(-1000, 1000))
def test_adding_one_number_to_all_logits_of_a_row_changes_nothing(values, shift):
    assert np.allclose(softmax(values + shift), softmax(values), atol=1e-9)


@given(logits, st.floats(0.01, 100), st.floats(0, 1))
def test_with_one_stage_the_order_of_classes_is_that_of_the_logits(values, scale, threshold):
    answers = decode(Decoder(scale, threshold), values, None)
    assert not answers.escalated.any()
    assert np.allclose(answers.probs.sum(axis=1), 1)
    best = answers.probs[np.arange(len(values)), values.argmax(axis=1)]
    assert np.array_equal(best, answers.probs.max(axis=1))


@given(logits, st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_second_stage_is_asked_for_the_unsure_rows_only_and_both_are_mixed(first, threshold, seed):
    second = np.random.default_rng(seed).normal(size=first.shape)
    asked = []

    def ask(rows):
        asked.append(rows.tolist())
        return [second[rows]]

    answers = decode(Decoder(0.5, threshold, (0.3, 2.0)), first, ask)
    for row in range(len(first)):
        alone = scipy_softmax(0.5 * first[row])
        both = scipy_softmax(0.3 * first[row] + 2.0 * second[row])
        assert answers.escalated[row] == (softmax(0.5 * first)[row].max() < threshold)
        assert np.allclose(answers.probs[row], both if answers.escalated[row] else alone, atol=1e-12)
    wanted = np.flatnonzero(answers.escalated).tolist()
    assert asked == ([wanted] if wanted else [])


def test_all_further_stages_are_mixed_in_where_the_first_is_unsure():
    rng = np.random.default_rng(4)
    first, second, third = rng.normal(size=(3, 30, 4))
    answers = decode(Decoder(1.0, 0.5, (1.0, 2.0, 0.5)), first, lambda rows: [second[rows], third[rows]])
    assert 0 < answers.escalated.sum() < 30
    wanted = np.where(answers.escalated[:, None], first + 2.0 * second + 0.5 * third, first)
    assert np.allclose(answers.probs, scipy_softmax(wanted, axis=1), atol=1e-12)


def test_a_stage_too_many_or_too_few_for_the_mix_is_a_fault():
    with pytest.raises(ValueError, match="longer"):
        mix_logits((1.0, 1.0), [np.zeros((1, 2))] * 3)


@given(logits)
def test_several_labels_are_probable_each_on_its_own(values):
    found = decode(Decoder(0.5, link="sigmoid"), values, None).probs
    assert np.allclose(found, expit(0.5 * values), atol=1e-12)


def test_each_label_may_have_a_scale_and_a_shift_of_its_own():
    decoder = Decoder(1.0, link="sigmoid", scales=(2.0, 0.5), shifts=(-1.0, 1.0))
    values = np.array([[0.3, -0.7]])
    assert np.allclose(decoder.apply(values), expit(values * [2.0, 0.5] + [-1.0, 1.0]))
    assert Decoder.read(json.loads(canonical_json(decoder.describe()))) == decoder


def test_a_number_stays_as_it_is():
    values = np.array([[3.5], [-1e6]])
    assert np.array_equal(decode(Decoder(1.0, link="identity"), values, None).probs, values)


def test_what_is_usual_is_not_written():
    assert set(Decoder(1.0).describe()) == {"scale", "threshold", "mix"}


@pytest.mark.parametrize(
    ("link", "name"), [("softmax", "argmax"), ("sigmoid", "thresholds"), ("identity", "value")]
)
def test_the_usual_decision_follows_from_the_link(link, name):
    assert Decoder(1.0, link=link).decides.name == name


def test_a_row_exactly_as_sure_as_the_threshold_is_not_escalated():
    first = np.array([[0.0, 0.0], [0.0, 1.0]])
    answers = decode(Decoder(1.0, 0.5, (1.0, 1.0)), first, lambda rows: pytest.fail("nobody is unsure"))
    assert not answers.escalated.any()


def test_the_mix_is_a_weighted_sum():
    one, two = np.array([[1.0, 2.0]]), np.array([[10.0, -10.0]])
    assert mix_logits((2.0, 0.5), (one, two)).tolist() == [[7.0, -1.0]]


@given(
    st.builds(
        Decoder,
        st.floats(1e-3, 1e3),
        st.floats(0, 1),
        st.none() | st.lists(st.floats(0, 1e3), min_size=2, max_size=4).map(tuple),
    )
)
def test_a_decoder_survives_its_description(decoder):
    assert Decoder.read(json.loads(canonical_json(decoder.describe()))) == decoder


GOOD = {"scale": 1.0, "threshold": 0.5, "mix": [1.0, 1.0]}


@pytest.mark.parametrize(
    "change",
    [
        *({"scale": value} for value in (0, -1, math.nan, math.inf, None, "x", [1])),
        *({"threshold": value} for value in (-0.1, 1.1, math.nan, None, "x")),
        *({"link": value} for value in ("tanh", None, 3)),
        *({"scales": value} for value in ([math.nan], None, "x", [None])),
        *({"mix": value} for value in ([], [1], "xy", 3, [1, None], [-1, 1], [1, math.nan], [math.inf, 1])),
    ],
    ids=str,
)
def test_a_number_out_of_its_range_is_refused(change):
    with pytest.raises(
        BundleFormatError, match=r"a decoder wants scale > 0, threshold in .* got .*; take the bundle"
    ):
        Decoder.read(GOOD | change)


@pytest.mark.parametrize("description", [{}, {"scale": 1.0}, {"threshold": 0.5}, [], None, 3])
def test_a_description_without_its_numbers_is_refused(description):
    with pytest.raises(BundleFormatError, match="a decoder wants"):
        Decoder.read(description)


@given(st.integers(1, 9), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_a_rows_probabilities_are_the_same_bits_alone_and_among_others(n, k, seed):
    values = np.random.default_rng(seed).normal(scale=20, size=(n, k))
    alone = [softmax(values[row : row + 1]) for row in range(n)]
    assert softmax(values).tobytes() == b"".join(row.tobytes() for row in alone)

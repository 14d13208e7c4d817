import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.data.quality.label_kinds import KINDS, Backing, VotedLabels, Witnesses
from smallcraft.data.quality.label_words import REMEDIES, describe, percent

NAMES = ("refund", "card")


def told(*, given_share=0.01, share=0.96, usual_margin=-3.0, usual=0.8, **others):
    numbers = (np.log(given_share / share), usual_margin, share, usual)
    return describe(Witnesses(*(np.array([value]) for value in numbers), **others), 0, names=NAMES)


def backing(given_count, suggested, total):
    return Backing(*(np.array([count]) for count in (given_count, suggested, total)))


def test_the_model_is_told_in_percent():
    assert told() == "the model gives 'card' 96% and 'refund' 1%"


def test_every_witness_that_spoke_is_named_and_no_other():
    silent = backing(0, 0, 0)
    words = told(
        neighbours=backing(1, 4, 5), copies=silent, votes=VotedLabels(NAMES, np.array([-2]), np.array([0.0]))
    )
    assert words == (
        "the model gives 'card' 96% and 'refund' 1%; 4 of its 5 nearest rows carry 'card', 1 'refund'"
    )


def test_one_copy_is_told_as_one():
    assert told(copies=backing(0, 1, 1)).endswith("; its only copy carries 'card'")
    assert told(copies=backing(1, 0, 1)).endswith("; its only copy carries 'refund'")
    assert told(copies=backing(0, 0, 1)).endswith("; its only copy carries another label")
    assert told(copies=backing(1, 2, 3)).endswith("; 2 of its 3 other copies carry 'card', 1 'refund'")


def test_a_label_that_is_supported_too_is_told_with_what_is_usual():
    words = told(given_share=0.3, share=0.6)
    assert words == (
        "the model gives 'card' 60% and 'refund' 30%, "
        "more than 95% of well known rows of 'card' show for 'refund'"
    )


def test_leaning_is_told_with_what_would_be_sure():
    words = told(share=0.5, given_share=0.001)
    assert words.endswith("it leans to 'card' without being sure: rows of 'card' get 80% on average")
    assert told(share=0.5, given_share=0.001, usual=np.inf).endswith("it leans to 'card' without being sure")


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (0, "people's votes say 'refund', as given (97%)"),
        (1, "people's votes say 'card' (97%)"),
        (2, "people's votes say 'fee' (97%)"),
        (-1, "people's votes are split: no label is likelier than all others together"),
    ],
)
def test_votes_are_told(label, words):
    people = VotedLabels((*NAMES, "fee"), np.array([label]), np.array([0.97]))
    assert told(votes=people).split("; ")[1] == words


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_certainty(share):
    assert (percent(share) in {"0%", "100%"}) == (share in {0.0, 1.0})


def test_every_kind_has_a_remedy():
    assert tuple(REMEDIES) == KINDS

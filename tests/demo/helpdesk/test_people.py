import numpy as np
import pytest

from smallcraft.demo.helpdesk.dice import Dice
from smallcraft.demo.helpdesk.intents import load_phrasebook
from smallcraft.demo.helpdesk.people import (
    ANNOTATORS,
    REGIONS,
    cast_votes,
    confusion_matrix,
    customers_for,
    invent_customers,
)

BOOK = load_phrasebook()


@pytest.mark.parametrize("annotator", ANNOTATORS, ids=lambda annotator: annotator.name)
def test_a_confusion_matrix_holds_probabilities_and_favours_the_truth(annotator):
    matrix = confusion_matrix(annotator, BOOK)
    assert matrix.shape == (20, 20)
    assert matrix.min() > 0
    assert matrix.sum(axis=1) == pytest.approx(1.0)
    assert (matrix.argmax(axis=1) == np.arange(20)).all()


def test_the_third_annotator_is_clearly_worse():
    first, second, third = (np.diag(confusion_matrix(a, BOOK)).mean() for a in ANNOTATORS)
    assert first > second > third + 0.1


@pytest.mark.parametrize("annotator", ANNOTATORS, ids=lambda annotator: annotator.name)
def test_votes_follow_the_published_matrix(annotator):
    each = 4000
    for position in (0, 3, 15):
        name = BOOK.names[position]
        votes = cast_votes(annotator, [name] * each, BOOK, Dice(position, 9))
        seen = np.array([votes.count(other) for other in BOOK.names]) / each
        row = confusion_matrix(annotator, BOOK)[position]
        assert np.abs(seen - row).max() < 4 * np.sqrt(0.25 / each)
        assert np.abs(seen - row).sum() < 0.08


def test_customers_have_different_keys_known_regions_and_a_name():
    customers = invent_customers(customers_for(4500), BOOK, Dice(7, 1))
    assert len({customer.key for customer in customers}) == len(customers) == 2500
    assert {customer.region for customer in customers} == set(REGIONS)
    assert all(customer.name for customer in customers)

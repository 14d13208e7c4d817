import numpy as np
import pytest
from tests.label.rounds import CLASSES, probabilities, vote

from smallcraft.errors import InvalidInputError
from smallcraft.label.merging import agreement_of, gold_records, guideline_gaps, merge_votes
from smallcraft.records import Predictions

ROWS = 400


@pytest.fixture(scope="module")
def table():
    """A fifth of the labels wrong, a model that is mostly right."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.2, (truth + 1) % 3, truth)
    items = [f"i{row}" for row in range(ROWS)]
    return items, truth, given, Predictions(CLASSES, given, probabilities(truth, rng=rng, k=3))


def said(rows, codes, who="ann"):
    return [vote(f"i{row}", who, CLASSES[codes[row]]) for row in rows]


@pytest.mark.parametrize("with_model", [True, False])
def test_votes_that_are_right_repair_labels_and_touch_no_other(table, with_model):
    items, truth, given, model = table
    rows = np.arange(200)
    votes = [*said(rows, truth), *said(rows, truth, "bob")]
    merged = merge_votes(items, given, votes, classes=CLASSES, model=model if with_model else None)
    assert (merged.label[:200] == truth[:200]).mean() > 0.97
    assert np.array_equal(merged.label[200:], given[200:])
    assert set(merged.changed.tolist()) <= set(range(200))
    assert merged.voted.sum() == 200


def test_with_a_model_one_persons_votes_on_doubted_rows_repair_most_of_them(table):
    items, truth, given, model = table
    rows = np.flatnonzero(given != truth)
    merged = merge_votes(items, given, said(rows, truth), classes=CLASSES, model=model)
    assert (merged.label[rows] == truth[rows]).mean() > 0.9


def test_without_votes_nothing_changes(table):
    items, _, given, model = table
    merged = merge_votes(items, given, [vote("elsewhere", "ann", "card")], classes=CLASSES, model=model)
    assert np.array_equal(merged.label, given)
    assert merged.changed.size == merged.queue.size == 0


def test_rows_that_stay_unsure_are_queued_the_least_sure_first(table):
    items, truth, given, model = table
    votes = [*said(range(50), truth), *said(range(50), (truth + 1) % 3, "bob")]
    merged = merge_votes(items, given, votes, classes=CLASSES, model=model, enough=0.99)
    assert len(merged.queue)
    assert set(merged.queue.tolist()) <= set(range(50))
    sure = merged.confidence[merged.queue]
    assert (np.diff(sure) >= 0).all()
    assert (sure < 0.99).all()


def test_a_row_without_a_label_gets_the_one_voted_for(table):
    items, truth, given, model = table
    bare = given.copy()
    bare[:20] = -1
    merged = merge_votes(items, bare, said(range(10), truth), classes=CLASSES, model=model)
    assert (merged.label[:10] == truth[:10]).all()
    assert (merged.label[10:20] == -1).all()
    assert np.isnan(merged.confidence[10:20]).all()


def test_parts_of_other_rows_and_votes_for_no_class_are_refused(table):
    items, _, given, model = table
    with pytest.raises(InvalidInputError, match="each item has one given label"):
        merge_votes(items[:3], given, [], classes=CLASSES)
    with pytest.raises(InvalidInputError, match="'nothing', which is none of the 3 classes"):
        merge_votes(items, given, [vote("i0", "ann", "nothing")], classes=CLASSES, model=model)


def test_people_who_agree_have_an_alpha_of_one_and_nobody_has_none():
    codes = np.arange(30) % 3
    votes = [*said(range(30), codes), *said(range(30), codes, "bob")]
    assert agreement_of(votes, CLASSES).alpha.value == 1
    assert agreement_of(votes[:30], CLASSES).alpha.value is None
    assert agreement_of([], CLASSES) is None


def test_gold_rows_show_how_often_each_person_is_right():
    truth = {f"i{row}": "card" for row in range(10)}
    votes = [vote(f"i{row}", "ann", "card") for row in range(12)]
    votes += [vote(f"i{row}", "bob", "refund" if row < 5 else "card") for row in range(10)]
    ann, bob = gold_records(votes, truth)
    assert (ann.annotator, ann.right, ann.answered) == ("ann", 10, 10)
    assert (bob.right, bob.answered) == (5, 10)
    assert bob.interval.low < 0.5 < bob.interval.high


def test_two_classes_that_people_mix_up_are_told_and_clear_ones_are_not():
    votes = [
        vote(f"i{row}", who, label) for row in range(8) for who, label in (("ann", "card"), ("bob", "refund"))
    ]
    votes += [vote(f"j{row}", who, "billing") for row in range(30) for who in ("ann", "bob")]
    votes += [vote("j99", "ann", "billing"), vote("j99", "bob", "card")]
    (gap,) = guideline_gaps(votes)
    assert (gap.classes, gap.pairs, gap.agreed) == (("card", "refund"), 8, 0.0)
    assert gap.items == tuple(f"i{row}" for row in range(8))

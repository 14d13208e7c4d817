from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from tests.pipeline.dev_answers import ROLES, make_seen

from smallcraft.pipeline.report_parts.dev_rows import DevRows
from smallcraft.pipeline.report_parts.mix_ups import MOST_EXAMPLES, describe_mix_ups
from smallcraft.records import TagPredictions, ValuePredictions


def test_pairs_stand_most_frequent_first_each_with_its_share_of_class_and_errors():
    found = describe_mix_ups(make_seen(), ())
    assert (found.rows, found.errors) == (28, 7)
    told = [(pair.truth, pair.answered, pair.rows, pair.share_of_class) for pair in found.pairs]
    assert told == [("billing", "login", 4, 0.25), ("parcel", "billing", 2, 1.0)]
    assert [pair.share_of_errors for pair in found.pairs] == [4 / 7, 2 / 7]


def test_examples_are_the_surest_mistakes_of_their_pair():
    pair = describe_mix_ups(make_seen(), ()).pairs[0]
    assert [mistake.shown.row for mistake in pair.examples] == [24, 23, 22]
    assert len(pair.examples) == MOST_EXAMPLES < pair.rows
    assert [mistake.confidence for mistake in pair.examples] == ["0.84", "0.83", "0.82"]
    assert pair.examples[0].shown.content.text == "message of dev row 24"


def test_of_numbers_the_widest_misses_are_told():
    truth, answered = np.array([1.0, 20.0, 3.0]), np.array([1.5, 5.0, 3.0])
    frame = pl.DataFrame({"message": ["a", "b", "c"], "intent": truth})
    found = describe_mix_ups(DevRows("dev", frame, ROLES, ValuePredictions(("y",), truth, answered)), ())
    assert (found.errors, found.pairs) == (None, ())
    assert [(m.shown.row, m.truth, m.answered) for m in found.misses][:2] == [
        (1, "20.0", "5.00"),
        (0, "1.00", "1.50"),
    ]


def test_of_several_labels_the_rows_with_most_wrong_ones_are_told():
    truth = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0]], dtype=bool)
    given = np.array([[0, 1, 0], [0, 1, 0], [1, 0, 0]], dtype=bool)
    frame = pl.DataFrame({"message": ["a", "b", "c"], "intent": ["x|z", "y", "x|y"]})
    tags = TagPredictions(("x", "y", "z"), truth, given * 1.0, given)
    found = describe_mix_ups(DevRows("dev", frame, ROLES, tags), ())
    assert (found.rows, found.errors) == (3, 2)
    assert [(m.shown.row, m.truth, m.answered) for m in found.misses] == [
        (0, "x, z", "y"),
        (2, "x, y", "x"),
    ]


def test_a_winner_without_mistakes_has_no_pair():
    seen = make_seen()
    right = np.where(seen.predictions.truth < 0, 0, seen.predictions.truth)
    probs = np.eye(3)[right]
    sure = replace(seen, predictions=replace(seen.predictions, truth=right, probs=probs))
    assert describe_mix_ups(sure, ()).pairs == ()

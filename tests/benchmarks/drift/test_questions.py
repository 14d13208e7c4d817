"""Questions as traffic: none comes again before all have come, and changes touch what they say."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from benchmarks.drift.questions import (
    WINDOW_ROWS,
    Helpdesk,
    Model,
    is_misread,
    misread,
    out_of_scope,
    traffic,
)

from smallcraft.data.profiles.reference import make_reference
from smallcraft.data.profiles.rows import AnswerRows, Rows
from smallcraft.data.profiles.texts import words_of
from smallcraft.observe.judging import WatchedRelease


@pytest.fixture(scope="module")
def desk():
    reference = make_reference(Rows(2, texts={"message": ["a", "b"]}), rng=np.random.default_rng(0))
    known = tuple(f"question {number}" for number in range(3 * WINDOW_ROWS))
    strange = tuple(f"strange {number}" for number in range(50))
    texts = [*known, *strange]
    probs = np.tile([0.75, 0.25], (len(texts), 1))
    answers = AnswerRows([f"answer to {text}" for text in texts], probs.max(axis=1), probs)
    # Nothing else is asked, so no bundle is.
    model = Model(None, Rows(len(texts), texts={"message": texts}, answers=answers), _places(texts))
    return Helpdesk(WatchedRelease("a@1", reference), model, known, strange)


def test_every_question_comes_once_before_one_comes_again(desk):
    drawn = list(islice(traffic(desk, seed=0), 6))
    assert [len(window) for window in drawn] == [WINDOW_ROWS] * 6
    assert sorted(text for window in drawn[:3] for text in window) == sorted(desk.in_scope)
    assert drawn[:3] != drawn[3:]
    assert drawn[0] != next(traffic(desk, seed=1))


def test_a_share_of_a_window_is_out_of_scope_and_the_rest_is_as_it_was(desk):
    window = next(traffic(desk, seed=0))
    changed = out_of_scope(desk, 0.05)(window, np.random.default_rng(0))
    assert len(changed) == WINDOW_ROWS
    assert len(set(changed[:10])) == 10
    assert set(changed[:10]) <= set(desk.out_of_scope)
    assert changed[10:] == window[10:]


def test_a_misread_apostrophe_is_a_token_that_nobody_writes():
    (broken,) = misread(["what's up"], np.random.default_rng(0))
    assert broken != "what's up"
    assert [is_misread(word) for word in words_of(broken)].count(True) >= 1
    assert misread(["fine"], np.random.default_rng(0)) == ["fine"]


def test_rows_carry_what_is_answered_to_them(desk):
    rows = desk.model.rows(["strange 2", "question 7", "strange 2"])
    assert rows.texts["message"] == ["strange 2", "question 7", "strange 2"]
    assert rows.answers.labels == ["answer to strange 2", "answer to question 7", "answer to strange 2"]
    assert rows.answers.confidence.tolist() == [0.75] * 3


def _places(texts):
    return {text: place for place, text in enumerate(texts)}

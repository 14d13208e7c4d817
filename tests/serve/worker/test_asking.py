"""Questions as frames: every row comes out bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.errors import IntegrityError
from smallcraft.serve.questions import Question
from smallcraft.serve.worker.asking import ask_frame, read_asked, read_rows

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def questions(draw):
    n, p, c = draw(st.integers(0, 4)), draw(st.integers(0, 3)), draw(st.integers(0, 2))
    texts = draw(st.none() | st.lists(words, min_size=n, max_size=n))
    bits = draw(st.lists(st.integers(0, 2**64 - 1), min_size=n * p, max_size=n * p))
    numbers = np.array(bits, dtype=np.uint64).view(np.float64).reshape(n, p)
    columns = tuple(draw(st.lists(st.none() | words, min_size=n, max_size=n)) for _ in range(c))
    spec = InputSpec(
        "t" if texts is not None else None,
        tuple(f"n{place}" for place in range(p)),
        tuple(f"c{place}" for place in range(c)),
    )
    return spec, Question(Inputs(n, texts, numbers, columns), head=draw(words))


@settings(max_examples=60)
@given(questions(), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.booleans())
def test_a_question_is_read_as_it_was_asked(drawn, number, fingerprint, is_alone):
    spec, question = drawn
    frame = ask_frame(question, number, deadline=12.5, fingerprint=fingerprint, is_alone=is_alone)
    asked = read_asked(frame)
    rows = read_rows(asked, spec)
    told = (asked.number, asked.head, asked.rows, asked.deadline, asked.fingerprint, asked.is_alone)
    assert told == (number, question.head, question.inputs.n, 12.5, fingerprint, is_alone)
    assert rows.texts == question.inputs.texts
    assert rows.numbers.tobytes() == question.inputs.numbers.tobytes()
    assert rows.numbers.shape == question.inputs.numbers.shape
    assert rows.categories == question.inputs.categories


def test_rows_of_more_columns_are_refused():
    question = Question(Inputs(2, None, np.ones((2, 3)), ()))
    asked = read_asked(ask_frame(question, 1, deadline=1.0, fingerprint=0))
    for spec in (
        InputSpec(None, ("a", "b")),
        InputSpec(None, ("a", "b", "c", "d")),
        InputSpec("t", ("a", "b", "c")),
    ):
        with pytest.raises(IntegrityError, match="restart the server"):
            read_rows(asked, spec)

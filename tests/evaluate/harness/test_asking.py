from __future__ import annotations

import time

import pytest
from tests.evaluate.harness.openers.toy_models import LABELS, TEXTS, text_questions

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.harness.answers import Answers, Questions, label_answers
from smallcraft.evaluate.harness.asking import ask_model
from smallcraft.evaluate.harness.openers.opener import OpenedModel


def by_heart(questions: Questions) -> Answers:
    known = dict(zip(TEXTS, LABELS, strict=True))
    assert questions.texts is not None
    return label_answers([known[text] for text in questions.texts], known=questions.labels)


@pytest.mark.parametrize("batch", [1, 2, 4, 6, 100])
def test_answers_do_not_depend_on_the_batch(batch):
    found = ask_model(OpenedModel("toy", "callable", by_heart), text_questions(), batch=batch).answers
    assert [found.classes[code] for code in found.probs.argmax(axis=1)] == LABELS


def test_no_row_is_asked_twice_and_a_whole_model_is_asked_once():
    asked: list[int] = []

    def counting(questions: Questions) -> Answers:
        asked.append(questions.rows)
        return by_heart(questions)

    ask_model(OpenedModel("toy", "callable", counting), text_questions(), batch=4)
    assert asked == [4, 2]
    asked.clear()
    ask_model(OpenedModel("toy", "predictions", counting, whole=True), text_questions(), batch=1)
    assert asked == [6]


def test_the_first_batch_pays_for_loading_and_is_left_out():
    slept: list[bool] = []

    def slow_at_first(questions: Questions) -> Answers:
        if not slept:
            end = time.process_time() + 0.2
            while time.process_time() < end:
                pass
            slept.append(True)
        return by_heart(questions)

    cost = ask_model(OpenedModel("toy", "callable", slow_at_first), text_questions(), batch=2).cost
    assert cost.name == "cpu_s_per_1000"
    assert cost.n == 4
    assert cost.value is not None
    assert cost.value < 20
    assert cost.low is None
    slept.clear()
    alone = ask_model(OpenedModel("toy", "callable", slow_at_first), text_questions(), batch=6).cost
    assert alone.value == pytest.approx(1000 * 0.2 / 6, rel=0.5)
    assert "the first call is part of it" in alone.detail


def test_cost_is_cpu_time_here_clock_time_elsewhere_and_nothing_for_a_file():
    def idle(questions: Questions) -> Answers:
        time.sleep(0.05)
        return by_heart(questions)

    costs = {
        kind: ask_model(OpenedModel("toy", "callable", idle, cost=kind), text_questions()).cost
        for kind in ("cpu", "wall", "none")
    }
    assert costs["cpu"].value is not None
    assert costs["cpu"].value < 5
    assert (costs["wall"].name, costs["wall"].value) == (
        "wall_s_per_1000",
        pytest.approx(1000 * 0.05 / 6, rel=0.5),
    )
    assert costs["none"].value is None
    assert "made elsewhere" in costs["none"].detail


def test_too_few_answers_a_batch_that_is_none_and_no_rows_are_refused():
    def short(questions: Questions) -> Answers:
        return by_heart(questions.take(0, 1))

    with pytest.raises(InvalidInputError, match="each of 6 rows, got 1 answers"):
        ask_model(OpenedModel("toy", "callable", short), text_questions())
    with pytest.raises(InvalidInputError, match="at least 1 row"):
        ask_model(OpenedModel("toy", "callable", by_heart), text_questions(), batch=0)
    with pytest.raises(InvalidInputError, match="got none"):
        ask_model(OpenedModel("toy", "callable", by_heart), text_questions([]))

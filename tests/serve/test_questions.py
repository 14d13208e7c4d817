"""What is asked and said: the same wherever the model runs, in the order that counts rely on."""

from __future__ import annotations

import typing
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.serve.questions import ARMS, Arm, ModelFacts, Question, Refusal, WantedOutput
from smallcraft.serve.rollout.counts import CANARY, STABLE

SPEC = InputSpec("message")
FACTS = ModelFacts("help@desk", "3", "sha256:3", "multiclass", SPEC, ("a", "b"), has_stages=False)


def test_arms_stand_where_counts_have_them():
    assert (ARMS[STABLE], ARMS[CANARY]) == ("stable", "canary")
    assert set(ARMS) == set(typing.get_args(Arm))


def test_a_model_is_named_as_people_name_its_release():
    assert FACTS.label == "help@desk@3"
    assert replace(FACTS, version="12").label == "help@desk@12"


def test_a_question_asks_for_everything_of_the_models_own_task_unless_it_says_otherwise():
    question = Question(read_inputs({"message": ["hello", "there"]}, SPEC))
    assert question.inputs.n == 2
    assert (question.key, question.id, question.head, question.outputs) == (None, None, "", ())
    assert question.form == "tensors"
    wanted = WantedOutput("label")
    assert (wanted.is_binary, wanted.top) == (False, 0)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (FACTS, "digest"),
        (Question(read_inputs({"message": ["x"]}, SPEC)), "key"),
        (WantedOutput("label"), "top"),
        (Refusal(404, "no such model", {}), "status"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nobody_on_the_way_changes_it(value, name):
    with pytest.raises((AttributeError, FrozenInstanceError)):
        setattr(value, name, "other")


def test_rows_that_are_taken_from_a_question_are_those_rows():
    question = Question(read_inputs({"message": ["a", "b", "c"]}, SPEC), key="me")
    some = question._replace(inputs=question.inputs.take(np.array([2, 0])))
    assert some.inputs.texts == ["c", "a"]
    assert some.key == "me"

"""Which outputs a request wants."""

from __future__ import annotations

import pytest
from tests.serve.protocol.models import PRICES, TAGS, TEXT, asked, tensor

from smallcraft.errors import InvalidInputError
from smallcraft.serve.questions import WantedOutput

MESSAGE = tensor("message", ["a"])


def wanted(outputs, model=TEXT, **parameters):
    return asked(model, MESSAGE, outputs=outputs, parameters=parameters).outputs


@pytest.mark.parametrize("outputs", [None, []])
def test_no_outputs_mean_all(outputs):
    assert wanted(outputs) == ()
    assert wanted(outputs, binary_data_output=True) == tuple(
        WantedOutput(name, True) for name in TEXT.outputs
    )


def test_outputs_keep_their_order_and_form():
    found = wanted(
        [
            {"name": "confidence", "parameters": {"binary_data": True}},
            {"name": "label", "parameters": {"classification": 2}},
            {"name": "abstained"},
        ]
    )
    assert found == (
        WantedOutput("confidence", is_binary=True),
        WantedOutput("label", top=2),
        WantedOutput("abstained"),
    )


def test_an_outputs_own_form_goes_before_the_requests():
    outputs = [{"name": "label", "parameters": {"binary_data": False}}, {"name": "confidence"}]
    found = wanted(outputs, binary_data_output=True)
    assert [output.is_binary for output in found] == [False, True]


def test_more_classes_than_there_are_mean_all():
    (found,) = wanted([{"name": "probabilities", "parameters": {"classification": 10**12}}])
    assert found.top == 3
    (found,) = wanted([{"name": "labels", "parameters": {"classification": 1}}], TAGS)
    assert found.top == 1


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ("label", "outputs must be a list, got 'label'"),
        ({}, "outputs must be a list, got"),
        (0, "outputs must be a list, got 0"),
        (["label"], "an output must be an object with a name, got 'label'; write {\"name\""),
        ([{}], "an output must be an object with a name"),
        ([{"name": 3}], "an output must be an object with a name"),
        ([{"name": "lable"}], "output 'lable' is not one of the model's; .*did you mean 'label'"),
        ([{"name": "label"}, {"name": "label"}], "output 'label' must be named once, got it twice"),
        ([{"name": "label", "parameters": 1}], "parameters of output 'label' must be a JSON object, got 1"),
        ([{"name": "label", "parameters": {"binary_data": 1}}], "binary_data must be true or false, got 1"),
        (
            [{"name": "label", "parameters": {"classification": -1}}],
            "classification must be a number of classes",
        ),
        ([{"name": "label", "parameters": {"classification": True}}], "got true of 'label'"),
        ([{"name": "label", "parameters": {"classification": 1.0}}], "got 1.0 of 'label'"),
        (
            [{"name": "confidence", "parameters": {"classification": 1}}],
            "of output 'label' or 'probabilities'",
        ),
        ([{"name": "label", "parameters": {"shared_memory_region": "r"}}], "can only come in the reply"),
    ],
)
def test_an_output_that_cannot_be_given_is_refused(outputs, message):
    with pytest.raises(InvalidInputError, match=message):
        wanted(outputs)


def test_classes_of_a_number_are_refused():
    age = tensor("age", [1.0], "FP64")
    with pytest.raises(InvalidInputError, match="an output that has classes, got 2 of 'value'"):
        asked(PRICES, age, outputs=[{"name": "value", "parameters": {"classification": 2}}])


def test_a_form_that_is_no_truth_is_refused():
    with pytest.raises(InvalidInputError, match="binary_data_output must be true or false, got 'yes'"):
        wanted(None, binary_data_output="yes")

"""A model as its clients see it."""

from __future__ import annotations

import pytest
from tests.serve.protocol.models import CLASSES, MIXED, NUMBERS, PRICES, SAID, SETS, TAGS, TEXT, interface
from tritonclient.utils import deserialize_bytes_tensor

from smallcraft.bundle.inputs import InputSpec
from smallcraft.serve.protocol.interface import TensorSpec
from smallcraft.serve.protocol.outputs import output_values


def test_columns_are_listed_in_the_bundles_order():
    assert [spec.name for spec in MIXED.inputs] == ["message", "age", "job", "is_new"]
    assert [spec.datatype for spec in MIXED.inputs] == ["BYTES", "FP64", "BYTES", "BYTES"]


def test_numbers_alone_are_one_tensor():
    assert NUMBERS.inputs == (TensorSpec("features", "FP64", (-1, 3)),)
    assert (NUMBERS.width, MIXED.width, TEXT.width) == (3, 0, 0)


def test_outputs_follow_the_task_and_what_was_fitted():
    assert list(TEXT.outputs) == ["label", "confidence", "probabilities", "abstained", "escalated"]
    assert list(SETS.outputs) == ["label", "confidence", "probabilities", "set", "abstained", "escalated"]
    assert list(TAGS.outputs) == ["labels", "tags", "confidence", "probabilities", "abstained", "escalated"]
    assert list(PRICES.outputs) == ["value", "low", "high", "abstained", "escalated"]
    plain = interface(InputSpec(None, ("age",), ()), task="regression", classes=["price"])
    assert list(plain.outputs) == ["value", "abstained", "escalated"]


@pytest.mark.parametrize("task", SAID)
def test_every_output_that_is_listed_can_be_given(task):
    model, reply = SAID[task]
    for name, spec in model.outputs.items():
        assert len(output_values(name, reply, model)) == 2 * (spec.shape[1] if len(spec.shape) > 1 else 1)


def test_class_names_are_encoded_as_the_client_decodes_them():
    elements = b"".join(TEXT.encoded[name] for name in CLASSES)
    assert [name.decode() for name in deserialize_bytes_tensor(elements)] == list(CLASSES)

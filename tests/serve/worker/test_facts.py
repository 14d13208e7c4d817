"""What a worker serves, as JSON and back."""

from __future__ import annotations

import json

import pytest

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import IntegrityError
from smallcraft.serve.questions import ModelFacts
from smallcraft.serve.worker.facts import read_heads, write_heads

FACTS = ModelFacts(
    name="helpdesk",
    version="3",
    digest="sha256:" + "1" * 64,
    task="multilabel",
    spec=InputSpec("message", ("age", "visits"), ("region",)),
    classes=("a", "ü", '"'),
    has_stages=True,
    has_sets=True,
    has_intervals=False,
)


def test_facts_are_read_as_they_were_written():
    heads = {"": FACTS, "urgency": FACTS}
    assert read_heads(json.loads(json.dumps(write_heads(heads)))) == heads


@pytest.mark.parametrize("told", [{}, {"heads": {"": {}}}, {"heads": {"": {"spec": 3}}}, {"heads": 1}])
def test_other_facts_are_refused(told):
    with pytest.raises(IntegrityError, match="restart the server"):
        read_heads(told)

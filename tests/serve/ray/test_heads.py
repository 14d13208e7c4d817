"""Heads of one encoder on Ray Serve: each is answered as on one machine, and only they are multiplexed."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.inputs import Inputs
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.ray.heads import replica_class
from smallcraft.serve.ray.replica import ReleaseReplica

pytestmark = pytest.mark.ray
TEXTS = ["refund my card", "the card is lost", ""]


def test_a_release_without_heads_is_not_multiplexed():
    assert replica_class(has_heads=False) is ReleaseReplica
    multiplexed = replica_class(has_heads=True)
    assert issubclass(multiplexed, ReleaseReplica)
    assert multiplexed.take_head is not ReleaseReplica.take_head


@pytest.mark.slow
@pytest.mark.parametrize("head", ["", "intents"])
def test_a_head_answers_as_it_does_on_one_machine(server, many_heads, head):
    tensor = {"name": "message", "datatype": "BYTES", "shape": [len(TEXTS)], "data": TEXTS}
    body = {"inputs": [tensor], "parameters": {"head": head} if head else {}}
    expected = open_model(many_heads).answerer.answer(Inputs(3, list(TEXTS), np.empty((3, 0)), ()), head)
    for _ in range(6):
        answer = server.ask(body, "/v2/models/words/infer")
        found = {output["name"]: output for output in answer.json["outputs"]}
        assert np.ravel(found["probabilities"]["data"]).tolist() == expected.probs.ravel().tolist()
        assert answer.headers["x-release"] == ("intents@2" if head else "words@1")

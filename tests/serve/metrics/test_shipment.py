import json

import numpy as np
import orjson
import pytest
from tests.serve.metrics.replies import reply

from smallcraft.errors import InvalidInputError
from smallcraft.serve.metrics.counters import Counters
from smallcraft.serve.metrics.shipment import from_message, to_message
from smallcraft.serve.metrics.step import StepName
from smallcraft.serve.metrics.tally import Served


def shipment():
    counters = Counters("router 1 of 4711")
    step = counters.step(
        StepName("r", 3, 0.1), classes=["a", "\ud7ff\n"], stable=Served("m", "m@1"), canary=Served("m", "m@2")
    )
    step.arms[0].answered(reply("a", "\ud7ff\n"), seconds=0.003)
    step.arms[1].answered(reply("\ud7ff\n"), seconds=0.004, key=2**64 - 1)
    step.arms[1].failed(status=504, key=2**64 - 2, timed_out=True)
    step.compare(reply("a").decisions, reply("b").decisions)
    counters.refuse("quarantined")
    return counters.take()


def same(one, other):
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(
    "through", [lambda message: orjson.loads(orjson.dumps(message)), lambda m: json.loads(json.dumps(m))]
)
def test_a_shipment_survives_the_way_as_json(through):
    sent = shipment()
    assert same(sent, from_message(through(to_message(sent))))


def change(path, value):
    message = orjson.loads(orjson.dumps(to_message(shipment())))
    *before, last = path
    place = message
    for step in before:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("router",), None),
        (("router",), 4),
        (("sequence",), -1),
        (("steps", 0, "counts", "latency"), [[1, 2], [3, 4]]),
        (("steps", 0, "counts", "requests"), [1, -1]),
        (("steps", 0, "firsts", "answer"), [99, -1]),
        (("steps", 0, "firsts", "arm"), [1]),
        (("steps", 0, "firsts", "keys"), [2**64, 1]),
        (("steps", 0, "failed_keys"), [[1]]),
        (("traffic", 0, "arm"), "red"),
        (("traffic", 0, "confidence"), [1]),
        (("traffic",), "none"),
        (("refusals",), [1]),
    ],
)
def test_what_is_no_shipment_is_refused_with_the_remedy(path, value):
    with pytest.raises(InvalidInputError, match="must be of one version"):
        from_message(change(path, value))

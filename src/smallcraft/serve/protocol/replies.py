"""A model's reply as an HTTP response: tensors in JSON or in raw bytes, or plainly.

Always: the reply says which release spoke, in the body and in the headers.
Not covered: probabilities that are no numbers, which a broken model may give; JSON writes them as null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from smallcraft.serve.protocol.datatypes import BYTES
from smallcraft.serve.protocol.interface import ModelInterface, bytes_element
from smallcraft.serve.protocol.messages import BINARY, JSON, Header, Message
from smallcraft.serve.protocol.outputs import Values, output_values, top_classes
from smallcraft.serve.protocol.plain_replies import plain_content
from smallcraft.serve.questions import Arm, Question, Reply, WantedOutput

_ARM_HEADERS: Mapping[Arm, Header] = {"stable": (b"x-arm", b"stable"), "canary": (b"x-arm", b"canary")}
_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_MOST_REMEMBERED = 1024


def write_reply(question: Question, reply: Reply, interface: ModelInterface, *, arm: Arm) -> Message:
    """The response to a question, in the form that it was asked.

    Args:
        question: What was asked.
        reply: What the model said about its `n` rows.
        interface: Of the model, or its head, that said it.
        arm: Which arm that model is.
    """
    if question.form == "tensors":
        return _write_tensors(question, reply, interface, arm)
    content = plain_content(reply, interface, arm=arm, is_one=question.form == "row")
    return _message(orjson.dumps(content), JSON, interface, arm)


def _write_tensors(question: Question, reply: Reply, interface: ModelInterface, arm: Arm) -> Message:
    if question.outputs is interface.all_binary and question.id is None:
        return _write_all_raw(reply, interface, arm)
    raw: list[bytes] = []
    n = len(reply.probs)
    outputs = [
        _write_output(wanted, reply, interface, n, raw) for wanted in question.outputs or interface.all_plain
    ]
    text = _write_json(outputs, interface, arm, question.id)
    # An output without any bytes is raw all the same, so the header stands where one was asked for raw.
    return _raw_message(text, raw, interface, arm) if raw else _message(text, JSON, interface, arm)


def _write_all_raw(reply: Reply, interface: ModelInterface, arm: Arm) -> Message:
    """Every output as raw bytes: the JSON before them is the same as often as their sizes are."""
    raw = [_raw_bytes(output_values(name, reply, interface), interface.encoded) for name in interface.outputs]
    n, sizes, known = len(reply.probs), tuple(map(len, raw)), interface.raw_heads
    text = known.get((arm, n, sizes))
    if text is None:
        outputs = [
            _describe(spec.name, spec.datatype, [n, *spec.shape[1:]], size)
            for spec, size in zip(interface.outputs.values(), sizes, strict=True)
        ]
        text = _write_json(outputs, interface, arm, None)
        if len(known) < _MOST_REMEMBERED:
            known[arm, n, sizes] = text
    return _raw_message(text, raw, interface, arm)


def _write_json(
    outputs: list[dict[str, Any]], interface: ModelInterface, arm: Arm, request_id: str | None
) -> bytes:
    facts = interface.facts
    content: dict[str, Any] = {"model_name": facts.name, "model_version": facts.version}
    if request_id is not None:
        content["id"] = request_id
    content["parameters"] = {"release": facts.label, "arm": arm}
    content["outputs"] = outputs
    return orjson.dumps(content, option=_NUMPY)


def _describe(name: str, datatype: str, shape: list[int], size: int) -> dict[str, Any]:
    """An output whose bytes follow the JSON."""
    parameters = {"binary_data_size": size}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}


def _write_output(
    wanted: WantedOutput, reply: Reply, interface: ModelInterface, n: int, raw: list[bytes]
) -> dict[str, Any]:
    spec = interface.outputs[wanted.name]
    datatype = spec.datatype
    shape = [n, *spec.shape[1:]]
    if wanted.top:
        values: Values = top_classes(reply, interface, wanted.top)
        datatype, shape = BYTES, [n, wanted.top]
    else:
        values = output_values(wanted.name, reply, interface)
    if wanted.is_binary:
        part = _raw_bytes(values, interface.encoded)
        raw.append(part)
        return _describe(wanted.name, datatype, shape, len(part))
    return {"name": wanted.name, "datatype": datatype, "shape": shape, "data": values}


def _raw_bytes(values: Values, encoded: Mapping[str, bytes]) -> bytes:
    if isinstance(values, np.ndarray):
        return values.tobytes()
    return b"".join([encoded.get(value) or bytes_element(value) for value in values])


def _raw_message(text: bytes, raw: list[bytes], interface: ModelInterface, arm: Arm) -> Message:
    message = _message(b"".join((text, *raw)), BINARY, interface, arm)
    message.headers.append((b"inference-header-content-length", b"%d" % len(text)))
    return message


def _message(body: bytes, kind: Header, interface: ModelInterface, arm: Arm) -> Message:
    return Message(
        200,
        [kind, (b"content-length", b"%d" % len(body)), (b"x-release", interface.release), _ARM_HEADERS[arm]],
        body,
    )

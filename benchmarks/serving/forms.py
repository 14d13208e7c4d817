"""Forms of request and reply: a plain JSON object, Open Inference Protocol v2 in JSON, and in binary.

Always: a reply is read whole and compared with what is right, whatever the form.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving.messages import Reply, request_bytes
from benchmarks.serving.work import CLASSES, Work

_HEADER_LENGTH = "inference-header-content-length"
_DATATYPES = {"FP32": "<f4", "FP64": "<f8", "BOOL": "?"}


@dataclass(frozen=True)
class Said:
    """What a reply says about its first row."""

    label: str
    confidence: float
    probabilities: NDArray[np.float64]


def plain_requests(work: Work, path: str) -> list[bytes]:
    """`{"features": [...]}`, or `{"text": "..."}`."""
    return [request_bytes(path, _compact({work.field: value})) for value in work.values]


def listed_requests(work: Work, path: str) -> list[bytes]:
    """`{"text": ["..."]}`: for servers that gather rows of several requests."""
    return [request_bytes(path, _compact({work.field: [value]})) for value in work.values]


def open_requests(work: Work, path: str) -> list[bytes]:
    """Open Inference Protocol v2 in JSON."""
    return [request_bytes(path, _compact({"inputs": [_tensor(work, value)]})) for value in work.values]


def binary_requests(work: Work, path: str) -> list[bytes]:
    """... with the tensor in binary, and all outputs wanted so."""
    return [_binary_request(work, path, value) for value in work.values]


def raw_requests(work: Work, path: str) -> list[bytes]:
    """Bare float32 numbers."""
    return [request_bytes(path, np.array(value, dtype="<f4").tobytes()) for value in work.values]


def read_raw(reply: Reply) -> Said:
    """Bare float64 probabilities, and the label behind them."""
    end = 8 * CLASSES
    found = np.frombuffer(reply.body[:end], dtype="<f8")
    return _said(reply.body[end:].decode(), found.max(), found)


def read_plain(reply: Reply) -> Said:
    """Of a plain object, or of the only one in a list."""
    found = json.loads(reply.body)
    found = found[0] if isinstance(found, list) else found
    return _said(found["label"], found["confidence"], found["probabilities"])


def read_open(reply: Reply) -> Said:
    """Of either form of Open Inference Protocol v2."""
    length = reply.header(_HEADER_LENGTH.encode())
    end = int(length) if length else len(reply.body)
    outputs, place = {}, end
    for output in json.loads(reply.body[:end])["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            outputs[output["name"]] = np.ravel(output["data"]).tolist()
        else:
            outputs[output["name"]] = _from_bytes(output["datatype"], reply.body[place : place + size])
            place += size
    return _said(outputs["label"][0], outputs["confidence"][0], outputs["probabilities"])


def _said(label: Any, confidence: Any, probabilities: Any) -> Said:
    return Said(str(label), float(confidence), np.array(probabilities, dtype=np.float64))


def check_for(work: Work, read: Callable[[Reply], Said], *, tolerance: float) -> Callable[[int, Reply], str]:
    """A check of every reply; a body that was found right before, byte for byte, is right again.

    Args:
        work: What is right.
        read: Reads this server's form.
        tolerance: Largest difference of a probability.
    """
    right_before: set[tuple[int, bytes]] = set()

    def check(place: int, reply: Reply) -> str:
        if reply.status == 200 and (place, reply.body) in right_before:
            return ""
        why = _what_is_wrong(work, place, reply, read, tolerance)
        if not why and len(right_before) < 4 * len(work.values):
            right_before.add((place, reply.body))
        return why

    return check


def _what_is_wrong(
    work: Work, place: int, reply: Reply, read: Callable[[Reply], Said], tolerance: float
) -> str:
    if reply.status != 200:
        return f"status {reply.status}: {reply.body[:200]!r}"
    try:
        said = read(reply)
    except (LookupError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error} in {reply.body[:200]!r}"
    right, found = work.right[place], said.probabilities
    if found.shape != right.shape:
        return f"{len(found)} probabilities for {len(right)} classes"
    difference = float(np.abs(found - right).max())
    if not difference <= tolerance:
        return f"a probability differs by {difference:.3g}"
    best = int(found.argmax())
    if said.label != work.classes[best] or abs(said.confidence - found[best]) > tolerance:
        return f"label {said.label!r} at {said.confidence}, most probable {work.classes[best]!r}"
    return ""


def _tensor(work: Work, value: Any) -> Mapping[str, Any]:
    if work.kind == "text":
        return {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [value]}
    return {"name": "features", "shape": [1, len(value)], "datatype": "FP32", "data": value}


def _binary_request(work: Work, path: str, value: Any) -> bytes:
    if work.kind == "text":
        encoded = value.encode()
        raw = len(encoded).to_bytes(4, "little") + encoded
    else:
        raw = np.array(value, dtype="<f4").tobytes()
    tensor = {name: part for name, part in _tensor(work, value).items() if name != "data"}
    tensor["parameters"] = {"binary_data_size": len(raw)}
    head = _compact({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    headers = {"content-type": "application/octet-stream", _HEADER_LENGTH: str(len(head))}
    return request_bytes(path, head + raw, headers=headers)


def _from_bytes(datatype: str, raw: bytes) -> list[Any]:
    if datatype != "BYTES":
        return list(np.frombuffer(raw, dtype=_DATATYPES[datatype]))
    found, place = [], 0
    while place < len(raw):
        size = int.from_bytes(raw[place : place + 4], "little")
        found.append(raw[place + 4 : place + 4 + size].decode())
        place += 4 + size
    return found


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

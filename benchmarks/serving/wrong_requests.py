"""Requests that no server may answer with 200: broken heads, JSON that is none, tensors that do not fit."""

from __future__ import annotations

import json
from functools import cache

from benchmarks.serving.messages import request_bytes

_DEEP = 5000


@cache
def bad_heads(path: str) -> tuple[bytes, ...]:
    """Of HTTP itself: each must be refused, or the connection closed."""
    first = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n".encode()
    return (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        b"nothing that HTTP knows\r\n\r\n",
        b"POST" + b" /" * 3 + b"\r\n\r\n",
        first + b"content-length: -1\r\n\r\n",
        first + b"content-length: 1e3\r\n\r\n",
        first + b"content-length: 99999999999999999999999\r\n\r\n",
        first + b"content-length: 4\r\ncontent-length: 5\r\n\r\n{}{}{",
        first + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
        first + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        first + b"no colon here\r\n\r\n",
        first + b"x-bell: \x07\x00\r\n\r\n",
        f"POST {path} HTTP/9.9\r\n\r\n".encode(),
    )


@cache
def malformed_json(path: str) -> tuple[bytes, ...]:
    """Whole requests, whose bodies mean nothing."""
    tensor = {"name": "features", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
    wrong_tensors: list[dict[str, object]] = [
        {**tensor, "shape": [1, -2]},
        {**tensor, "shape": [10**30]},
        {**tensor, "shape": "two"},
        {**tensor, "datatype": "FP33"},
        {**tensor, "data": [[[[]]]]},
        {**tensor, "data": [1, "two"]},
        {**tensor, "data": None},
        {**tensor, "name": "no such column"},
        {},
    ]
    bodies = [
        b"{",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"text"',
        b'{"inputs": [NaN]}',
        b'{"inputs": "\\ud800"}',
        b"[" * _DEEP,
        b'{"inputs": ' + b"[" * _DEEP + b"]" * _DEEP + b"}",
        b'{"inputs": []}',
        json.dumps({"inputs": [tensor, tensor]}).encode(),
        *(json.dumps({"inputs": [wrong]}).encode() for wrong in wrong_tensors),
    ]
    return tuple(request_bytes(path, body) for body in bodies)


@cache
def malformed_binary(path: str) -> tuple[bytes, ...]:
    """Requests of the binary tensor extension, whose sizes do not fit."""
    found = []
    for size, raw, claimed in (
        (8, bytes(4), None),
        (4, bytes(8), None),
        (-8, bytes(8), None),
        (10**30, bytes(8), None),
        ("8", bytes(8), None),
        (8, bytes(8), "100000"),
        (8, bytes(8), "-1"),
        (8, bytes(8), "ten"),
        (8, bytes(8), "0"),
    ):
        tensor = {"name": "features", "shape": [1, 2], "datatype": "FP32"}
        head = json.dumps({"inputs": [{**tensor, "parameters": {"binary_data_size": size}}]}).encode()
        headers = {
            "content-type": "application/octet-stream",
            "inference-header-content-length": claimed or str(len(head)),
        }
        found.append(request_bytes(path, head + raw, headers=headers))
    return tuple(found)

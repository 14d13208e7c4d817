"""uvicorn under a bare ASGI callable: what no server in Python on uvicorn goes below.

Style `bytes`: float32 numbers in; float64 probabilities and the label out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import uvicorn

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()
MODEL = JOB.open()
_HEADERS = [(b"content-type", b"application/json")]


def answer_json(body: bytes) -> bytes:
    """From a JSON object to a JSON object."""
    return orjson.dumps(MODEL.answer(orjson.loads(body)[MODEL.field]))


def answer_bytes(body: bytes) -> bytes:
    """From raw numbers to raw numbers, and the label behind them."""
    said = MODEL.answer(np.frombuffer(body, dtype="<f4"))
    return np.array(said["probabilities"]).tobytes() + said["label"].encode()


ANSWER = answer_bytes if JOB.style == "bytes" else answer_json


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's signature
    """Every request is a question to the model."""
    body, is_whole = b"", False
    while not is_whole:
        message = await receive()
        body += message.get("body", b"")
        is_whole = not message.get("more_body", False)
    answer = ANSWER(body)
    headers = [*_HEADERS, (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=JOB.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="error",
    )

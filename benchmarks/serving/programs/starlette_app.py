"""Starlette with orjson on both sides, as its page on responses shows."""

from __future__ import annotations

from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.serving.programs.job import read_server_job

JOB = read_server_job()
MODEL = JOB.open()


class OrjsonResponse(JSONResponse):
    """JSON written by orjson."""

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


async def predict(request: Request) -> OrjsonResponse:
    """One question."""
    asked = orjson.loads(await request.body())
    return OrjsonResponse(MODEL.answer(asked[MODEL.field]))


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, port=JOB.port, access_log=False, log_level="error")

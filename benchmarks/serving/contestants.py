"""Who serves: each peer with its environment, its program, where it is asked and in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.peers import ASGI, BENTOML, LITSERVE, MLSERVER, MOSEC, PYTRITON, RAY, Environment
from benchmarks.serving import forms
from benchmarks.serving.messages import Reply
from benchmarks.serving.work import Work


@dataclass(frozen=True)
class Form:
    """How a server is asked, and how its reply is read."""

    requests: Callable[[Work, str], list[bytes]]
    read: Callable[[Reply], forms.Said]


PLAIN = Form(forms.plain_requests, forms.read_plain)
LISTED = Form(forms.listed_requests, forms.read_plain)
OPEN = Form(forms.open_requests, forms.read_open)
BINARY = Form(forms.binary_requests, forms.read_open)
RAW = Form(forms.raw_requests, forms.read_raw)


@dataclass(frozen=True)
class Peer:
    """A server that is not ours.

    Attributes:
        name: As the tables call it.
        environment: Where it is installed.
        program: Below `benchmarks.serving.programs`.
        path: What is asked for.
        form: How.
        style: Which of the program's ways.
        batch: Requests that it gathers, at most.
        variables: Of its environment; what keeps it from calling home.
    """

    name: str
    environment: Environment
    program: str
    path: str = "/predict"
    form: Form = PLAIN
    style: str = ""
    batch: int = 1
    variables: Mapping[str, str] | None = None


_INFER = "/v2/models/model/infer"
_QUIET_BENTO = {"BENTOML_DO_NOT_TRACK": "true"}
_QUIET_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else it keeps a token in the user's home
    "RAY_raylet_start_wait_time_s": "300",
}
# Its shared memory needs an older Python 3.11 than 3.11.7; this is its own switch for doing without.
_TRITON = {"PYTRITON_NO_TENSORSTORE": "1"}
_BATCH = 16

LINEAR_PEERS = (
    Peer("raw uvicorn", ASGI, "raw_uvicorn"),
    Peer("Starlette", ASGI, "starlette_app"),
    Peer("FastAPI, async def", ASGI, "fastapi_app", style="async"),
    Peer("FastAPI, def", ASGI, "fastapi_app", style="threads"),
    Peer("mosec", MOSEC, "mosec_server", "/inference"),
    Peer("MLServer, in process", MLSERVER, "mlserver_model", _INFER, OPEN, style="in_process"),
    Peer("MLServer", MLSERVER, "mlserver_model", _INFER, OPEN),
    Peer("Triton (PyTriton)", PYTRITON, "pytriton_server", _INFER, OPEN, variables=_TRITON),
    Peer("BentoML", BENTOML, "bentoml_service", variables=_QUIET_BENTO),
    Peer("LitServe", LITSERVE, "litserve_app"),
    Peer("Ray Serve", RAY, "ray_app", variables=_QUIET_RAY),
)
# MLServer answers binary tensors over HTTP with 500; the others speak another protocol.
BINARY_PEERS = (
    Peer("raw uvicorn, bare bytes", ASGI, "raw_uvicorn", form=RAW, style="bytes"),
    Peer("Triton (PyTriton)", PYTRITON, "pytriton_server", _INFER, BINARY, variables=_TRITON),
)
TEXT_PEERS = (
    Peer("raw uvicorn", ASGI, "raw_uvicorn"),
    Peer("FastAPI, def", ASGI, "fastapi_app", style="threads"),
    Peer("mosec", MOSEC, "mosec_server", "/inference", batch=_BATCH),
    Peer("MLServer", MLSERVER, "mlserver_model", _INFER, OPEN, batch=_BATCH),
    Peer("Triton (PyTriton)", PYTRITON, "pytriton_server", _INFER, OPEN, batch=_BATCH, variables=_TRITON),
    Peer("BentoML", BENTOML, "bentoml_service", form=LISTED, batch=_BATCH, variables=_QUIET_BENTO),
    Peer("LitServe", LITSERVE, "litserve_app", batch=_BATCH),
    Peer("Ray Serve", RAY, "ray_app", batch=_BATCH, variables=_QUIET_RAY),
)

"""The client that is generated from the protocol's published OpenAPI document reads what we write.

`open-inference-openapi` on PyPI, unmodified; nothing of the document or the client is copied here.
"""

from __future__ import annotations

import importlib.util

import pytest
from tests.conftest import require
from tests.serve.protocol.models import LABELS, SAID, TEXT

from smallcraft.errors import SmallcraftError
from smallcraft.serve.protocol.interface import ModelInterface
from smallcraft.serve.protocol.messages import Message, refusal_of, write_refusal
from smallcraft.serve.protocol.metadata import (
    model_metadata,
    model_ready,
    server_live,
    server_metadata,
    server_ready,
)
from smallcraft.serve.protocol.opening import open_infer
from smallcraft.serve.protocol.reading import read_question
from smallcraft.serve.protocol.replies import write_reply
from smallcraft.serve.protocol.routes import find_route
from smallcraft.serve.questions import Refusal, Reply


def why_no_client() -> str | None:
    absent = [name for name in ("open_inference", "httpx") if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed; pip install open-inference-openapi" if absent else None


def answer(request, model: ModelInterface, reply: Reply) -> Message:
    """A request through routes, reading and writing, as a router does it, without sockets and processes."""
    route = find_route(request.method, request.url.path)
    if isinstance(route, Refusal):
        return write_refusal(route)
    simple = {
        "live": server_live,
        "ready": server_ready,
        "server": lambda: server_metadata("1.0"),
        "model": lambda: model_metadata(model, versions=["3"]),
        "model_ready": lambda: model_ready(
            route.model, why_not="" if route.version in {"", "3"} else "no such"
        ),
    }
    if route.goal in simple:
        return simple[route.goal]()
    try:
        question = read_question(open_infer(request.read()), model)
    except SmallcraftError as error:
        return write_refusal(refusal_of(error))
    return write_reply(question, reply, model, arm="stable")


def client_of(model: ModelInterface, reply: Reply):
    require(why_no_client())
    import httpx
    from open_inference.openapi.client import OpenInferenceClient

    def handle(request):
        message = answer(request, model, reply)
        return httpx.Response(message.status, headers=message.headers, content=message.body)

    transport = httpx.Client(transport=httpx.MockTransport(handle))
    return OpenInferenceClient(base_url="http://helpdesk", httpx_client=transport)


def test_the_client_reads_metadata_and_readiness():
    from_client = client_of(TEXT, LABELS)
    from_client.check_server_liveness()
    from_client.check_server_readiness()
    from_client.check_model_readiness("helpdesk")
    from_client.check_model_version_readiness("helpdesk", "3")
    assert "binary_tensor_data" in from_client.read_server_metadata().extensions
    metadata = from_client.read_model_metadata("helpdesk")
    assert (metadata.name, metadata.versions) == ("helpdesk", ["3"])
    assert [tensor.name for tensor in metadata.inputs] == ["message"]
    assert {tensor.name: tensor.shape for tensor in metadata.outputs}["probabilities"] == [-1, 3]
    assert from_client.read_model_version_metadata("helpdesk", "3").properties["release"] == "helpdesk@3"


@pytest.mark.parametrize("task", SAID)
def test_the_client_asks_and_reads_every_output(task):
    model, reply = SAID[task]
    from_client = client_of(model, reply)
    from open_inference.openapi.client import InferenceRequest

    tensor = (
        {"name": "message", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b"]]}
        if model.facts.spec.text
        else {"name": "features", "shape": [2, 1], "datatype": "FP64", "data": [1.5, 2.0]}
    )
    request = InferenceRequest(id="r1", inputs=[tensor])
    for received in (
        from_client.model_infer("helpdesk", request=request),
        from_client.model_version_infer("helpdesk", "3", request=request),
    ):
        assert (received.id, received.model_version, received.parameters["release"]) == (
            "r1",
            "3",
            "helpdesk@3",
        )
        assert [output.name for output in received.outputs] == list(model.outputs)
        assert all(len(output.data.__root__) >= 2 for output in received.outputs)


def test_the_client_is_told_what_to_change():
    from_client = client_of(TEXT, LABELS)
    from open_inference.openapi.client import InferenceRequest
    from open_inference.openapi.errors import BadRequestError, ServiceUnavailableError

    wrong = InferenceRequest(inputs=[{"name": "mesage", "shape": [1], "datatype": "BYTES", "data": ["a"]}])
    with pytest.raises(BadRequestError) as refused:
        from_client.model_infer("helpdesk", request=wrong)
    assert "did you mean 'message'" in refused.value.body["error"]
    with pytest.raises(ServiceUnavailableError):
        from_client.check_model_version_readiness("helpdesk", "4")

"""One ingress without a cluster around it: a router as plain ASGI has it, over a worker's real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from tests.serve.router.scenes import contender, digest_of, hang_up
from tests.serve.running import Answer, row
from tests.serve.worker_threads import HELD, numbers_answerer, worker_thread

from smallcraft.serve.ray.ingress import Ingress, IngressOrder
from smallcraft.serve.ray.lines import ControllerLine
from smallcraft.serve.rollout.assignment import Assignment
from smallcraft.serve.router.desk import Patience
from smallcraft.serve.router.models import connect_worker

INFER = "/v2/models/m/infer"
MOST_BYTES = 4096


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worker")
    with worker_thread(folder, numbers_answerer(folder)) as made:
        yield made


class Controller:
    """The other end of the line: tells of one worker, keeps what is shipped."""

    def __init__(self, worker) -> None:
        self.shipments: list[dict] = []
        reach = {"socket": str(worker.path), "box": str(worker.box), "source": None}
        self.assignment = {
            "kind": "assignment",
            "model": "m",
            "assignment": Assignment(1, contender(worker)).to_message(),
            "reach": {digest_of(worker): reach},
        }

    async def carry(self, said):
        answers = []
        for message in said:
            if message["kind"] == "hello":
                answers.append(self.assignment)
            elif message["kind"] == "counts":
                self.shipments.append(message["shipment"])
                answers.append({"kind": "counted", "sequence": message["shipment"]["sequence"]})
        return answers


@contextlib.asynccontextmanager
async def living(worker):
    """An ingress from the start of its lifespan to its end."""
    controller = Controller(worker)
    order = IngressOrder("controller", ("m",), Patience(), 64, (), MOST_BYTES)
    line = ControllerLine(controller.carry, (ConnectionError,))
    ingress = Ingress(order, line, connect_worker, router="i1")
    events: asyncio.Queue = asyncio.Queue()
    sent: asyncio.Queue = asyncio.Queue()
    life = asyncio.create_task(ingress({"type": "lifespan"}, events.get, sent.put))
    await events.put({"type": "lifespan.startup"})
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    try:
        yield ingress, controller
    finally:
        await events.put({"type": "lifespan.shutdown"})
        await life
        for model in ingress._models.values():
            await hang_up(type("Made", (), {"model": model}))


async def ask(ingress, body: bytes, path: str = INFER, *headers) -> Answer:
    sent = []
    parts = [body[:9], body[9:]]

    async def receive():
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(event):
        sent.append(event)

    scope = {"type": "http", "method": "POST" if body else "GET", "path": path, "headers": list(headers)}
    await ingress(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, sent[1]["body"])


def test_it_takes_requests_when_it_can_answer_and_names_none_twice(worker):
    async def play():
        async with living(worker) as (ingress, _):
            name = (b"x-request-id", b"mine")
            return await ask(ingress, json.dumps(row()).encode(), INFER, name)

    answer = asyncio.run(play())
    assert (answer.status, answer.headers["x-arm"]) == (200, "stable")
    assert answer.json["outputs"][0]["name"] == "label"
    # Ray Serve puts the name into every reply itself.
    assert "x-request-id" not in answer.headers


def test_refusals_are_those_of_the_server_of_one_machine(worker):
    async def play():
        async with living(worker) as (ingress, _):
            asked = [(b"{", INFER), (b"{}", "/v2/models/other/infer"), (b"x" * (MOST_BYTES + 1), INFER)]
            return [await ask(ingress, body, path) for body, path in asked] + [
                await ask(ingress, b"", "/nowhere"),
                await ask(ingress, b"", "/v2/health/ready"),
            ]

    assert [answer.status for answer in asyncio.run(play())] == [400, 404, 413, 404, 200]


def test_what_was_counted_is_told_when_it_ends(worker):
    async def play():
        async with living(worker) as (ingress, controller):
            for _ in range(3):
                assert (await ask(ingress, json.dumps(row()).encode())).status == 200
            return controller

    shipped = asyncio.run(play()).shipments
    replies = [part["replies"].get("200", 0) for told in shipped for part in told["traffic"]]
    assert sum(replies) == 3
    assert {told["router"] for told in shipped} == {"i1"}


def test_a_client_that_goes_leaves_nothing_open_and_is_counted(worker):
    async def play():
        async with living(worker) as (ingress, controller):
            asking = asyncio.create_task(ask(ingress, json.dumps(row(HELD)).encode()))
            await asyncio.get_running_loop().run_in_executor(None, worker.model.reached.wait, 30)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            worker.model.may_go_on.set()
            while ingress._under_way:
                await asyncio.sleep(0.01)
            model = ingress._models["m"]
            return model.gate.open, controller

    still_open, controller = asyncio.run(play())
    assert still_open == 0
    assert sum(told["clients_gone"] for told in controller.shipments) == 1

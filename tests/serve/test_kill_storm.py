"""A storm: kill -9 of this and that in the middle of a rollout under load, again and again."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading

import pytest
from tests.serve.running import GOES_ON, Running, counted, row, running, sources, until

from smallcraft.serve.state.opening import find_rollout

# `SMALLCRAFT_STORM_KILLS` says otherwise, for a longer storm or a shorter one.
KILLS = int(os.environ.get("SMALLCRAFT_STORM_KILLS", "20"))
BODY = json.dumps(row()).encode()


class Client:
    """Asks one request after the other, and sends one whose connection broke once more."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = self.retried = 0
        self.failed: list[str] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        # A pause, so that most of the processor is there for what starts again.
        while not self.is_over.wait(0.003):
            for attempt in (1, 2):
                try:
                    connection.request("POST", "/v2/models/m/infer", BODY)
                    reply = connection.getresponse()
                    reply.read()
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    self.retried += 1
                    if attempt == 2:
                        self.failed.append(repr(error))
                    continue
                if reply.status == 200:
                    self.answered += 1
                else:
                    self.failed.append(str(reply.status))
                break
        connection.close()


def until_answered(clients: list[Client]) -> None:
    """Wait until what each client asks now was answered."""
    before = [client.answered for client in clients]
    until(lambda: all(now.answered > then for now, then in zip(clients, before, strict=True)))


def is_whole(server: Running) -> bool:
    """Whether everything runs that should, and the new release gets its share."""
    told = server.order("status")
    releases = {worker["release"] for worker in told["workers"]}
    return len(told["routers"]) == 2 and releases == {"m@1", "m@2"} and told["models"]["m"]["weight"] == 0.3


@pytest.mark.slow
def test_no_request_fails_beyond_one_retry_and_the_rollout_stands(tmp_path):
    releases = sources(tmp_path)
    rng = random.Random(7)
    with running(tmp_path, releases[:1], routers=2) as server:
        clients = [Client(server.port) for _ in range(4)]
        try:
            for client in clients:
                client.thread.start()
            rollout = server.roll_out(releases[1], GOES_ON)
            until(lambda: is_whole(server))
            salt = find_rollout(server.settings.state / "m").salt
            # A new release that dies three times goes back.
            victims = ["canary", "canary", "supervisor"][: KILLS // 2]
            victims += rng.choices(
                ["router", "stable", "router", "stable", "supervisor"], k=KILLS - len(victims)
            )
            rng.shuffle(victims)
            for victim in victims:
                kill(server, victim, rng)
                until(lambda: is_whole(server), within_s=120.0)
                # One kill a request: what it hit is sent again, and answered, before the next.
                until_answered(clients)
        finally:
            for client in clients:
                client.is_over.set()
            for client in clients:
                if client.thread.ident:
                    client.thread.join(60)
        assert [failure for client in clients for failure in client.failed] == []
        assert sum(client.answered for client in clients) > 20 * KILLS
        status = server.status()["rollout"]
        assert (status["id"], status["phase"], status["weight"]) == (rollout, "canary", 0.3)
        assert find_rollout(server.settings.state / "m").salt == salt
        # None twice; what a killed router had not told may be missing.
        assert 0 < counted(server) <= sum(client.answered for client in clients)


def kill(server: Running, victim: str, rng: random.Random) -> None:
    told = server.order("status")
    if victim == "supervisor":
        server.process.kill()
        server.process.wait()
        server._forget()
        server.start()
    elif victim == "router":
        os.kill(rng.choice(told["routers"]), signal.SIGKILL)
        until(lambda: server.order("status")["routers"] != told["routers"])
    else:
        release = {"stable": "m@1", "canary": "m@2"}[victim]
        os.kill(server.worker(release), signal.SIGKILL)
        until(lambda: server.order("status")["workers"] != told["workers"])

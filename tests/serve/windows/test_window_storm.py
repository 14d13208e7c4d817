"""A storm while windows are fed: kill -9 of this and that under load, and every row accounted for."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.serve.running import GOES_ON, running, until
from tests.serve.test_kill_storm import is_whole, kill
from tests.serve.windows.collected import collected

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.heads.linear import LinearHead, exact_weights
from smallcraft.bundle.inputs import InputSpec
from smallcraft.bundle.stage import Stage
from smallcraft.data.profiles.framing import read_frames
from smallcraft.data.profiles.packing import Seen, unpack_seen
from smallcraft.data.profiles.profile import SliceName
from smallcraft.models.export import write_bundle
from smallcraft.serve.loading.source import ModelSource, source_of_folder
from smallcraft.serve.windows.settings import WindowSettings

# `SMALLCRAFT_STORM_KILLS` says otherwise, for a longer storm or a shorter one.
KILLS = int(os.environ.get("SMALLCRAFT_STORM_KILLS", "6"))
# From an answer to its being noted: a flush, the work, and a loaded machine.
NOTED_WITHIN_S = 1.0


def release(folder: Path, version: str) -> ModelSource:
    """Of a model that reads who asks, a name of their own each."""
    head = LinearHead(np.zeros(3, np.float32), (exact_weights(np.eye(2, 3)),))
    stages = (Stage("only", (ColumnsBlock(1, (("nobody",),)),), head),)
    spec = InputSpec(numbers=("x0",), categories=("who",))
    classes = tuple(f"class {code}" for code in range(3))
    made = write_bundle(
        folder, stages, Decoder(scale=0.1), classes=classes, spec=spec, about={"rung": version}
    )
    return source_of_folder(made[0], "m", version)


class Client:
    """Asks under another name each time, also when it asks again."""

    def __init__(self, port: int, number: int) -> None:
        self.port = port
        self.number = number
        self.sent: set[str] = set()
        self.answered: dict[str, float] = {}
        self.refused: list[int] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self.is_over.wait(0.003):
            who = f"{self.number}-{len(self.sent)}"
            self.sent.add(who)
            try:
                connection.request("POST", "/predict/m", json.dumps({"x0": 0.5, "who": who}))
                reply = connection.getresponse()
                reply.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if reply.status == 200:
                self.answered[who] = time.monotonic()
            else:
                self.refused.append(reply.status)
        connection.close()


def names_in(slices: Mapping[SliceName, Seen]) -> Counter[str]:
    """How often each asker was counted."""
    profiles = [seen.profile for seen in slices.values() if seen.profile.n]
    return sum((Counter(profile.columns["who"].as_mapping()) for profile in profiles), Counter())


def noted(folder: Path) -> set[str]:
    """Who is in a part by now."""
    found: set[str] = set()
    for path in [*folder.glob("*.open"), *folder.glob("*.part")]:
        # One that is sealed meanwhile has another name.
        with contextlib.suppress(FileNotFoundError):
            for payload in read_frames(path.read_bytes()).payloads:
                found |= set(names_in(unpack_seen(payload)))
    return found


@pytest.mark.slow
def test_every_answer_is_in_one_window_but_for_the_last_turn_of_killed_routers(tmp_path):
    settings = WindowSettings(tmp_path / "windows", seconds=1, flush_s=0.05)
    releases = [release(tmp_path, version) for version in "12"]
    rng = random.Random(11)
    victims = ["router", "canary", "supervisor", "stable", *(KILLS * ["router"])][:KILLS]
    rng.shuffle(victims)
    deaths, noted_before = [], set()
    with running(tmp_path, (releases[0],), routers=2, windows=settings) as server:
        clients = [Client(server.port, number) for number in range(4)]
        try:
            for client in clients:
                client.thread.start()
            server.roll_out(releases[1], GOES_ON)
            until(lambda: is_whole(server))
            for victim in victims:
                noted_before |= noted(settings.folder)
                began = time.monotonic()
                kill(server, victim, rng)
                if victim == "router":
                    deaths.append((began, time.monotonic()))
                until(lambda: is_whole(server), within_s=120.0)
        finally:
            for client in clients:
                client.is_over.set()
            for client in clients:
                if client.thread.ident:
                    client.thread.join(60)
        assert server.stop() == 0
    counted = sum(map(names_in, collected(settings.folder).values()), Counter())
    sent = {who for client in clients for who in client.sent}
    answered = {who: when for client in clients for who, when in client.answered.items()}
    assert [client.refused for client in clients] == [[]] * 4
    assert len(answered) > 20 * KILLS
    # None twice, none that was not sent, and all that was noted once.
    assert set(counted.values()) == {1}
    assert set(counted) <= sent
    assert noted_before <= set(counted)
    lost = [when for who, when in answered.items() if who not in counted]
    assert all(any(begin - NOTED_WITHIN_S < when < end for begin, end in deaths) for when in lost)

"""A real server for tests: a supervisor in a process of its own, with routers and workers, on the loopback.

Always: every process that it started is gone when the test is over, also when the test failed.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.serving.load import BackgroundLoad
from benchmarks.serving.messages import Target, request_bytes
from benchmarks.serving.plans import Closed, Open
from tests.serve.faulty_worker import FAULTS
from tests.serve.toy_bundles import write_numbers_bundle

from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.source import ModelSource, source_of_folder
from smallcraft.serve.processes.admin import ask_server
from smallcraft.serve.processes.orders import start_message
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.starting import Declared

MARK = "SMALLCRAFT_TEST_SERVER"
PATIENCE_S = 60.0
FAULTY = (sys.executable, "-P", str(Path(__file__).with_name("faulty_worker.py")))
ROOT = Path(__file__).resolve().parents[2]
# Runs until something stands against it: no step of it ends by itself in a test.
PLAN = RolloutPlan(
    stages=(0.5,), mature_requests=(10**9,), shadow_requests=1, baseline_requests=1, dwell_s=0.0
)
# The same, with so much traffic for the new release that nothing of the other is left out.
GOES_ON = replace(PLAN, stages=(0.3,))
_CHILD = """
import json, logging, pickle, sys
from dataclasses import asdict
from smallcraft.serve.supervisor import serve
logging.basicConfig(level=logging.INFO)
serve(pickle.load(sys.stdin.buffer), on_ready=lambda where: print(json.dumps(asdict(where)), flush=True))
"""


def until(is_true: Callable[[], object], *, within_s: float = PATIENCE_S, pause_s: float = 0.02) -> Any:
    """Wait for a condition, looked at that often, and give what it gave."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = is_true()
        if found:
            return found
        time.sleep(pause_s)
    raise AssertionError(f"not within {within_s} s: {is_true}")


def row(first: float = 0.5, width: int = 4) -> dict[str, Any]:
    """The body of a request of one row, in JSON; its first number is what faults look at."""
    return {
        "inputs": [
            {
                "name": "features",
                "datatype": "FP64",
                "shape": [1, width],
                "data": [first, *(0.1 * np.arange(1, width)).tolist()],
            }
        ]
    }


# So many that chance gives none of the arms all of them.
KEYED = [{**row(), "parameters": {"key": f"customer-{number}"}} for number in range(40)]


@dataclass
class Answer:
    """A reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """One server; `asked` is what a test notes that it asked."""

    settings: ServeSettings
    environment: Mapping[str, str]
    log: Path
    port: int = 0
    asked: int = 0
    process: subprocess.Popen[bytes] | None = None
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    runs: list[str] = field(default_factory=list)
    child: str = _CHILD
    # A load lasts as long as whatever a test waits for.
    load_s: float = 2 * PATIENCE_S

    def told(self, settings: ServeSettings) -> object:
        """What the child is told, once: its settings."""
        return settings

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        told = self.settings
        if self.port:
            # The one it had, so that its clients find it again.
            told = replace(told, port=self.port)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.child],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={
                    **os.environ,
                    **self.environment,
                    MARK: self.mark,
                    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
                },
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(pickle.dumps(self.told(told)))
        self.process.stdin.close()
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(PATIENCE_S)
            self._forget()
            raise SmallcraftError(self.log.read_text("utf-8")[-3000:])
        where = json.loads(line)
        self.port = where["port"]
        self.runs.append(where["run"])

    def ask(
        self,
        body: object = None,
        path: str = "/v2/models/m/infer",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            told = body if isinstance(body, bytes) or body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, told, dict(headers or {}))
            reply = connection.getresponse()
            return Answer(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def order(self, command: str, **more: object) -> dict[str, Any]:
        """Order something."""
        return ask_server(self.settings.state, {"command": command, **more})

    def roll_out(self, source: ModelSource, plan: RolloutPlan = PLAN, **more: Any) -> str:
        """Begin a rollout, and give its id."""
        declared = Declared(classes=("class 0", "class 1", "class 2"), disagreement=1.0)
        told = ask_server(self.settings.state, start_message(source, plan, declared, **more))
        return str(told["rollout"])

    def status(self, model: str = "m") -> dict[str, Any]:
        """Of a model."""
        return dict(self.order("status")["models"][model])

    def load(self, *bodies: object, connections: int = 8, rate: float | None = None) -> BackgroundLoad:
        """A load of these bodies in turn, on so many connections or, of another kind, so many a second."""
        told = [json.dumps(body).encode() for body in bodies or (row(),)]
        requests = [request_bytes("/v2/models/m/infer", body) for body in told]
        plan = Closed(connections, self.load_s) if rate is None else Open(rate, self.load_s)
        return BackgroundLoad(Target(port=self.port), requests, plan, timeout_s=PATIENCE_S)

    def receipts(self, model: str = "m") -> list[dict[str, Any]]:
        """What was decided on the rollouts of a model, from its state on disk."""
        path = self.settings.state / model / "rollouts.db"
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT body FROM receipts ORDER BY rollout, number").fetchall()
        return [json.loads(body) for (body,) in rows]

    def until_phase(self, *phases: str) -> dict[str, Any]:
        """Wait until the rollout is in one of some phases."""

        def there() -> dict[str, Any] | None:
            rollout = self.status()["rollout"]
            return rollout if rollout is not None and rollout["phase"] in phases else None

        return dict(until(there))

    def worker(self, release: str) -> int:
        """Wait for a worker of a release; its process."""

        def found() -> int | None:
            workers = self.order("status")["workers"]
            return next((worker["pid"] for worker in workers if worker["release"] == release), None)

        return int(until(found))

    def processes(self) -> list[int]:
        """All of them, the supervisor and what it started."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with contextlib.suppress(OSError):
                    environ = (folder / "environ").read_bytes()
                    state = (folder / "stat").read_text("latin-1").rpartition(")")[2].split()[0]
                    if f"{MARK}={self.mark}".encode() in environ and state != "Z":
                        found.append(int(folder.name))
        return found

    def stop(self) -> int:
        """End it in order; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE_S)
        self._forget()
        return code

    def kill(self) -> None:
        """End all of it at once."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(PATIENCE_S)
            self._forget()
        until(lambda: not self.processes())

    def _forget(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None


@contextlib.contextmanager
def running(
    folder: Path, models: tuple[ModelSource, ...], *, faults: Mapping[str, Any] | None = None, **settings: Any
) -> Iterator[Running]:
    """A server that accepts connections.

    Args:
        folder: Of its state and log.
        models: The stable releases.
        faults: Of each version, as `faulty_worker` has them; None for workers as they are.
        settings: Of `ServeSettings`.
    """
    if faults is not None:
        settings["worker_command"] = FAULTY
    told = ServeSettings(models=models, state=folder / "state", port=0, **settings)
    server = Running(told, {FAULTS: json.dumps(faults or {})}, folder / "log.txt")
    try:
        server.start()
        yield server
    finally:
        server.kill()
        for run in server.runs:
            shutil.rmtree(run, ignore_errors=True)


def more_answers(load: BackgroundLoad, arm: str, count: int = 30) -> None:
    """Wait until an arm has answered some more requests of a load."""
    after = load.so_far().of_arm(arm).sum() + count
    until(lambda: load.so_far().of_arm(arm).sum() >= after)


def counted(server: Running) -> int:
    """Requests of both arms that the rollout has counted by now."""
    rollout = server.status()["rollout"]
    return int(rollout["stable"]["requests"] + rollout["canary"]["requests"])


def arms_of_keys(server: Running) -> list[str]:
    """The arm that each key of `KEYED` meets."""
    return [server.ask(body).headers["x-arm"] for body in KEYED]


def begin_canary(server: Running, source: ModelSource, **more: Any) -> int:
    """Roll a release out until it gets its share for good; how many requests that took."""
    server.roll_out(source, GOES_ON, **more)
    asked = 0
    while server.status()["weight"] != GOES_ON.stages[0]:
        assert server.ask(row()).status == 200
        asked += 1
    return asked


def sources(folder: Path) -> tuple[ModelSource, ModelSource]:
    """Two releases of one small model, 4 numbers to 3 classes, that say the same."""
    made = [
        write_numbers_bundle(folder, seed=1, numbers=4, classes=3, name=name)[0] for name in ("old", "new")
    ]
    return source_of_folder(made[0], "m", "1"), source_of_folder(made[1], "m", "2")

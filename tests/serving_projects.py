"""`smallcraft serve` for tests: the command in a process of its own, on the loopback, over a built project.

Beside it the socket alone, over real controllers, for tests of orders that need no worker.
Always: every process that it started is gone when the test is over, also when the test failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smallcraft.serve.controller import Controller
from smallcraft.serve.processes.admin import AdminChannel, listen_privately
from smallcraft.serve.processes.orders import obey
from smallcraft.serve.processes.served import Beginning, contender
from smallcraft.serve.processes.whereabouts import (
    Whereabouts,
    forget_whereabouts,
    make_run_folder,
    remove_run_folder,
    write_whereabouts,
)
from smallcraft.serve.rollout.named_release import NamedRelease
from smallcraft.serve.state.deciding import Moment

PATIENCE_S = 60.0
_SERVE = "import sys; from smallcraft.cli.main import run; sys.exit(run(sys.argv[1:]))"
# A rollout that goes on until something stands against it, or a person ends it.
ENDLESS = (
    "[rollout]\nstart = 0.5\nstages = [0.5]\ndwell_s = 3600\nshadow_requests = 2\nbaseline_requests = 2\n"
)


@dataclass
class ServedHere:
    """A server that accepts connections.

    Attributes:
        project: Its project's folder.
        address: `http://127.0.0.1:PORT`.
        process: The command.
        said: What it printed by then.
    """

    project: Path
    address: str
    process: subprocess.Popen[str]
    said: str

    def ask(self, path: str, body: object = None, **headers: str) -> Any:
        """Ask for a path, with a body in JSON; the reply's JSON, whatever its status."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return json.loads(error.read())

    def text(self, path: str) -> str:
        """A page."""
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_S) as reply:
            return str(reply.read().decode())


def until(is_true: Callable[[], object], *, within_s: float = PATIENCE_S) -> Any:
    """Wait for a condition, and give what it gave."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        found = is_true()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {is_true}")


@contextlib.contextmanager
def serving(project: Path, *arguments: str, program: str = _SERVE) -> Iterator[ServedHere]:
    """The server of a project, until the block ends.

    Args:
        project: Its folder.
        arguments: Of `smallcraft serve`, beside the project and a port.
        program: Python that serves.
    """
    command = [sys.executable, "-c", program, "serve", *arguments, "-p", str(project), "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        said = ""
        while "\nnext  " not in said:
            line = process.stdout.readline()
            assert line, f"the server ended: {said}"
            said += line
        address = next(word for word in said.split() if word.startswith("http://"))
        yield ServedHere(project, address, process, said)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(PATIENCE_S)
        finally:
            # Routers and workers are of its session; none is left when it ended well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.stdout is not None:
                process.stdout.close()


class Ordered:
    """A model that takes orders: its controller, and no worker."""

    def __init__(self, folder: Path, stable: NamedRelease) -> None:
        self.controller = Controller(folder, stable=stable, now=time.monotonic())
        self.begun: list[Beginning] = []

    def begin(self, beginning: Beginning, *, at: Moment) -> str:
        self.begun.append(beginning)
        self.controller.start(
            contender(beginning.source),
            beginning.plan,
            beginning.declared,
            salt=beginning.salt,
            at=at,
            unsafe_repeat=beginning.unsafe_repeat,
        )
        self.controller.tick(at)
        assert self.controller.state is not None
        return self.controller.state.id

    def tick(self, at: Moment) -> None:
        self.controller.tick(at)

    def loaded(self) -> None:
        """As if a worker of the new release were ready now."""
        assert self.controller.state is not None
        self.controller.report_loaded(self.controller.state.canary.digest)
        self.controller.tick(moment())


@dataclass
class OrderedHere:
    """A socket that takes orders, and the thread behind it.

    Attributes:
        models: By name; to be touched inside `run` alone.
    """

    models: dict[str, Ordered]
    loop: asyncio.AbstractEventLoop

    def run(self, work: Callable[[], Any]) -> Any:
        """Do something in the thread that has the controllers."""

        async def done() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(PATIENCE_S)


def moment() -> Moment:
    """Now."""
    return Moment(time.monotonic(), datetime.now(UTC))


@contextlib.contextmanager
def taking_orders(state: Path, **stables: NamedRelease) -> Iterator[OrderedHere]:
    """The socket of a server whose state folder this is, until the block ends.

    Args:
        state: The folder.
        stables: What answers now, by the model's name.
    """
    state.mkdir(parents=True, exist_ok=True)
    where = Whereabouts(os.getpid(), str(make_run_folder()), "127.0.0.1", 1)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    here = OrderedHere({}, loop)

    def answer(message: Any) -> dict[str, Any]:
        told = obey(message, here.models, at=moment())
        if message["command"] != "status":
            return told
        return told | {"pid": os.getpid(), "routers": [], "workers": [], "alarms": []}

    async def listen() -> asyncio.AbstractServer:
        here.models.update({name: Ordered(state / name, stable) for name, stable in stables.items()})
        return await listen_privately(where.admin, lambda: AdminChannel(answer))

    async def end(server: asyncio.AbstractServer) -> None:
        server.close()
        for model in here.models.values():
            model.controller.close()

    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result(PATIENCE_S)
        write_whereabouts(state, where)
        try:
            yield here
        finally:
            forget_whereabouts(state)
            asyncio.run_coroutine_threadsafe(end(server), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE_S)
        loop.close()
        remove_run_folder(Path(where.run))

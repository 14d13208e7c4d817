"""A worker process from its first message to its end: load under limits, listen, serve, leave.

It talks with the supervisor over its standard input, a socket: settings come in, `ready` or `failed` goes
out, and when the other end is gone the worker is an orphan, which serves the routers that it has and ends
with the last of them.
Leaves to others: what is loaded (`serve.loading`), the main loop (`worker.loop`).
Always: it listens before it says that it is ready; a bundle that does not load, or does not answer its own
test, is told with the reason; SIGTERM lets what it has be answered.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smallcraft.serve.loading.limits import LoadLimits, limited
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.source import ModelSource, read_source, write_source
from smallcraft.serve.processes.control import take_control
from smallcraft.serve.processes.messages import Message, receive_message, send_message
from smallcraft.serve.worker.answering import Model
from smallcraft.serve.worker.blackbox import BlackBox
from smallcraft.serve.worker.facts import write_heads
from smallcraft.serve.worker.frames import hello_frame
from smallcraft.serve.worker.loop import WorkerLoop

FAILED_TO_LOAD = 3
_BACKLOG = 64
_REASON_LETTERS = 2000
# How often an orphan looks whether its routers are gone.
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class WorkerOrder:
    """What a worker is to do.

    Attributes:
        source: What to load.
        limits: What loading may take.
        socket: Where to listen.
        box: Where to note what it is at.
        memory_bytes: Resident memory past which the supervisor replaces it; it gets address space for twice
            as much beyond what it has when it is loaded, so that it fails before the machine does.
        leave_s: How long it waits for its routers when it is told to leave.
        orphan_s: How long it serves without a supervisor.
        keeps_embeddings: Whether replies have what an encoder said on the way to them.
    """

    source: ModelSource
    limits: LoadLimits
    socket: Path
    box: Path
    memory_bytes: int = 2 << 30
    leave_s: float = 10.0
    orphan_s: float = 30.0
    keeps_embeddings: bool = False


def write_order(order: WorkerOrder) -> dict[str, Any]:
    """An order as a message."""
    return {
        "source": write_source(order.source),
        "limits": asdict(order.limits),
        "socket": str(order.socket),
        "box": str(order.box),
        "memory_bytes": order.memory_bytes,
        "leave_s": order.leave_s,
        "orphan_s": order.orphan_s,
        "keeps_embeddings": order.keeps_embeddings,
    }


def read_order(message: Mapping[str, Any]) -> WorkerOrder:
    """An order from what `write_order` wrote."""
    return WorkerOrder(
        source=read_source(message["source"]),
        limits=LoadLimits(**message["limits"]),
        socket=Path(message["socket"]),
        box=Path(message["box"]),
        memory_bytes=message["memory_bytes"],
        leave_s=message["leave_s"],
        orphan_s=message["orphan_s"],
        keeps_embeddings=message["keeps_embeddings"],
    )


def load(order: WorkerOrder) -> Model:
    """The model of an order.

    Raises:
        SmallcraftError: It is not what was recorded, or does not answer its own test.
    """
    answerer = open_model(order.source, limits=order.limits).answerer
    if order.keeps_embeddings:
        answerer.keep_embeddings()
    return answerer


def run_worker(load: Callable[[WorkerOrder], Model] = load) -> None:
    """The whole life of a worker process.

    Args:
        load: Makes the model.
    """
    control = take_control()
    message = receive_message(control)
    if message is None:
        return
    order = read_order(message)
    try:
        with limited(order.limits):
            model = load(order)
    except Exception as error:  # noqa: BLE001 - the process's edge: a bundle may fail in any way
        _report(control, {"kind": "failed", "reason": _reason(error)})
        sys.exit(FAILED_TO_LOAD)
    _fence(2 * order.memory_bytes)
    # What is there now stays; the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    told = write_heads(model.heads)
    loop = WorkerLoop(_listen(order.socket), model, box=BlackBox(order.box), hello=hello_frame(told))
    signal.signal(signal.SIGTERM, lambda *_: loop.leave(within_s=order.leave_s))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, args=(control, loop, order), daemon=True).start()
    _report(control, {"kind": "ready", **told})
    loop.run()


def _fence(more_bytes: int) -> None:
    """Let the process have so much address space beyond what it has now."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        now = int(statm.read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = now + more_bytes
        resource.setrlimit(
            resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    listener.bind(str(path))
    listener.listen(_BACKLOG)
    return listener


def _report(control: socket.socket, message: Message) -> None:
    # A supervisor that is gone is noticed by whoever waits for it.
    with contextlib.suppress(OSError):
        send_message(control, message)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it wanted more memory than loading may take"
    return f"{error}"[:_REASON_LETTERS] or type(error).__name__


def _watch_parent(control: socket.socket, loop: WorkerLoop, order: WorkerOrder) -> None:
    """Wait for the supervisor's end; then for the routers', but not for ever."""
    while receive_message(control) is not None:
        pass
    until = time.monotonic() + order.orphan_s
    while loop.connections and time.monotonic() < until:
        time.sleep(_LOOK_S)
    loop.leave(within_s=1.0)
    # A model that does not return is not waited for.
    time.sleep(order.leave_s)
    os._exit(1)

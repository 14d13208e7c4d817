"""The tour's server: `smallcraft serve` in a process of its own, on the loopback, whose workers may fall ill.

    python -m smallcraft.demo.live_server FOLDER RELEASE

Prints its port when it accepts connections, and ends when its standard input does, so that it never
outlives whoever started it.
Leaves to others: how workers fall ill (`demo.ill_worker`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from smallcraft.demo.ill_worker import worker_command
from smallcraft.errors import SmallcraftError
from smallcraft.pipeline.serving import ServedProject, move_stable, serve_settings, served_project

_END_S = 60.0


@dataclass(frozen=True)
class LiveServer:
    """A server that accepts connections.

    Attributes:
        served: Its project.
        port: On the loopback.
    """

    served: ServedProject
    port: int

    @property
    def illness(self) -> Path:
        """The file that says what workers suffer from; see `demo.ill_worker`."""
        return _illness(self.served)


@contextmanager
def live_server(folder: Path, release: str) -> Iterator[LiveServer]:
    """A server of a project's release, until the block ends.

    Args:
        folder: The project's.
        release: What answers at first.

    Raises:
        SmallcraftError: It did not start; it said why on standard error.
    """
    command = [sys.executable, "-P", "-m", "smallcraft.demo.live_server", str(folder), release]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdout, process.stdin:
        try:
            port = process.stdout.readline().strip()
            if not port:
                raise SmallcraftError(f"the server of {release} did not start; what it said stands above")
            yield LiveServer(served_project(folder), int(port))
        finally:
            process.stdin.close()
            process.wait(_END_S)


def run_server(folder: Path, release: str) -> None:
    """Serve until standard input ends; in the main thread of a process."""
    from smallcraft.serve.supervisor import serve

    served = served_project(folder)
    served.state.mkdir(parents=True, exist_ok=True)
    settings = replace(
        serve_settings(served, [release]), port=0, worker_command=worker_command(_illness(served))
    )
    threading.Thread(target=_end_with_input, daemon=True).start()
    serve(
        settings,
        on_done=lambda done: move_stable(served, done),
        on_ready=lambda where: print(where.port, flush=True),
    )


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _illness(served: ServedProject) -> Path:
    return served.state / "illness.json"


if __name__ == "__main__":
    run_server(Path(sys.argv[1]), sys.argv[2])

"""A real Ray cluster of two machines, as far as Ray can tell: two nodes on the loopback, one core each.

Always: what was started is gone in the end. Ray is used in child processes, so that what it does to a process
(threads, signals, warnings) stays there.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 80 << 20
PATIENCE_S = 300


def missing_reason() -> str | None:
    """Why there is no cluster here; None where there can be."""
    return None if find_spec("ray") else "ray is not installed; `pip install 'smallcraft[scale]'` adds it"


@dataclass(frozen=True)
class RayCluster:
    """A cluster that runs.

    Attributes:
        address: Of its head, for RAY_ADDRESS.
        client: Its address for other machines, `ray://host:port`.
        environment: For processes that use it.
    """

    address: str
    client: str
    environment: Mapping[str, str]

    def run(self, code: str, **values: Any) -> Any:
        """Run Python in a process that finds the cluster; gives the one line that it prints, read as JSON.

        A process that does not end well, or complains at its end, is an error.
        """
        told = f"import json\nvalues = json.loads({json.dumps(json.dumps(values))})\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", told],
            capture_output=True,
            text=True,
            env=dict(self.environment),
            cwd=ROOT,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        (line,) = done.stdout.strip().splitlines()
        return json.loads(line)


@contextlib.contextmanager
def ray_cluster(*, nodes: int = 2) -> Iterator[RayCluster]:
    """A cluster of so many nodes with a core each."""
    head, client = _free_port(), _free_port()
    # Paths of its sockets are short enough only near the root.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "RAY_ADDRESS": f"127.0.0.1:{head}",
            "RAY_AUTH_MODE": "disabled",
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",
            "RAY_TMPDIR": folder,
            "RAY_USAGE_STATS_ENABLED": "0",
            # As every other process: else whatever runs beside it goes first.
            "RAY_worker_niceness": "0",
            "RAY_worker_register_timeout_seconds": "120",
            "PYTHONWARNINGS": "ignore",
        }
        running: list[subprocess.Popen[bytes]] = []
        try:
            for node in range(nodes):
                where = (
                    ["--head", f"--port={head}", f"--ray-client-server-port={client}"]
                    if node == 0
                    else [f"--address=127.0.0.1:{head}"]
                )
                running.append(
                    _node([*where, "--include-dashboard=false"] if node == 0 else where, environment)
                )
            _until_joined(nodes, environment)
            yield RayCluster(f"127.0.0.1:{head}", f"ray://127.0.0.1:{client}", environment)
        finally:
            for process in running:
                _end(process)


def _node(where: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"),
            *("--num-cpus=1", f"--object-store-memory={MEMORY_BYTES}", "--node-ip-address=127.0.0.1"),
            *where,
        ],
        env=dict(environment),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _until_joined(nodes: int, environment: Mapping[str, str]) -> None:
    asked = (
        "import logging, os, ray, time, json\n"
        "end = time.monotonic() + 120\n"
        "while True:\n"
        "    try:\n"
        "        ray.init(os.environ['RAY_ADDRESS'], log_to_driver=False, logging_level=logging.CRITICAL)\n"
        "        break\n"
        "    except Exception:\n"
        "        if time.monotonic() > end: raise\n"
        "        time.sleep(0.5)\n"
        f"while ray.cluster_resources().get('CPU', 0) < {nodes}:\n"
        "    assert time.monotonic() < end, ray.cluster_resources()\n"
        "    time.sleep(0.2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=dict(environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a node and all that it started; there is nothing on it to be saved."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

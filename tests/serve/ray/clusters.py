"""A real server on Ray for tests: a cluster of this machine's own, its controller, ingress and replicas.

Always: it joins no other cluster, writes below a folder of its own, and leaves no process behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.serving.load import BackgroundLoad
from tests.serve.faulty_worker import FAULTS, FaultyModel
from tests.serve.running import PLAN, Running, counted, until

from smallcraft.errors import BundleFormatError
from smallcraft.serve.loading.limits import LoadLimits
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.settings import ServeSettings
from smallcraft.serve.ray.settings import RaySettings, open_tried
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.worker.answering import Model

# A part of a processor each: all of them fit on two.
PROCESSORS = 0.1
PATIENCE_S = 300.0
# Requests a second: what two cores answer with time left for what a rollout starts.
RATE = 20.0
_PAUSE_S = 0.25
_CHILD = """
import json, logging, os, pickle, sys
from dataclasses import asdict
from smallcraft.serve.ray.running import serve_on_ray
logging.basicConfig(level=logging.INFO)
# What Ray prints is for the log; where the server is, for the test.
told = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
settings, on_ray = pickle.load(sys.stdin.buffer)
serve_on_ray(settings, on_ray, on_ready=lambda where: print(json.dumps(asdict(where)), file=told, flush=True))
"""


def open_with_faults(source: ModelSource, limits: LoadLimits) -> Model:
    """A release whose faults are those of its version."""
    faults = json.loads(os.environ.get(FAULTS, "{}")).get(source.version, {})
    if faults.get("unloadable"):
        raise BundleFormatError("a fault of this release: it does not load")
    opened = open_tried(source, limits)
    return FaultyModel(opened, faults) if faults else opened


@dataclass
class RunningOnRay(Running):
    """One server."""

    child: str = _CHILD
    load_s: float = 2 * PATIENCE_S
    on_ray: RaySettings = field(default_factory=RaySettings)

    def told(self, settings: ServeSettings) -> object:
        return settings, self.on_ray

    def order(self, command: str, **more: Any) -> Any:
        """An order; asked in a loop, it is asked a few times a second: each is a call across the cluster."""
        if command == "status":
            time.sleep(_PAUSE_S)
        return super().order(command, **more)

    def load(self, *bodies: object, connections: int = 8, rate: float | None = RATE) -> BackgroundLoad:
        """A load that leaves time: each request costs Ray that of several processes."""
        return super().load(*bodies, connections=connections, rate=rate)

    def commands(self, word: str) -> dict[int, str]:
        """Its processes whose title has a word, as Ray names them: `ray::...`."""
        found = {}
        for pid in self.processes():
            with contextlib.suppress(OSError):
                title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                if word in title:
                    found[pid] = title
        return found

    def roll_out(self, source: ModelSource, plan: RolloutPlan = PLAN, **more: Any) -> str:
        """Begin a rollout anew, and give its id."""
        self.until_ended()
        return super().roll_out(source, plan, unsafe_repeat=True, **more)

    def until_phase(self, *phases: str) -> dict[str, Any]:
        """Wait until the rollout of `m` is in one of some phases, for as long as Ray takes on two cores."""

        def there() -> dict[str, Any] | None:
            rollout = self.status()["rollout"]
            return rollout if rollout is not None and rollout["phase"] in phases else None

        return dict(until(there, within_s=PATIENCE_S))

    def controller(self) -> int:
        """The process of the controller."""
        return int(self.order("status")["pid"])

    def ingress(self) -> list[int]:
        """Processes of the ingress."""
        return sorted(self.commands("-ingress:ingress"))

    def replicas(self, release: str) -> list[int]:
        """Processes that answer for a release."""
        told = self.order("status")["workers"]
        return [worker["pid"] for worker in told if worker["release"] == release]

    def until_ended(self) -> None:
        """Abort the rollout under way, if there is one, and wait until its release is gone."""
        rollout = self.status()["rollout"]
        if rollout is not None and rollout["phase"] not in {"rolled_back", "done"}:
            self.order("abort", model="m")
        until(lambda: {one["release"] for one in self.order("status")["workers"]} <= {"m@1", "words@1"})

    def settled(self) -> int:
        """What the rollout has counted when nothing more is under way to be counted."""
        last = -1

        def is_still() -> bool:
            nonlocal last
            before, last = last, counted(self)
            return before == last

        until(is_still, pause_s=1.5)
        return last

    def kill_one(self, pid: int) -> None:
        """End a process at once, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in self.processes())


@contextlib.contextmanager
def running_on_ray(
    folder: Path,
    models: tuple[ModelSource, ...],
    *,
    faults: Mapping[str, Any] | None = None,
    replicas: int = 2,
    routers: int = 3,
    **settings: Any,
) -> Iterator[RunningOnRay]:
    """A server on a cluster of its own that accepts connections.

    Args:
        folder: Of its state and log.
        models: The stable releases.
        faults: Of each version, as `faulty_worker` has them.
        replicas: Of each release.
        routers: Replicas of the ingress.
        settings: Of `ServeSettings`.
    """
    # Paths of unix sockets are short, and Ray's have long names below this.
    own = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    environment = {
        FAULTS: json.dumps(faults or {}),
        "RAY_ADDRESS": "local",
        "RAY_TMPDIR": str(own),
        # As every other process: else whatever runs beside a test goes first.
        "RAY_worker_niceness": "0",
        "HOME": str(own),
    }
    told = ServeSettings(models=models, state=folder / "state", port=0, routers=routers, **settings)
    opens = open_tried if faults is None else open_with_faults
    on_ray = RaySettings(replicas=replicas, processors=PROCESSORS, open_release=opens)
    server = RunningOnRay(told, environment, folder / "log.txt", on_ray=on_ray)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        for run in server.runs:
            shutil.rmtree(run, ignore_errors=True)
        shutil.rmtree(own, ignore_errors=True)

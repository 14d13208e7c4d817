"""Our own server with a rollout under way, as the benchmarks and the soak ask it.

The one place that knows how it is started and told; there is nothing here but what its users can do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks.serving.contestants import BINARY, OPEN, Form
from benchmarks.serving.load import BackgroundLoad
from benchmarks.serving.measure import Loads, Taken, measure_server, wait_until_it_answers
from benchmarks.serving.messages import Target
from benchmarks.serving.plans import Closed
from benchmarks.serving.server_process import ServerError, ServerProcess, free_port
from benchmarks.serving.work import Work
from smallcraft.errors import SmallcraftError
from smallcraft.serve.loading.source import source_of_folder
from smallcraft.serve.processes.admin import ask_server
from smallcraft.serve.processes.orders import start_message
from smallcraft.serve.rollout.plan import RolloutPlan
from smallcraft.serve.rollout.starting import Declared

Way = Literal["in process", "isolated"]
WAYS: tuple[Way, ...] = ("in process", "isolated")
MODEL = "model"
INFER = f"/v2/models/{MODEL}/infer"
FORMS: Mapping[str, Form] = {"json": OPEN, "binary": BINARY}
# A canary of 5 % that stays one: it never has seen enough, and nothing here is slow.
PLAN = RolloutPlan(
    stages=(0.05,), mature_requests=(10**9,), shadow_requests=20, baseline_requests=20, latency_floor_s=1.0
)
_CANARY_S = 120.0
# On Ray: no cluster that is there is joined.
_OF_ITS_OWN = {"RAY_ADDRESS": "local"}


def name_of(way: Way) -> str:
    """As the tables call it."""
    return f"smallcraft, {way}"


def measure_ours(way: Way, form: str, work: Work, loads: Loads) -> dict[int, Taken]:
    """Start it with a stable release and a canary, measure, end.

    Raises:
        ServerError: It did not start, or answered wrongly, or its rollout did not stay where it was.
    """
    with serving_ours(way, work) as (server, target, state):
        roll_out_twin(server, target, state, work)
        taken = measure_server(server, target, work=work, path=INFER, form=FORMS[form], loads=loads)
        if (phase := phase_of(state)) != "canary":
            raise ServerError(f"the rollout must go on while it is measured, it is {phase!r}")
    return taken


@contextmanager
def serving_ours(way: Way, work: Work, **more: object) -> Iterator[tuple[ServerProcess, Target, Path]]:
    """Start it in a folder of its own, and wait until it answers; also the folder of its state.

    Args:
        way: Where its stable release answers.
        work: What it serves.
        more: Of its job: `routers`, `on_ray`, `replicas`.
    """
    with TemporaryDirectory(prefix="smallcraft-bench-server-") as name:
        folder, target = Path(name), Target(port=free_port())
        job, state = folder / "job.json", folder / "state"
        told = {"bundle": str(work.bundle), "name": MODEL, "state": str(state), "port": target.port}
        job.write_text(json.dumps({**told, "in_process": way == "in process", **more}), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "benchmarks.serving.programs.our_server", str(job)]
        with ServerProcess(command, folder, environment=_OF_ITS_OWN) as server:
            wait_until_it_answers(server, target, OPEN.requests(work, INFER)[0])
            yield server, target, state


def roll_out_twin(server: ServerProcess, target: Target, state: Path, work: Work) -> None:
    """Begin a rollout, and give it traffic until its canary has its share.

    Raises:
        ServerError: That does not happen.
    """
    twin = source_of_folder(work.twin, MODEL, "2")
    ask_server(state, start_message(twin, PLAN, Declared(classes=work.classes, disagreement=1.0)))
    requests = OPEN.requests(work, INFER)
    with BackgroundLoad(target, requests, Closed(2, seconds=_CANARY_S)):
        server.wait_until(lambda: phase_of(state) == "canary", patience_s=_CANARY_S)


def phase_of(state: Path) -> str:
    """Of the last rollout; empty when there was none."""
    try:
        told: Mapping[str, Any] = ask_server(state, {"command": "status"})["models"][MODEL]
    except SmallcraftError as error:
        raise ServerError(f"the server does not say how it is: {error}") from error
    return str((told["rollout"] or {}).get("phase", ""))

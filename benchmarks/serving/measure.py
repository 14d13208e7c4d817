"""One server under one load: CPU time of all its processes, requests a second, latencies, memory.

Always: it is warm before it is measured; a server that answers wrongly, or not, has no numbers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.serving.contestants import Form, Peer
from benchmarks.serving.forms import check_for
from benchmarks.serving.load import run_load
from benchmarks.serving.messages import Target
from benchmarks.serving.plans import Closed
from benchmarks.serving.programs.job import VARIABLE, ServerJob
from benchmarks.serving.server_process import ServerError, ServerProcess, ask_once, free_port
from benchmarks.serving.tally import LoadReport
from benchmarks.serving.work import Work

_REFUSES_S = 90.0


@dataclass(frozen=True)
class Taken:
    """What a load took from a server.

    Attributes:
        cpu_us: CPU-microseconds a request, over all its processes.
        per_second: Requests.
        p50_ms: Latency.
        p99_ms: Latency.
        memory_mb: What all its processes held afterwards.
        n: Requests.
        client_cpu_us: CPU-microseconds that the load generator took for each.
    """

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    memory_mb: float
    n: int
    client_cpu_us: float


@dataclass(frozen=True)
class Loads:
    """What a server is put under, one after the other.

    Attributes:
        connections: Of each load.
        seconds: How long each lasts.
        warm_up_s: How long each warms up.
    """

    connections: Sequence[int] = (1, 16)
    seconds: float = 4.0
    warm_up_s: float = 1.0


@contextmanager
def serving_peer(peer: Peer, python: Path, work: Work) -> Iterator[tuple[ServerProcess, Target]]:
    """Start a peer in a folder of its own, and wait until it answers."""
    with TemporaryDirectory(prefix="smallcraft-bench-server-") as name:
        folder, target = Path(name), Target(port=free_port())
        job = folder / "job.json"
        told = ServerJob(work.kind, str(work.folder), target.port, batch=peer.batch, style=peer.style)
        job.write_text(json.dumps(asdict(told)), encoding="utf-8")
        command = [str(python), "-P", "-m", f"benchmarks.serving.programs.{peer.program}", str(job)]
        variables = {VARIABLE: str(job), **(peer.variables or {})}
        with ServerProcess(command, folder, environment=variables) as server:
            wait_until_it_answers(server, target, peer.form.requests(work, peer.path)[0])
            yield server, target


def wait_until_it_answers(server: ServerProcess, target: Target, request: bytes) -> None:
    """Ask until there is a reply of 200; whether it is right, the load checks.

    Raises:
        ServerError: It ends, or goes on refusing.
    """
    since: list[float] = []

    def answers() -> bool:
        reply = ask_once(target, request)
        if reply is None:
            since.clear()
        elif reply.status != 200:
            since.append(time.monotonic())
            if since[-1] - since[0] > _REFUSES_S:
                raise ServerError(f"it answers {reply.status} for {_REFUSES_S:g} s: {reply.body[:300]!r}")
        return reply is not None and reply.status == 200

    server.wait_until(answers)


def measure_server(
    server: ServerProcess, target: Target, *, work: Work, path: str, form: Form, loads: Loads
) -> dict[int, Taken]:
    """Connections to what the load with so many took.

    Raises:
        ServerError: A reply was wrong, or none came.
    """
    requests, taken = form.requests(work, path), {}
    check = check_for(work, form.read, tolerance=work.tolerance)
    for connections in loads.connections:
        warm = Closed(connections, seconds=loads.warm_up_s)
        _refuse_wrong(run_load(target, requests, warm, check=check))
        before = server.cpu_s()
        report = run_load(target, requests, Closed(connections, seconds=loads.seconds), check=check)
        cpu_s = server.cpu_s() - before
        _refuse_wrong(report)
        assert report.cpu_s is not None
        taken[connections] = Taken(
            cpu_us=1e6 * cpu_s / report.n,
            per_second=report.per_second,
            p50_ms=report.latency_ms(50),
            p99_ms=report.latency_ms(99),
            memory_mb=server.memory_mb(),
            n=report.n,
            client_cpu_us=1e6 * report.cpu_s / report.n,
        )
    return taken


def measure_peer(peer: Peer, python: Path, work: Work, loads: Loads) -> dict[int, Taken]:
    """Start, measure, end."""
    with serving_peer(peer, python, work) as (server, target):
        return measure_server(server, target, work=work, path=peer.path, form=peer.form, loads=loads)


def _refuse_wrong(report: LoadReport) -> None:
    if report.n_wrong or report.n_failed or not report.n:
        sys.stderr.write("".join(f"  {line}\n" for line in report.wrong[:3]))
        raise ServerError(f"{report.n_wrong} wrong replies of {report.n:,}, ends {report.ends}")

"""`python -m benchmarks.serving.limits`: how far the server of one machine goes, and one on Ray beside it.

python -m benchmarks.serving.limits                   five minutes; prints the table of docs/limits.md
python -m benchmarks.serving.limits --seconds 1       shorter, to see that it runs
python -m benchmarks.serving.limits --without-ray     where Ray is not installed

The load generator runs on the same cores, so that every rate is a lower bound; CPU time is of the server
alone, and is what the arithmetic of many machines goes by.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.measure import Loads, Taken, measure_server
from benchmarks.serving.ours import FORMS, INFER, serving_ours
from benchmarks.serving.work import Work, make_linear_work

_HEADER = (
    "| server | form | connections | requests/s | p50, ms | p99, ms | CPU a request, us | memory, MB |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
)


@dataclass(frozen=True)
class Server:
    """One way to serve.

    Attributes:
        name: As the table calls it.
        connections: Of each load, one after the other.
        job: What its program is told.
    """

    name: str
    connections: tuple[int, ...]
    job: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_on_ray(self) -> bool:
        """Whether it needs Ray."""
        return bool(self.job.get("on_ray"))


SERVERS = (
    Server("one machine, 1 router", (1, 16, 64, 256, 500)),
    Server("one machine, 2 routers", (16, 64, 256), {"routers": 2}),
    Server("Ray Serve, 1 ingress, 1 replica", (1, 16, 64), {"on_ray": True, "routers": 1, "replicas": 1}),
    Server("Ray Serve, 3 ingresses, 2 replicas", (1, 16, 64), {"on_ray": True, "routers": 3, "replicas": 2}),
)


def rows_of(server: Server, work: Work, *, seconds: float) -> Iterator[str]:
    """Lines of the table, each as soon as it is measured."""
    loads = Loads(server.connections, seconds=seconds, warm_up_s=min(seconds, 2.0))
    with serving_ours("isolated", work, **server.job) as (running, target, _):
        for form in FORMS:
            told = measure_server(running, target, work=work, path=INFER, form=FORMS[form], loads=loads)
            for connections, taken in told.items():
                yield row_of(server.name, form, connections, taken)


def row_of(name: str, form: str, connections: int, taken: Taken) -> str:
    """One line of the table."""
    numbers = (
        f"{taken.per_second:,.0f}",
        f"{taken.p50_ms:.2f}",
        f"{taken.p99_ms:.2f}",
        f"{taken.cpu_us:,.0f}",
        f"{taken.memory_mb:,.0f}",
    )
    return f"| {name} | {form} | {connections} | {' | '.join(numbers)} |\n"


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.limits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--without-ray", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="smallcraft-limits-") as folder:
        work = make_linear_work(Path(folder))
        sys.stdout.write(_HEADER)
        for server in SERVERS:
            if server.is_on_ray and asked.without_ray:
                continue
            for row in rows_of(server, work, seconds=asked.seconds):
                sys.stdout.write(row)
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Pages of a busy project over loopback: what is read ahead, first and later requests, one after a change."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job

_LATER = 20


def main() -> None:
    """Serve the job's project with uvicorn in this process, and ask for every listed page."""
    import uvicorn

    from smallcraft.dashboard.app import make_app
    from smallcraft.dashboard.pages import PAGES

    project = Path(read_job()["project"])
    ahead: dict[str, float] = {}
    app = _clocked(lambda: make_app(project), ahead, "make")
    # As the server does in a thread while it starts (`app.keep_ready`); here before, so that it can be timed.
    _clocked(app.state.desk.prepare, ahead, "prepare")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    pages = {page.path: _measure(port, page.path, project) for page in PAGES if "{" not in page.path}
    print_answer({"ahead": ahead, "pages": pages, "peak_rss_mb": peak_rss_mb()})
    server.should_exit = True
    thread.join()


def _clocked(work: Callable[[], Any], into: dict[str, float], name: str) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    into[f"{name}_wall_s"] = time.perf_counter() - wall
    into[f"{name}_cpu_s"] = time.process_time() - cpu
    return found


def _measure(port: int, page: str, project: Path) -> dict[str, dict[str, float]]:
    first = _ask(port, page)
    later = [_ask(port, page) for _ in range(_LATER)]
    _change(project)
    return {
        "first": first,
        "later": {name: statistics.median(one[name] for one in later) for name in first},
        "changed": _ask(port, page),
    }


def _ask(port: int, page: str) -> dict[str, float]:
    """Wall and CPU of one request, that of the asking included; the status and the bytes of the page."""
    wall, cpu = time.perf_counter(), time.process_time()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("GET", page)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    found = {
        "wall_ms": 1000 * (time.perf_counter() - wall),
        "cpu_ms": 1000 * (time.process_time() - cpu),
        "status": float(reply.status),
        "bytes": float(len(body)),
    }
    # A page says 404 where a project has no rollout, or nobody was asked.
    assert reply.status in (200, 404), f"{page}: {reply.status}: {body[:300]!r}"
    return found


def _change(project: Path) -> None:
    """One more move of an alias, so that what was remembered of the log is out of date."""
    from datetime import UTC, datetime

    from benchmarks.faces.busy_project import NAME
    from smallcraft.pipeline.workspace import open_registry

    registry = open_registry(project)
    meant = registry.log().state.alias(NAME, "stable") or 1
    registry.set_alias(NAME, "stable", 1 if meant != 1 else 2, now=datetime.now(UTC), reason="a change")


if __name__ == "__main__":
    main()

"""Pages of a busy project over loopback: the first request, those after it, one after a change."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job

_LATER = 30


def main() -> None:
    """Serve the job's project with uvicorn in this process, and ask."""
    import uvicorn

    from smallcraft.dashboard.app import make_app

    job = read_job()
    project = Path(job["project"])
    app = make_app(project)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    pages = {page: _measure(port, page, project if job["changes"] else None) for page in job["pages"]}
    print_answer({"pages": pages, "peak_rss_mb": peak_rss_mb()})
    server.should_exit = True
    thread.join()


def _measure(port: int, page: str, project: Path | None) -> dict[str, Any]:
    first = _ask(port, page)
    later = [_ask(port, page) for _ in range(_LATER)]
    found = {
        "first": first,
        "later": {name: statistics.median(one[name] for one in later) for name in first},
    }
    if project is not None:
        _change(project)
        found["changed"] = _ask(port, page)
    return found


def _ask(port: int, page: str) -> dict[str, float]:
    """Wall and CPU of one request, that of the asking included; and the bytes of the page."""
    wall, cpu = time.perf_counter(), time.process_time()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", page)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    assert reply.status == 200, f"{page}: {reply.status}: {body[:300]!r}"
    return {
        "wall_ms": 1000 * (time.perf_counter() - wall),
        "cpu_ms": 1000 * (time.process_time() - cpu),
        "bytes": float(len(body)),
    }


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

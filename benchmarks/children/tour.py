"""`smallcraft demo` in a process of its own: what it takes, and what its reports take of it."""

from __future__ import annotations

import contextlib
import io
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job


def main() -> None:
    """The tour in the job's folder."""
    from smallcraft.cli.main import run
    from smallcraft.pipeline import build as building

    renders: list[dict[str, float]] = []
    building.render_report = _timed(building.render_report, renders)
    began, folder = time.perf_counter(), Path(read_job()["folder"])
    with contextlib.redirect_stdout(io.StringIO()):
        code = run(["demo", str(folder)])
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print_answer(
        {
            "exit_code": code,
            "wall_s": time.perf_counter() - began,
            "cpu_s": time.process_time() + children.ru_utime + children.ru_stime,
            "peak_rss_mb": peak_rss_mb(),
            "renders": renders,
            "report_kb": (folder / "report.html").stat().st_size / 1000,
        }
    )


def _timed(render: Callable[..., str], renders: list[dict[str, float]]) -> Callable[..., str]:
    """The same, which notes what each call takes; the first one compiles templates too."""

    def timed(*given: Any, **named: Any) -> str:
        cpu = time.process_time()
        page = render(*given, **named)
        renders.append({"cpu_s": time.process_time() - cpu, "kb": len(page.encode()) / 1000})
        return page

    return timed


if __name__ == "__main__":
    main()

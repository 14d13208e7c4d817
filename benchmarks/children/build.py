"""`smallcraft build` in a process of its own, in which torch and transformers cannot be imported."""

from __future__ import annotations

import contextlib
import importlib.abc
import io
import json
import resource
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job

_REFUSED = ("torch", "transformers")


class Refusal(importlib.abc.MetaPathFinder):
    """Stands before every other finder and refuses some packages, installed or not."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Refuse the named packages, leave all others to the finders behind."""
        if name.partition(".")[0] in _REFUSED:
            raise ModuleNotFoundError(f"{name} is refused here", name=name)
        return None


def refuse_torch() -> None:
    """Make sure that no import of torch can succeed from here on."""
    sys.meta_path.insert(0, Refusal())
    for name in _REFUSED:
        try:
            __import__(name)
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"{name} could be imported")


def main() -> None:
    """Build the project folder of the job, and say what it took."""
    refuse_torch()
    from smallcraft.cli.main import run

    started, output = time.perf_counter(), io.StringIO()
    with contextlib.redirect_stdout(output):
        code = run(["build", "--json", "-p", read_job()["project"]])
    wall_s = time.perf_counter() - started
    if not output.getvalue():
        sys.exit(code)  # the reason stands on standard error
    assert not any(name in sys.modules for name in _REFUSED)
    probes = resource.getrusage(resource.RUSAGE_CHILDREN)
    print_answer(
        {
            "exit_code": code,
            "wall_s": wall_s,
            "cpu_s": time.process_time(),
            "cost_probes_cpu_s": probes.ru_utime + probes.ru_stime,
            "peak_rss_mb": peak_rss_mb(),
            "result": json.loads(output.getvalue()),
        }
    )


if __name__ == "__main__":
    main()

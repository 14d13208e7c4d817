"""Kills a child at steps that it takes on the disk, and asks each time what is there afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PRELUDE = """
import json, os, shutil, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tests.registry.killing import kill_at
"""

_LOOP = """
def run(work, when, every):
    start = work / "start"
    os.environ["SMALLCRAFT_CONFIG"] = str(start / "config")
    prepare(start)
    seen, step, has_ended = [], 1, False
    while not has_ended:
        folder = work / "copy"
        # Keys and pins are copied as well: each copy of the log goes its own way.
        shutil.copytree(start, folder)
        os.environ["SMALLCRAFT_CONFIG"] = str(folder / "config")
        child = os.fork()
        if child == 0:
            kill_at(step, when)
            act(folder)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        has_ended = not os.WIFSIGNALED(status)
        assert not has_ended or os.waitstatus_to_exitcode(status) == 0
        seen.append(settle(folder))
        shutil.rmtree(folder)
        step += every
    print(json.dumps(seen))

run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""


def run_killed(source: str, folder: Path, *, when: str = "before", every: int = 1) -> list[Any]:
    """What `settle` says after `act` was killed at each step; the last one was not killed.

    Args:
        source: Defines `prepare(folder)`, `act(folder)` and `settle(folder)`, which gives JSON.
        folder: An empty one.
        when: `before` or `after` the step is taken.
        every: Kill at every step, or every so many.
    """
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _PRELUDE + source + _LOOP, str(folder), when, str(every)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: list[Any] = json.loads(done.stdout)
    return seen

"""CPU time of a command is its own, that of what it started, and that of a cluster which outlives it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest
from benchmarks.scale.running import run_watched
from benchmarks.serving.process_tree import MARK

BURN = "import time\nwhile time.process_time() < {s}: pass\n"
# Takes orders on its standard input: each starts a process of its own that burns, and ends unasked.
CLUSTER = """
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    subprocess.Popen([sys.executable, "-I", "-S", "-c", line.encode().decode("unicode_escape")])
    print("begun", flush=True)
"""
PYTHON = [sys.executable, "-I", "-S", "-c"]


@pytest.fixture
def marked():
    mark = uuid.uuid4().hex
    environment = {**os.environ, MARK: mark}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*PYTHON, CLUSTER], env=environment, text=True, **pipes) as cluster:
        yield mark, cluster
        cluster.stdin.close()


def test_children_that_were_waited_for_count_once(marked, tmp_path):
    mark, _ = marked
    burn = BURN.format(s=1.2)
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-I', '-S', '-c', {burn!r}])\n{burn}"
    done = run_watched([*PYTHON, code], environment=os.environ, mark=mark, folder=tmp_path)
    assert 2.4 <= done.cpu_s < 3.2


def test_a_worker_of_the_cluster_counts_though_nobody_waited_for_it_and_it_ended_first(marked, tmp_path):
    mark, cluster = marked
    over = tmp_path / "over"
    worker = BURN.format(s=1.5) + f"open({str(over)!r}, 'w').close()"
    print(worker.encode("unicode_escape").decode(), file=cluster.stdin, flush=True)
    assert cluster.stdout.readline() == "begun\n"
    # The command outlasts it, so that only what was seen meanwhile can tell of it.
    code = f"import os, time\nwhile not os.path.exists({str(over)!r}): time.sleep(0.05)\ntime.sleep(0.5)"
    done = run_watched([*PYTHON, code], environment=os.environ, mark=mark, folder=tmp_path)
    assert done.cpu_s > 0.6


def test_a_command_that_does_not_come_to_its_end_has_no_numbers(tmp_path):
    with pytest.raises(RuntimeError, match=r"ended with 1: .*no such thing"):
        run_watched(
            [*PYTHON, "raise SystemExit('no such thing')"],
            environment=os.environ,
            mark="unused",
            folder=tmp_path,
        )

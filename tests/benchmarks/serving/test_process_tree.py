"""What belongs to a server is found by its parents and by its environment, and its CPU time is whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.serving.process_tree import (
    MARK,
    births_of,
    cpu_s_of,
    memory_mb_of,
    own_cpu_s_of,
    own_memory_mb,
    processes_of,
    still_alive,
)

# Starts a child that has a child which goes its own way, and burns CPU time in one that ends.
PARENT = """
import os, subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.5: pass"
subprocess.run([sys.executable, "-I", "-S", "-c", burn])
middle = "import subprocess, sys\\nsubprocess.Popen(['sleep', '600'], start_new_session=True)"
subprocess.run([sys.executable, "-I", "-S", "-c", middle])
subprocess.Popen(["sleep", "600"])
print("ready", flush=True)
time.sleep(600)
"""


def test_a_server_is_all_that_came_from_it_and_its_cpu_time_that_of_all():
    command = [sys.executable, "-I", "-S", "-c", PARENT]
    with subprocess.Popen(command, env={**os.environ, MARK: "abc"}, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout.readline() == b"ready\n"
            pids = processes_of(parent.pid, "abc")
            # The orphan has another parent by now, and the mark still.
            assert len(pids) == 3
            assert len(processes_of(parent.pid, "abcd")) == 2
            assert cpu_s_of(pids) > 0.45
            assert cpu_s_of(pids - {parent.pid}) < 0.4
            assert {pid for pid, _ in own_cpu_s_of(pids)} == pids
            assert sum(own_cpu_s_of(pids).values()) < 0.4
            assert memory_mb_of(pids) > memory_mb_of(frozenset([parent.pid])) > 1
            assert sum(own_memory_mb(pids).values()) > 1
        finally:
            births = births_of(processes_of(parent.pid, "abc"))
            for pid in births:
                os.kill(pid, 9)
    deadline = time.monotonic() + 30
    while still_alive(births):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sorted(births) == sorted(pids)


def test_a_process_that_was_born_at_another_time_is_another_one():
    own = births_of(frozenset([os.getpid()]))
    assert still_alive(own) == [os.getpid()]
    assert still_alive({os.getpid(): own[os.getpid()] + 1}) == []


def test_a_process_that_has_ended_takes_nothing():
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert cpu_s_of(frozenset([ended.pid])) == 0
    assert memory_mb_of(frozenset([ended.pid])) == 0
    assert births_of(frozenset([ended.pid])) == {}

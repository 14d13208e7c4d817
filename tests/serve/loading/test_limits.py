"""Limits hold where no Python runs, end with the loading, and their endings are put into words."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import pytest

from smallcraft.serve.loading.limits import LoadLimits, explain_ending, limited

BEGIN = """
import numpy as np
from smallcraft.serve.loading.limits import LoadLimits, limited
with limited(LoadLimits(memory_bytes={memory}, cpu_s={cpu}, wall_s={wall})):
    {act}
"""


def run_limited(act, *, memory=1 << 30, cpu=30, wall=30.0):
    code = BEGIN.format(act=act, memory=memory, cpu=cpu, wall=wall)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def current_limits():
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU)
    return [resource.getrlimit(kind) for kind in kinds], signal.getitimer(signal.ITIMER_REAL)


def test_memory_past_the_limit_is_refused_to_whoever_asks():
    done = run_limited("np.ones(1 << 27)", memory=256 << 20)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


def test_memory_within_the_limit_is_given():
    assert run_limited("print(np.ones(1 << 20).sum())", memory=256 << 20).stdout == "1048576.0\n"


def test_processor_time_past_the_limit_ends_the_process_inside_a_library():
    # One call that never comes back to Python.
    done = run_limited("'a' * 30 + 'b' in __import__('re').sub('(a*)*c', '', 'a' * 60)", cpu=1, wall=900.0)
    assert explain_ending(done.returncode) == "it took more processor time than loading may"


def test_time_on_the_clock_past_the_limit_ends_the_process_that_only_waits():
    done = run_limited("__import__('time').sleep(600)", wall=0.3)
    assert explain_ending(done.returncode) == "it took longer than loading may"


def test_the_limits_end_with_the_loading():
    before = current_limits()
    with limited(LoadLimits(cpu_s=50, wall_s=60.0)):
        assert current_limits() != before
    assert current_limits() == before


def test_the_limits_end_with_a_loading_that_failed():
    before = current_limits()
    with pytest.raises(KeyError), limited(LoadLimits()):
        raise KeyError
    assert current_limits() == before


def test_a_lower_limit_that_is_there_stays():
    code = (
        "import resource; from smallcraft.serve.loading.limits import LoadLimits, limited\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (9, 20))\n"
        "with limited(LoadLimits(cpu_s=500)): print(resource.getrlimit(resource.RLIMIT_CPU))\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(9, 20)\n(9, 20)\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (3, "it ended with exit code 3"),
        (-signal.SIGKILL, "for want of memory"),
        (-signal.SIGSEGV, "crashed the engine"),
        (-signal.SIGTERM, "it was ended by SIGTERM"),
        (-250, "it was ended by signal 250"),
    ],
)
def test_endings_are_put_into_words(code, said):
    assert said in explain_ending(code)

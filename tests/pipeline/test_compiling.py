from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import smallcraft.stats.kernels

COMPILED = {"cells", "confident", "grams", "neighbours", "votes"}
RUN = """
import numba.core.caching as caching
kept = []
as_usual = caching.Cache.save_overload
def save(self, *given):
    kept.append(self._name)
    return as_usual(self, *given)
caching.Cache.save_overload = save
from smallcraft.pipeline.compiling import compile_kernels
compile_kernels()
print(len(kept))
"""


@pytest.mark.slow
def test_every_kernel_is_compiled_once_and_kept(tmp_path):
    """Beside the package, where all find them; the folder that it is run in stays as it was."""
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", RUN], check=True, cwd=tmp_path, capture_output=True, text=True
        )
    assert done.stdout.split() == ["0"], "a second run compiles nothing"
    kept = {path.name.split(".")[0] for path in Path(smallcraft.stats.kernels.__path__[0]).rglob("*.nbi")}
    assert kept >= COMPILED
    assert not any(tmp_path.iterdir())

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COMPILED = {"cells", "confident", "grams", "neighbours", "votes"}
RUN = "from smallcraft.pipeline.compiling import compile_kernels; compile_kernels()"


@pytest.mark.slow
def test_every_kernel_is_compiled_once_and_kept(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", RUN], check=True, env=environment, cwd=tmp_path)
    kept = {path.name.split(".")[0] for path in (tmp_path / "cache").rglob("*.nbi")}
    assert kept == COMPILED
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]

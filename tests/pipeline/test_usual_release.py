"""Where no release is named the stable one is meant, else the newest; no server is needed to know."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from smallcraft.pipeline.usual_release import usual_reference
from smallcraft.pipeline.workspace import open_registry

SERVING = {"httptools", "orjson", "uvicorn", "xxhash", "starlette", "obstore"}
WITHOUT_EXTRAS = ("watching.watch", "labelling.project", "labelling.answers", "drifting", "build", "checking")


def test_the_newest_is_meant_until_one_is_called_stable(tiny):
    registry = open_registry(tiny)
    assert usual_reference(registry, tiny) == "rows@latest"
    registry.set_alias("rows", "stable", 1, now=datetime.now(UTC), reason="it routes well")
    assert usual_reference(registry, tiny) == "rows@stable"


@pytest.mark.parametrize("module", WITHOUT_EXTRAS)
def test_nothing_that_serves_is_loaded_by_what_needs_no_server(module):
    program = f"import sys, smallcraft.pipeline.{module}; print(sorted({SERVING} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

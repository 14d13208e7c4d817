"""A bundle answers the same in an environment with numpy, onnxruntime and tokenizers alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.models.toys import rows_for, toy_rows

import smallcraft
from smallcraft.bundle.runtime import open_bundle

ROOT = Path(__file__).parents[2]
PACKAGES = ("numpy", "onnxruntime", "tokenizers")
# All that a device needs of smallcraft itself.
SOURCES = ("__init__.py", "errors.py", "canonical.py", "bundle")

PREDICT = """
import importlib.util, json, sys
import numpy as np
import smallcraft.bundle
from smallcraft.bundle.selfcheck import run_selfcheck
absent = [name for name in json.loads(sys.argv[1]) if importlib.util.find_spec(name) is None]
bundle = smallcraft.bundle.open(sys.argv[2])
np.save(sys.argv[4], bundle.predict_proba(json.loads(sys.argv[3])))
check = run_selfcheck(bundle)
print(json.dumps([absent, check.rows, check.agreeing]))
"""
UNWANTED = ("sklearn", "scipy", "polars", "pydantic", "onnx", "lightgbm", "safetensors", "torch")


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory) -> Path:
    """An interpreter with the three packages and what these require."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    python, constraints = folder / "bin" / "python", ROOT / "constraints.txt"
    pinned = ["-c", str(constraints)] if constraints.exists() else []
    quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]
    run = subprocess.run(
        [python, "-m", "pip", "install", *quiet, *pinned, *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        reason = f"pip could not install {', '.join(PACKAGES)}: {run.stderr.strip()[-300:]}"
        if os.environ.get("CI", "").lower() in {"true", "1"}:
            pytest.fail(reason)
        pytest.skip(reason)
    return python


@pytest.fixture(scope="module")
def bare_source(tmp_path_factory) -> Path:
    """The runtime's own modules and no others."""
    target = tmp_path_factory.mktemp("source") / "smallcraft"
    target.mkdir()
    for name in SOURCES:
        source = Path(smallcraft.__file__).parent / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)
    return target.parent


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fast", "escalating", "trees"])
def test_probabilities_are_the_same_to_the_last_bit(bundles, bare_python, bare_source, tmp_path, name):
    bundle = open_bundle(bundles[name].bundle)
    rows = rows_for(bundle.inputs, toy_rows(50, seed=12))
    arguments = [json.dumps(UNWANTED), bundle.path, json.dumps(rows), tmp_path / "out.npy"]
    run = subprocess.run(
        [bare_python, "-W", "error", "-c", PREDICT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            # Which of its kernels OpenBLAS takes is this machine's choice, not what is tested.
            **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
            "PYTHONPATH": str(bare_source),
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [list(UNWANTED), 32, 32]
    assert np.array_equal(np.load(tmp_path / "out.npy"), bundle.predict_proba(rows))

"""A bundle answers the same in an environment with numpy, onnxruntime and tokenizers alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.models.toys import rows_for, toy_rows

from smallcraft.bundle.runtime import open_bundle
from smallcraft.pipeline.device import write_device_zip
from smallcraft.pipeline.runtime_sources import runtime_sources

ROOT = Path(__file__).parents[2]
PACKAGES = ("numpy", "onnxruntime", "tokenizers")

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
    target = tmp_path_factory.mktemp("source")
    for path, data in runtime_sources().items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(data)
    return target


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["escalating", "mixed-ngram"])
def test_a_device_zip_runs_with_the_three_packages_and_nothing_else(bundles, bare_python, tmp_path, name):
    bundle = open_bundle(bundles[name].bundle)
    files = {
        path.relative_to(bundle.path).as_posix(): path.read_bytes()
        for path in bundle.path.rglob("*")
        if path.is_file()
    }
    write_device_zip("toys@1", files, tmp_path / "toys.zip")
    with zipfile.ZipFile(tmp_path / "toys.zip") as archive:
        archive.extractall(tmp_path)
    columns = rows_for(bundle.inputs, toy_rows(9, seed=13))
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    words = columns["message"] if len(columns) == 1 else [json.dumps(row) for row in rows]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [bare_python, "-W", "error", tmp_path / "toys" / "predict.py", *words]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={**clean, "OMP_NUM_THREADS": "1"},
        )

    done = run(*words)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    found = bundle.decide(columns)
    assert [answer["label"] for answer in said] == list(found.labels)
    assert np.abs([answer["confidence"] for answer in said] - found.confidence).max() < 1e-4
    assert run().stdout == ""

    golden = tmp_path / "toys" / "bundle" / "selfcheck.npz"
    golden.write_bytes(b"garbage")
    assert "selfcheck.npz does not match its record" in run(*words).stderr

"""A release of 77 intents, built again on the same machine: byte for byte, or the row that was changed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.conftest import FIXED

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.machine import describe_machine
from smallcraft.pipeline.reproducing.record import Reproduction
from smallcraft.pipeline.reproducing.run import reproduce
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import open_registry

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.realdata, pytest.mark.slow]

PROJECT = """name = "banking77"
[data]
path = "train.csv"
cert = "test.csv"
text = "text"
label = "category"
[ladder]
rungs = ["majority", "ngram"]
backbone = "none"
[audits]
run = ["failures", "leakage"]
"""

# In a process of its own, since OpenBLAS picks its kernel as it is loaded.
_ELSEWHERE = """
import json, sys
from pathlib import Path
from tests.pipeline.conftest import FIXED
from smallcraft.pipeline.reproducing.run import reproduce
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.workspace import open_registry

measure.measure_cost = lambda bundle, rows, *, seed: FIXED
registry = open_registry(Path(sys.argv[1]))
print(json.dumps(reproduce(Path(sys.argv[1]), registry.read("banking77@1"), registry).as_json()))
"""


@pytest.fixture(autouse=True)
def fixed_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timings are no part of what is promised, and take most of the time."""
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)


@pytest.fixture(scope="module")
def banking77(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one release; not to be changed."""
    folder = tmp_path_factory.mktemp("banking77") / "p"
    shutil.copytree(shared_data / "banking77", folder)
    (folder / "smallcraft.toml").write_text(PROJECT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        assert build(load_config(folder)).release is not None
    return folder


def reproduced(folder: Path) -> Reproduction:
    registry = open_registry(folder)
    return reproduce(folder, registry.read("banking77@1"), registry)


def test_the_release_is_identical_in_bundle_and_quality_byte_for_byte(banking77):
    found = reproduced(banking77)
    assert found.verdict == "identical", found.sentence
    assert all(item.same for item in found.outputs)
    names = {item.what for item in found.outputs}
    assert {"bundle", "bundle/heads/ngram.npz", "quality on dev", "cert's answer", "verdicts"} <= names


def test_with_one_training_row_changed_it_has_diverged_at_the_data(banking77, tmp_path):
    folder = Path(shutil.copytree(banking77, tmp_path / "p"))
    rows = pl.read_csv(folder / "train.csv")
    changed = rows.with_columns(
        text=pl.when(pl.int_range(pl.len()) == 17).then(pl.lit("Where is my new card?")).otherwise("text")
    )
    changed.write_csv(folder / "train.csv")
    found = reproduced(folder)
    assert found.verdict == "diverged"
    assert found.first_difference is not None
    assert found.first_difference.what == "data"
    assert "train.csv holds other rows (1 added, 1 removed)" in found.sentence
    differs = {item.what for item in found.outputs if item.differs}
    assert {"bundle", "bundle/heads/ngram.npz", "quality on dev"} <= differs


def test_another_blas_kernel_moves_last_digits_and_no_more(banking77):
    here = describe_machine()["blas"]
    if "openblas" not in here or platform.machine() != "x86_64":
        pytest.skip("only OpenBLAS on x86-64 lets its kernel be chosen by name")
    kernel = "Nehalem" if "Sandybridge" in here else "Sandybridge"
    done = subprocess.run(
        [sys.executable, "-c", _ELSEWHERE, str(banking77)],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "OPENBLAS_CORETYPE": kernel,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        },
    )
    document = json.loads(done.stdout)
    assert document["verdict"] == "within noise", document["sentence"]
    assert document["first_difference"]["what"] == "BLAS kernel"
    assert document["noise"]["is_inside"]
    outputs = {item["what"]: item["same"] for item in document["outputs"]}
    assert outputs["bundle"] is False
    assert outputs["cert's answer"] is None

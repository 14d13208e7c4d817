"""OpenVINO, in an environment of its own: near enough on fp32 graphs, refused on INT8 ones."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from benchmarks.peers import OPENVINO
from tests.models.toys import toy_rows, toy_workshop

import smallcraft
from smallcraft.models.ladder import fit_rung

TEXTS = [*toy_rows(12, seed=34).columns["message"], "", "card " * 200]
ASK = """
import json, sys, threading
import numpy as np
import smallcraft.bundle
from smallcraft.bundle.selfcheck import run_selfcheck
path, texts = sys.argv[1], json.loads(sys.argv[2])
reference = smallcraft.bundle.open(path, runtime="onnxruntime").predict_proba(texts)
bundle = smallcraft.bundle.open(path, runtime="openvino")
found, several = bundle.predict_proba(texts), []
threads = [threading.Thread(target=lambda: several.append(bundle.predict_proba(texts))) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
check = run_selfcheck(bundle)
print(json.dumps({
    "difference": float(np.abs(found - reference).max()),
    "threads_agree": all(np.array_equal(other, found) for other in several),
    "self_check": check.agreeing == check.rows,
    "onnxruntime_in_use": "onnxruntime" in type(bundle.stages[0].blocks[0].session).__module__,
}))
"""


def ask(python: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-W", "error", "-c", ASK, bundle, json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(smallcraft.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.peer
@pytest.mark.slow
def test_an_fp32_bundle_answers_as_with_onnxruntime(tiny_backbone, tmp_path, peer_python):
    shop = toy_workshop(tmp_path, backbone=tiny_backbone, n=45).in_form("fp32")
    bundle = fit_rung("frozen", shop, tmp_path / "bundles", about={}).bundle
    done = ask(peer_python(OPENVINO), bundle)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.pop("difference") < 1e-4
    assert found == {"threads_agree": True, "self_check": True, "onnxruntime_in_use": False}


@pytest.mark.peer
@pytest.mark.slow
def test_an_int8_bundle_is_refused_with_the_remedy(bundles, peer_python):
    done = ask(peer_python(OPENVINO), bundles["frozen"].bundle)
    assert done.returncode == 1
    assert "openvino 2026" in done.stderr
    assert "QAttention" in done.stderr
    assert "take a bundle in the form fp32, or runtime 'onnxruntime'" in done.stderr

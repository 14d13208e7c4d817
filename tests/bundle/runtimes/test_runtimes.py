"""Every runtime of the table: it answers as onnxruntime does, or refuses in plain words."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from tests.models.toys import toy_rows

import smallcraft
from smallcraft.bundle import runtimes
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.runtimes.runtime import Runtime
from smallcraft.errors import BundleFormatError

TEXTS = toy_rows(20, seed=33).columns["message"]
SOURCE = str(Path(smallcraft.__file__).parents[1])


def test_every_runtime_is_named_by_its_key():
    for name, runtime in runtimes.BUILTIN.items():
        assert runtime.name == name


@pytest.mark.parametrize("name", ["majority", "ngram", "fast"])
def test_bundles_without_a_graph_need_no_engine(bundles, name):
    path = bundles[name].bundle
    found = open_bundle(path, runtime="numpy").predict_proba(TEXTS)
    assert np.array_equal(found, open_bundle(path).predict_proba(TEXTS))


@pytest.mark.parametrize("name", ["frozen", "cascade", "trees"])
def test_bundles_with_a_graph_are_refused_by_numpy_alone(bundles, name):
    with pytest.raises(BundleFormatError, match=r"runs bundles without a graph, .*'onnxruntime', or"):
        open_bundle(bundles[name].bundle, runtime="numpy")


def test_a_bundle_without_a_graph_never_imports_onnxruntime(bundles):
    code = (
        "import sys, json, smallcraft.bundle;"
        "sys.modules['onnxruntime'] = None;"
        "print(json.dumps(smallcraft.bundle.open(sys.argv[1]).predict(['lost card'])))"
    )
    assert json.loads(_run(code, bundles["fast"].bundle)) == open_bundle(bundles["fast"].bundle).predict(
        ["lost card"]
    )
    asked = _run(code, bundles["frozen"].bundle, fails=True)
    assert "onnxruntime is not installed; `pip install onnxruntime` adds it" in asked


def test_an_absent_engine_is_named_with_its_command(bundles):
    code = (
        "import sys, smallcraft.bundle; sys.modules['openvino'] = None;"
        "smallcraft.bundle.open(sys.argv[1], runtime='openvino')"
    )
    asked = _run(code, bundles["frozen"].bundle, fails=True)
    assert "'openvino' is not installed; `pip install openvino` adds it" in asked


def _run(code: str, path: Path, *, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"},
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def test_any_runtime_with_a_session_can_take_its_place(bundles, monkeypatch):
    """The seam itself: a runtime from elsewhere runs the graphs, and gets the checked bytes."""
    real, seen = runtimes.BUILTIN["onnxruntime"], []

    class Seeing:
        name = "seeing"

        def open(self, model, weights):
            seen.append(sorted(weights))
            return real.open(model, weights)

    seeing: Runtime = Seeing()
    monkeypatch.setattr(runtimes, "BUILTIN", {**runtimes.BUILTIN, "seeing": seeing})
    path = bundles["frozen"].bundle
    found = open_bundle(path, runtime="seeing").predict_proba(TEXTS)
    assert np.array_equal(found, open_bundle(path).predict_proba(TEXTS))
    assert seen == [["embeddings.bin", "weights.bin"]]


def test_a_session_copies_its_weights_so_they_are_not_kept_twice(bundles):
    opened = open_bundle(bundles["frozen"].bundle)
    texts = TEXTS[:3]
    assert opened.predict_proba(texts).shape == (3, 3)
    assert not {"model.onnx", "weights.bin", "embeddings.bin"} & set(opened.files._bytes)
    shared = open_bundle(bundles["cascade"].bundle)
    assert "embeddings.bin" in shared.files._bytes


def encoder_sessions(bundle) -> list:
    return [block.session for stage in bundle.stages for block in stage.blocks if block.name == "encoder"]


def test_a_graph_that_is_in_use_is_not_opened_again_and_one_that_is_not_is_let_go(bundles):
    first, second = open_bundle(bundles["frozen"].bundle), open_bundle(bundles["frozen"].bundle)
    assert encoder_sessions(first)[0] is encoder_sessions(second)[0]
    held = weakref.ref(encoder_sessions(first)[0])
    del first, second
    gc.collect()
    assert held() is None

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from smallcraft.pipeline.machine import blas_kernels, describe_machine, processor_model

OPENBLAS = {"user_api": "blas", "internal_api": "openblas", "version": "0.3.30", "architecture": "Haswell"}
_CODE = (
    "import json; from smallcraft.pipeline.machine import describe_machine;"
    "print(json.dumps(dict(describe_machine())))"
)


def machine_elsewhere(**variables: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _CODE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **variables},
    )
    return json.loads(done.stdout)


def test_the_same_machine_says_the_same_in_another_process():
    assert machine_elsewhere() == dict(describe_machine())


def test_another_openblas_kernel_is_seen():
    here = describe_machine()["blas"]
    if "openblas" not in here or os.uname().machine != "x86_64":
        pytest.skip("only OpenBLAS on x86-64 lets its kernel be chosen by name")
    elsewhere = machine_elsewhere(OPENBLAS_CORETYPE="Sandybridge")["blas"]
    assert elsewhere != here
    assert "Sandybridge" in elsewhere


def test_libraries_are_told_once_each_without_their_place():
    threads = {"user_api": "openmp", "internal_api": "openmp", "filepath": "/somewhere/libgomp.so"}
    told = blas_kernels([OPENBLAS | {"filepath": "/somewhere/a.so"}, OPENBLAS, threads])
    assert told == "openblas 0.3.30 Haswell"


def test_a_machine_without_a_known_library_or_model_says_so():
    assert blas_kernels([]) == "unknown"
    assert processor_model("Hardware : something\n") == ""

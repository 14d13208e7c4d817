"""Fresh single-threaded child processes of the cost measurements, and the inputs that they are given.

Always: a child gets its job as a file and answers with a file; one that fails is an error with its last line,
never a number; the inputs are different rows in a seeded order, with the data's own mix of lengths.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from smallcraft.errors import BundleFormatError, InvalidInputError

BUNDLE_OPENER = "smallcraft.bundle:open_bundle"
PROBE = "probe.py"
OPEN_LOOP = "open_loop.py"

_START_LIMIT_S = 60.0
_SINGLE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


def choose_inputs(rows: Mapping[str, Sequence[object]], *, most: int, seed: int) -> dict[str, list[object]]:
    """Different rows in a seeded order, `most` of them at most; their mix of lengths is that of the data.

    Raises:
        InvalidInputError: No columns or rows, or columns of unequal length.
    """
    lengths = {name: len(values) for name, values in rows.items()}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise InvalidInputError(
            f"rows must be equally long columns with at least one row, got lengths {lengths}"
        )
    names = list(rows)
    seen: dict[str, None] = {}
    order = np.random.default_rng(seed).permutation(next(iter(lengths.values())))
    for i in order.tolist():
        seen[_row_text([rows[name][i] for name in names])] = None
        if len(seen) == most:
            break
    kept = [json.loads(text) for text in seen]
    return {name: [row[place] for row in kept] for place, name in enumerate(names)}


def run_probe(
    job: Mapping[str, Any], *, program: str = PROBE, limit_s: float = _START_LIMIT_S
) -> dict[str, Any]:
    """Run one job in a fresh single-threaded interpreter.

    Args:
        job: What the program reads; `bundle` is its directory.
        program: File name of the child's program, in this folder.
        limit_s: Wall seconds after which the child is ended.

    Raises:
        BundleFormatError: It ended with an error or took longer than the limit.
    """
    with tempfile.TemporaryDirectory(prefix="smallcraft-cost-") as folder:
        job_path, result_path = Path(folder, "job.json"), Path(folder, "result.json")
        job_path.write_text(json.dumps(job), encoding="utf-8")
        command = [
            *(sys.executable, "-P", str(Path(__file__).with_name(program))),
            *(str(job_path), str(result_path)),
        ]
        try:
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                timeout=limit_s,
                env=single_thread_environment(),
            )
        except subprocess.CalledProcessError as error:
            lines = error.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"]
            raise BundleFormatError(
                f"the bundle {job['bundle']} must load and answer in a fresh process, got: {lines[-1]}; "
                "open it by hand to see the whole traceback"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise BundleFormatError(
                f"the bundle {job['bundle']} must load and answer within {limit_s:.0f} s in a fresh "
                "process and did not; is the machine busy, or the bundle too large?"
            ) from error
        result: dict[str, Any] = json.loads(result_path.read_text(encoding="utf-8"))
        return result


def _row_text(values: list[object]) -> str:
    try:
        return json.dumps(values)
    except TypeError as error:
        raise InvalidInputError(
            f"input values must be text, numbers, booleans or None, got {values!r}; convert them first"
        ) from error


def single_thread_environment() -> dict[str, str]:
    """One thread in every library that asks the environment; what is importable here is importable there."""
    paths = os.pathsep.join(path for path in sys.path if path)
    fixed = dict.fromkeys(_SINGLE_THREAD, "1")
    return {**os.environ, **fixed, "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": paths}

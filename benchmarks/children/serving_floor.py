"""What no server goes below: a loop over the same requests and replies in one process, without HTTP.

`json`: orjson, numpy, onnxruntime, orjson. `binary`: raw bytes in and out instead of JSON.
Needs numpy, onnxruntime, tokenizers and orjson.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.serving.programs.models import Model, open_model
from benchmarks.stopwatch import print_answer, read_job


def main() -> None:
    """Take the requests in turn for as long as the job says."""
    job = read_job()
    model = open_model(job["kind"], Path(job["folder"]))
    values = json.loads(Path(job["values"]).read_text(encoding="utf-8"))
    answer, requests = json_loop(model, values) if job["form"] == "json" else binary_loop(model, values)
    for request in requests:
        answer(request)
    n, began, cpu_began = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < job["seconds"]:
        for request in requests:
            answer(request)
        n += len(requests)
    cpu_s, wall_s = time.process_time() - cpu_began, time.perf_counter() - began
    print_answer({"cpu_us": 1e6 * cpu_s / n, "per_second": n / wall_s, "n": n})


def json_loop(model: Model, values: Sequence[Any]) -> tuple[Callable[[bytes], bytes], list[bytes]]:
    """From a plain JSON request to a plain JSON reply."""

    def answer(request: bytes) -> bytes:
        return orjson.dumps(model.answer(orjson.loads(request)[model.field]))

    return answer, [orjson.dumps({model.field: value}) for value in values]


def binary_loop(model: Model, values: Sequence[Any]) -> tuple[Callable[[bytes], bytes], list[bytes]]:
    """From the bytes of a row of float32 to the bytes of its probabilities."""

    def answer(request: bytes) -> bytes:
        said = model.answer(np.frombuffer(request, dtype="<f4"))
        return said["label"].encode() + np.array(said["probabilities"]).tobytes()

    return answer, [np.array(value, dtype="<f4").tobytes() for value in values]


if __name__ == "__main__":
    main()

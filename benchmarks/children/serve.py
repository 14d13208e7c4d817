"""A bundle in a process of its own: one request at a time, or all rows at once.

Needs numpy, onnxruntime and tokenizers beside `smallcraft.bundle`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import peak_rss_mb, print_answer, read_job, time_requests


def main() -> None:
    """Open the bundle of the job and answer its rows."""
    job = read_job()
    started, cpu = time.perf_counter(), time.process_time()
    import smallcraft.bundle

    imported = time.perf_counter()
    bundle = smallcraft.bundle.open(job["bundle"])
    found: dict[str, Any] = {
        "import_s": imported - started,
        "open_s": time.perf_counter() - imported,
        "cpu_s": time.process_time() - cpu,
        "stages": [stage.name for stage in bundle.stages],
        "digest": bundle.digest,
    }
    columns = json.loads(Path(job["rows"]).read_text(encoding="utf-8"))["columns"]
    if job["mode"] == "latency":
        requests = [
            dict(zip(columns, ([value] for value in row), strict=True))
            for row in zip(*columns.values(), strict=True)
        ]
        found |= time_requests(bundle.predict, requests)
    elif job["mode"] == "answers":
        answers = bundle.answer(columns)
        found |= {
            "labels": [bundle.classes[code] for code in answers.probs.argmax(axis=1)],
            "last_class_probs": answers.probs[:, -1].tolist(),
            "escalated": float(answers.escalated.mean()),
        }
    found["peak_rss_mb"] = peak_rss_mb()
    print_answer(found)


if __name__ == "__main__":
    main()

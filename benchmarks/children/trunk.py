"""A trunk in a process of its own: its memory, the first use of its tasks, their answers, their speed.

Needs numpy, onnxruntime and tokenizers beside `smallcraft.bundle`.
"""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.stopwatch import print_answer, read_job, time_requests
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.trunk.trunk import Trunk, open_trunk

_WARM_UP = 50
_BUDGET_BYTES = 64_000_000


def main() -> None:
    """Do what the job asks."""
    job = read_job()
    modes: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
        "memory": memory,
        "first_use": first_use,
        "answers": answers,
        "apart": apart,
        "latency": latency,
        "several": several,
    }
    print_answer(modes[job["mode"]](job))


def memory(job: Mapping[str, Any]) -> dict[str, float]:
    """Resident memory with the encoder alone, and once every task has answered."""
    trunk = warm_trunk(job)
    before = resident_mb()
    add_all(trunk, job)
    for name, _ in job["tasks"]:
        trunk.answer(job["texts"][:1], task=name)
    after = resident_mb()
    return {"trunk_mb": before, "tasks_mb": after - before, "kept": len(trunk.shelf.names)}


def first_use(job: Mapping[str, Any]) -> dict[str, list[float]]:
    """Milliseconds until a task that was only known is ready to answer."""
    trunk = warm_trunk(job)
    add_all(trunk, job)
    if job["frozen"]:
        gc.freeze()
    wall, cpu = [], []
    for name, _ in job["tasks"]:
        start, cpu_start = time.perf_counter(), time.process_time()
        trunk.bundle(name)
        wall.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - cpu_start))
    return {"wall_ms": wall, "cpu_ms": cpu}


def answers(job: Mapping[str, Any]) -> dict[str, str]:
    """A digest of every task's probabilities, from mixed batches in which all tasks ask about every text."""
    trunk = open_trunk(job["trunk"], budget_bytes=job["budget_bytes"])
    add_all(trunk, job)
    names = [name for name, _ in job["tasks"]]
    hashes = {name: hashlib.sha256() for name in names}
    for start in range(0, len(job["texts"]), 8):
        texts = job["texts"][start : start + 8]
        found = trunk.answer_mixed([text for text in texts for _ in names], names * len(texts))
        for said in found:
            hashes[said.task].update(said.said.probs.tobytes())
    return {name: found.hexdigest() for name, found in hashes.items()}


def apart(job: Mapping[str, Any]) -> dict[str, str]:
    """The same digests from each task's own bundle, opened by itself."""
    return {
        name: hashlib.sha256(open_bundle(path).predict_proba(job["texts"]).tobytes()).hexdigest()
        for name, path in job["tasks"]
    }


def latency(job: Mapping[str, Any]) -> dict[str, Any]:
    """One text a request to one task: on the trunk, and by its own bundle."""
    (name, path), *_ = job["tasks"]
    if job["way"] == "bundle":
        bundle = open_bundle(path)
        return time_requests(lambda text: bundle.answer([text]), job["texts"])
    trunk = warm_trunk(job)
    add_all(trunk, job)
    return time_requests(lambda text: trunk.answer([text], task=name), job["texts"])


def several(job: Mapping[str, Any]) -> dict[str, Any]:
    """One text a request to all tasks."""
    trunk = warm_trunk(job)
    add_all(trunk, job)
    names = [name for name, _ in job["tasks"]]
    return time_requests(lambda text: trunk.answer_mixed([text] * len(names), names), job["texts"])


def warm_trunk(job: Mapping[str, Any]) -> Trunk:
    """Open, with its encoder run as a task runs it, by a task that is removed again."""
    trunk = open_trunk(job["trunk"], budget_bytes=_BUDGET_BYTES)
    trunk.add("warm", job["warm"])
    for text in job["texts"][:_WARM_UP]:
        trunk.answer([text], task="warm")
    trunk.remove("warm")
    return trunk


def add_all(trunk: Trunk, job: Mapping[str, Any]) -> None:
    """Make every task known."""
    tasks: Sequence[tuple[str, str]] = job["tasks"]
    for name, path in tasks:
        trunk.add(name, path)


def resident_mb() -> float:
    """Resident memory of this process now, in MB (1e6 bytes)."""
    gc.collect()
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()

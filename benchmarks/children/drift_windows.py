"""Asks a peer's rules about windows: which of them it would raise an alarm in.

Always: the windows are those that every contestant meets, which the digest in the answer shows; a window's
verdict sees nothing later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from benchmarks.drift.streams import (
    MONTH,
    changed_windows,
    digest_of,
    reference_windows,
    windows,
)

Windows = Sequence[np.ndarray]
Alarms = dict[str, list[bool]]  # a rule's verdict on each window
# From the reference's windows and those of the month before, what judges windows.
Prepare = Callable[[Windows, Iterator[np.ndarray]], Callable[[Windows], Alarms]]


def answer_windows(job: dict[str, Any], prepare: Prepare) -> dict[str, Any]:
    """Quiet windows of a world, or changed ones of some streams.

    Args:
        job: `seed`, and either `world`, `stream` and `windows`, or `changes`, `streams` and `horizon`.
        prepare: Of the peer.
    """
    began = time.process_time()
    found = _quiet(job, prepare) if "world" in job else _changed(job, prepare)
    return found | {"cpu_s": time.process_time() - began}


def _quiet(job: dict[str, Any], prepare: Prepare) -> dict[str, Any]:
    world, seed, stream = job["world"], job["seed"], job["stream"]
    judge = _prepared(prepare, world, seed=seed, stream=stream)
    drawn = windows(world, seed=seed, stream=stream)
    later = list(islice(drawn, MONTH, MONTH + job["windows"]))
    alarms = {rule: sum(said) for rule, said in judge(later).items()}
    return {"alarms": alarms, "digest": digest_of(windows(world, seed=seed, stream=stream))}


def _changed(job: dict[str, Any], prepare: Prepare) -> dict[str, Any]:
    delays: dict[str, dict[str, list[int | None]]] = {}
    for stream in job["streams"]:
        judge = _prepared(prepare, "iid", seed=job["seed"], stream=stream)
        for change in job["changes"]:
            drawn = changed_windows(change, seed=job["seed"], stream=stream)
            for rule, said in judge(list(islice(drawn, job["horizon"]))).items():
                first = said.index(True) + 1 if True in said else None
                delays.setdefault(change, {}).setdefault(rule, []).append(first)
    return {"delays": delays}


def _prepared(prepare: Prepare, world: str, *, seed: int, stream: int) -> Callable[[Windows], Alarms]:
    reference = reference_windows(world, seed=seed, stream=stream)
    return prepare(reference, islice(windows(world, seed=seed, stream=stream), MONTH))

"""A million rows, counted once into cells, beside scikit-learn, torchmetrics and fairlearn."""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.peers import FAIRLEARN, SCIKIT_LEARN, TORCHMETRICS, Environment
from benchmarks.process import in_turn, run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_ROWS, _CLASSES, _GROUPS, _REPLICATES, _SAMPLES, _FRAMES = 1_000_000, 10, 10, 1000, 100, 1
_PEERS: dict[str, tuple[Environment, str]] = {
    "scikit-learn": (SCIKIT_LEARN, "cells_peer"),
    "torchmetrics": (TORCHMETRICS, "cells_torchmetrics"),
    "fairlearn": (FAIRLEARN, "cells_fairlearn"),
}
_EXACT = 1e-9

Answers = dict[str, list[dict[str, Any]]]


def measure(around: Surroundings) -> Found:
    """The same seeded labels in all of them, forwards and backwards by turns."""
    rows = 20_000 if around.is_quick else _ROWS
    job = {"rows": rows, "classes": _CLASSES, "groups": _GROUPS, "repeats": 9, "replicates": _REPLICATES}
    job |= {"samples": 2 if around.is_quick else _SAMPLES, "frames": _FRAMES}
    seeds = {"smallcraft": 0}
    contestants = {"smallcraft": lambda: run_child(PYTHON, "cells", job)}
    for peer, (environment, program) in _PEERS.items():
        python = around.python_of(environment)
        if python is None:
            continue
        seeds[peer] = 0

        def run(python: Any = python, program: str = program, peer: str = peer) -> dict[str, Any]:
            seeds[peer] += 1
            return run_child(python, program, job | {"seed": seeds[peer]})

        contestants[peer] = run
    found: Answers = in_turn(contestants, rounds=2)
    return Found(
        about=(
            f"{rows:,} rows, {_CLASSES} classes of unequal size, predictions right for about 90 % and 89 "
            f"%, {_GROUPS} groups; seeded. CPU-seconds of one thread; contestants by turns, twice each."
        ),
        rows=(*_whole_rows(found, rows, job["samples"]), *_slice_rows(found)),
        notes=(*_agreement(found), *_extrapolated(found, job["samples"]), *around.absent),
    )


def _taken(answers: list[dict[str, Any]], name: str, scale: float = 1.0) -> Sample:
    return median_of([scale * cpu for answer in answers for cpu in answer[name]])


def _theirs(found: Answers, name: str, scale: float = 1.0) -> dict[str, Sample]:
    return {
        peer: _taken(answers, name, scale)
        for peer, answers in found.items()
        if peer != "smallcraft" and name in answers[0]
    }


def _whole_rows(found: Answers, rows: int, samples: int) -> tuple[Row, ...]:
    ours, per_row, whole = found["smallcraft"], 1e9 / rows, _REPLICATES / samples
    return (
        Row(
            "counting into cells, per row",
            "ns",
            _taken(ours, "pass", per_row),
            bar=2.0,
            clock="cpu",
            floor=_taken(ours, "read", per_row),
            floor_is="reading both columns once (a sum)",
        ),
        Row(
            "nine count metrics, then F1, precision, recall of each class, from the cells (peers: the nine)",
            "CPU-s",
            _taken(ours, "metrics"),
            _theirs(found, "metrics"),
            bar=0.01,
            clock="cpu",
        ),
        Row(
            f"macro-F1, 95 % bootstrap interval, B = {_REPLICATES:,} (peers extrapolated)",
            "CPU-s",
            _taken(ours, "interval"),
            _theirs(found, "interval", whole),
            bar=0.02,
            clock="cpu",
        ),
        Row(
            f"paired difference of two macro-F1, B = {_REPLICATES:,} (peers extrapolated)",
            "CPU-s",
            _taken(ours, "paired"),
            _theirs(found, "paired", whole),
            bar=0.1,
            clock="cpu",
        ),
        Row(
            "AUROC with DeLong's interval (peers: the point alone)",
            "CPU-s",
            _taken(ours, "area"),
            _theirs(found, "area"),
            clock="cpu",
        ),
        Row("AUROC with its interval from 256 score bins", "CPU-s", _taken(ours, "binned"), clock="cpu"),
    )


def _slice_rows(found: Answers) -> tuple[Row, ...]:
    ours = found["smallcraft"]
    return (
        Row(
            "100 slices: count, nine metrics and the intervals of all nine, B = 2,000",
            "CPU-s",
            _taken(ours, "slices"),
            bar=2.0,
            clock="cpu",
        ),
        Row(
            f"four metrics x {_GROUPS} groups, ours with intervals, B = 1,000 (fairlearn: the points alone)",
            "CPU-s",
            _taken(ours, "groups"),
            _theirs(found, "groups"),
            bar=0.05,
            clock="cpu",
        ),
        Row(
            f"the same, fairlearn with its bootstrap intervals, B = 1,000 (extrapolated from {_FRAMES})",
            "CPU-s",
            _taken(ours, "groups"),
            _framed(found),
            clock="cpu",
        ),
    )


def _framed(found: Answers) -> dict[str, Sample]:
    """fairlearn's points and 1,000 samples; what it took for some of them has the points in it."""
    answers = found.get("fairlearn", [])
    pairs = [(answer["groups"][0], answer["sampled"][0]) for answer in answers]
    whole = [points + (both - points) * 1000 / _FRAMES for points, both in pairs]
    return {"fairlearn": median_of(whole)} if whole else {}


def _agreement(found: Answers) -> tuple[str, ...]:
    """How far points and bootstrap spreads lie apart, against what Monte Carlo alone would do."""
    ours, notes = found["smallcraft"][0], []
    for peer in ("scikit-learn", "torchmetrics"):
        if peer not in found:
            continue
        theirs = found[peer][0]
        gaps = {name: abs(ours["values"][name] - value) for name, value in theirs["values"].items()}
        gaps["F1 of each class"] = max(abs(a - b) for a, b in zip(ours["f1"], theirs["f1"], strict=True))
        gaps["AUROC"] = abs(ours["auroc"] - theirs["auroc"])
        notes.append(_points(peer, gaps))
        for name, what, mine in (
            ("drawn", "macro-F1", "spread"),
            ("gaps", "the difference", "paired_spread"),
        ):
            values = [value for answer in found[peer] for value in answer[name]]
            notes.append(_spreads(peer, what, ours[mine], values))
    if "fairlearn" in found:
        theirs = found["fairlearn"][0]["by_group"]
        furthest = max(
            abs(a - b)
            for mine, other in zip(ours["by_group"], theirs, strict=True)
            for a, b in zip(mine, other, strict=True)
        )
        notes.append(
            f"fairlearn: accuracy, macro-F1, balanced accuracy and Matthews of the {_GROUPS} groups "
            f"differ by {furthest:.1e} at most."
        )
    notes.append(
        f"256 score bins: AUROC is off by {ours['binned_gap']:.1e}; the bound given with it is "
        f"{ours['binned_bound']:.1e}."
    )
    return tuple(notes)


def _points(peer: str, gaps: dict[str, float]) -> str:
    close = [gap for gap in gaps.values() if gap <= _EXACT]
    rest = {name: gap for name, gap in gaps.items() if gap > _EXACT}
    furthest = max(close, default=0.0)
    text = f"{peer}: {len(close)} of {len(gaps)} points differ from ours by {furthest:.1e} at most"
    if not rest:
        return f"{text}."
    single = ", numbers it gives in single precision" if peer == "torchmetrics" else ""
    return f"{text}; {', '.join(rest)} by up to {max(rest.values()):.1e}{single}."


def _spreads(peer: str, what: str, ours: float, values: list[float]) -> str:
    theirs, count = statistics.stdev(values), len(values)
    error = math.sqrt(1 / (2 * (count - 1)) + 1 / (2 * (_REPLICATES - 1)))
    return (
        f"{peer}: the spread of {what} over bootstrap samples is {ours:.2e} (ours, {_REPLICATES:,}) and "
        f"{theirs:.2e} (theirs, {count}): a ratio of {ours / theirs:.2f}, with a Monte Carlo standard error "
        f"of {error:.2f}."
    )


def _extrapolated(found: Answers, samples: int) -> tuple[str, ...]:
    peers = [peer for peer in ("scikit-learn", "torchmetrics") if peer in found]
    notes = []
    if peers:
        notes.append(
            f"The bootstraps of {' and '.join(peers)} ran {samples} samples a time; the time for "
            f"{_REPLICATES:,} is that time x {_REPLICATES // samples}, as each sample costs the same. They "
            "were not run in full."
        )
    if "fairlearn" in found:
        notes.append(
            f"fairlearn's bootstrap ran {_FRAMES} sample; the time for 1,000 is that of the points and "
            f"{1000 // _FRAMES} x the rest. It was not run in full."
        )
    return tuple(notes)

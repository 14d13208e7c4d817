"""Label issues of large tables of probabilities: confident learning in two passes, beside cleanlab."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.peers import CLEANLAB
from benchmarks.process import in_turn, run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_PEER = "cleanlab"
# Rows, classes, how many times less CPU than the peer, and MiB of memory on top.
_TABLES = ((1_000_000, 10, 20.0, 20.0), (100_000, 150, 10.0, None))
_QUICK = 50
_MEMORY = (
    "Memory is how far the resident memory of a warm process rises while a call runs, its results included; "
    "ours take 17 bytes a row (a flag, a code of 8, two scores of 4)."
)
_SCORES = (
    "The two scores: ours self-confidence and logit margin, cleanlab's self-confidence and normalized margin."
)


def measure(around: Surroundings) -> Found:
    """The same seeded tables in both, by turns."""
    python = around.python_of(CLEANLAB)
    rows: list[Row] = []
    notes: list[str] = []
    for n, k, times, mib in _TABLES:
        size = n // _QUICK if around.is_quick else n
        job = {"rows": size, "classes": k, "repeats": 3}
        jobs = {"ours": partial(run_child, PYTHON, "label_issues", job)}
        if python is not None:
            jobs[_PEER] = partial(run_child, python, "label_issues_peer", job)
        ran = in_turn(jobs, rounds=around.rounds)
        around.look(f"after {size:,} x {k}")
        rows += _rows(ran["ours"], ran.get(_PEER), table=f"{size:,} x {k}", bars=(times, mib))
        notes += _agreement(ran["ours"][0], ran[_PEER][0], f"{size:,} x {k}") if _PEER in ran else []
    return Found(
        about=(
            "Given labels, one in ten wrong, and a model's probabilities for unequal classes; seeded. "
            "Asked for: confident joint, flags, predictions and two scores. CPU-seconds of one thread."
        ),
        rows=tuple(rows),
        notes=(*notes, _MEMORY, _SCORES, *around.absent),
    )


def _rows(
    ours: list[dict[str, Any]],
    theirs: list[dict[str, Any]] | None,
    *,
    table: str,
    bars: tuple[float, float | None],
) -> tuple[Row, ...]:
    peers = {} if theirs is None else {_PEER: _pooled(theirs, "all")}
    found, memory = _pooled(ours, "all"), None if theirs is None else _memory(theirs)
    return (
        Row(
            f"{table} float64: joint, flags, predictions, two scores",
            "CPU-s",
            found,
            peers,
            clock="cpu",
            floor=_pooled(ours, "read"),
            floor_is="reading the table twice",
        ),
        Row(f"{table} float32, no copy made", "CPU-s", _pooled(ours, "float32"), clock="cpu"),
        *_ratio_rows(found, peers, table=table, bar=bars[0]),
        Row(
            f"{table} float64: memory on top, results included",
            "MiB",
            _memory(ours),
            {} if memory is None else {_PEER: memory},
            bar=bars[1],
        ),
    )


def _ratio_rows(ours: Sample, peers: dict[str, Sample], *, table: str, bar: float) -> tuple[Row, ...]:
    """How many times less, with the worst and best pairing of runs as bounds."""
    if _PEER not in peers:
        return (Row(f"{table} float64: times less CPU than cleanlab", "x", None, bar=bar, sense="at_least"),)
    peer = peers[_PEER]
    assert ours.low is not None
    assert ours.high is not None
    assert peer.low is not None
    assert peer.high is not None
    ratio = Sample(peer.value / ours.value, ours.n, "runs", peer.low / ours.high, peer.high / ours.low)
    return (
        Row(
            f"{table} float64: times less CPU than cleanlab",
            "x",
            ratio,
            bar=bar,
            sense="at_least",
            clock="cpu",
        ),
    )


def _pooled(runs: list[dict[str, Any]], name: str) -> Sample:
    return median_of([cpu for run in runs for cpu in run[name]])


def _memory(runs: list[dict[str, Any]]) -> Sample | None:
    found = [run["memory"] for run in runs if run["memory"] is not None]
    return median_of(found) if found else None


def _agreement(ours: dict[str, Any], theirs: dict[str, Any], table: str) -> list[str]:
    same = "the same" if ours["answer"] == theirs["answer"] else "NOT the same"
    what = f"flags ({ours['flagged']:,}), predictions, counts and joint"
    return [f"{table}: {what} are {same} as cleanlab's, to the last bit."]

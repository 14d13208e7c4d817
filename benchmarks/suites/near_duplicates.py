"""Near-duplicates: among 50,000 embeddings beside cleanlab's Datalab, and among a million texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.children.texts import write_texts
from benchmarks.peers import CLEANLAB
from benchmarks.process import run_child
from benchmarks.records import Row, Sample, median_of
from benchmarks.suites.suite import Found, Surroundings

_PEER = "cleanlab Datalab"
_ROWS, _WIDTH, _LEAST, _TEXTS = 50_000, 384, 0.99, 1_000_000

_THE_ASK = (
    "The peer looks for the nearest rows of each row and calls those near-duplicates that are much nearer "
    "than usual; ours looks for all pairs above a cosine. Both are timed without importing."
)


def measure(around: Surroundings) -> Found:
    """The same seeded rows in both; the texts have no peer that holds a million of them."""
    rows, texts = (3_500, 5_000) if around.is_quick else (_ROWS, _TEXTS)
    job = {"rows": rows, "width": _WIDTH, "least": _LEAST, "repeats": 3}
    ours = [run_child(PYTHON, "near_vectors", job)]
    python = around.python_of(CLEANLAB)
    peer = None if python is None else run_child(python, "near_vectors_peer", job)
    ours.append(run_child(PYTHON, "near_vectors", job))
    path = Path(around.work, "texts.txt")
    planted = write_texts(path, texts)
    found = run_child(PYTHON, "near_texts", {"file": str(path), "planted": planted})
    return Found(
        about=(
            f"{rows:,} x {_WIDTH} float32 in 200 clusters with {ours[0]['planted']:,} planted pairs at a "
            f"cosine above {_LEAST}; {texts:,} texts of {found['letters']:.0f} characters from a random "
            f"vocabulary with {planted:,} planted copies (one letter changed). Seeded; CPU-seconds of one "
            "thread."
        ),
        rows=(*_vector_rows(ours, peer), *_text_rows(found, planted)),
        notes=(_THE_ASK, _held(found), *around.absent),
    )


def _vector_rows(ours: list[dict[str, Any]], peer: dict[str, Any] | None) -> tuple[Row, ...]:
    def theirs(value: float | None) -> dict[str, Sample]:
        return {} if peer is None or value is None else {_PEER: Sample(value, 1)}

    taken = median_of([cpu for run in ours for cpu in run["cpu_s"]])
    peer_s = None if peer is None else peer["cpu_s"][0]
    extra = [run["extra_mb"] for run in ours if run["extra_mb"] is not None]
    planted = ours[0]["planted"]
    return (
        Row(
            "near-duplicates among embeddings",
            "CPU-s",
            taken,
            theirs(peer_s),
            bar=None if peer_s is None else peer_s / 100,
            clock="cpu",
        ),
        Row(
            "planted pairs that are found",
            "share",
            Sample(min(run["recall"] for run in ours), planted, "pairs"),
            {} if peer is None else {_PEER: Sample(peer["recall"], planted, "pairs")},
            bar=1.0,
            sense="at_least",
        ),
        Row(
            "peak memory on top of the rows",
            "MB",
            median_of(extra) if extra else None,
            theirs(None if peer is None else peer["extra_mb"]),
        ),
    )


def _held(found: dict[str, Any]) -> str:
    before = "not measured" if found["held_mb"] is None else f"{found['held_mb']:,.0f} MB"
    return (
        f"Of the peak of the texts, there before the search (interpreter, imports, list of texts): {before}."
    )


def _text_rows(found: dict[str, Any], planted: int) -> tuple[Row, ...]:
    peak = None if found["peak_mb"] is None else Sample(found["peak_mb"], 1)
    return (
        Row("near copies among the texts", "CPU-s", Sample(found["cpu_s"], 1), bar=90.0, clock="cpu"),
        Row("peak memory of that process, the texts included", "MB", peak, bar=2_147.0),
        Row(
            "planted copies that are found",
            "share",
            Sample(found["recall"], planted, "pairs"),
            bar=1.0,
            sense="at_least",
        ),
    )

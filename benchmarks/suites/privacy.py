"""The privacy audit of two recipes on banking77: what it costs, and what it finds. No peer trains a twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.builds import PYTHON, write_rows
from benchmarks.datasets import read_banking77
from benchmarks.process import run_child
from benchmarks.records import Listing, Row, Sample
from benchmarks.suites.suite import Found, Surroundings

_RUNGS = ("ngram", "cascade")
_CPU_S = 120.0


def measure(around: Surroundings) -> Found:
    """One run each: 500 natural and 500 worst canaries, half of them trained on."""
    dataset = read_banking77().smaller(around.rows)
    rows = write_rows(dataset.train, around.work / "train.json")
    cache = around.work / "cache"
    cache.mkdir()
    found = run_child(PYTHON, "privacy", {"rows": str(rows), "cache": str(cache), "rungs": _RUNGS})
    audits: Mapping[str, Any] = found["audits"]
    return Found(
        about=(
            f"banking77, {found['train']:,} rows to train from, {found['held_out']:,} held out. A twin of "
            "each recipe is trained on the train rows and on those of 500 natural canaries (held-out rows) "
            "and 500 worst ones (random words and labels) whose coin says so; seed 0, one thread."
        ),
        rows=tuple(
            Row(
                f"privacy audit of `{rung}`: the twin, both models' answers to the canaries, the scan",
                "CPU-s",
                Sample(audits[rung]["cpu_s"], 1),
                bar=_CPU_S,
                clock="cpu",
            )
            for rung in _RUNGS
        ),
        listings=(_list_findings(audits),),
        notes=(
            "Counted: everything from the drawn canaries to the summary, the embeddings of the canaries "
            "included. Not counted, since a build has made it before it audits: the candidate with its "
            "decoder and the embeddings of the train rows ("
            + ", ".join(f"`{rung}` {audits[rung]['candidate_cpu_s']:.0f} CPU-s" for rung in _RUNGS)
            + "). The reference model is the candidate itself, read back from memory.",
            f"Peak memory of the process: {found['peak_mb']:.0f} MB.",
            *(f"`{rung}`: {audits[rung]['summary']}." for rung in _RUNGS),
        ),
    )


def _list_findings(audits: Mapping[str, Any]) -> Listing:
    return Listing(
        "What the attack found",
        ("recipe", "slice", "measurement", "value", "bounds", "n"),
        tuple(
            (
                rung,
                found["slice"],
                found["name"],
                "not measured" if found["value"] is None else f"{found['value']:.3f}",
                "" if found["low"] is None else f"[{found['low']:.3f}, {found['high']:.3f}]",
                str(found["n"]),
            )
            for rung, audit in audits.items()
            for found in audit["measurements"]
            if found["slice"] != "all"
        ),
    )

"""Two releases written by hand, as a build records them: what the tests of the memory look at."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import NotFoundError
from smallcraft.records import Predictions, Release, StoredFile
from smallcraft.registry.memory.answers import ANSWERS_FILE, answer_log, encode_answers
from smallcraft.registry.memory.decisions import Parent, Rationale, write_decision
from smallcraft.registry.memory.evidence import Side
from smallcraft.registry.memory.rows import ROWS_FILE, RowIds, encode_rows, ids_of, split_rows

CLASSES = ("billing", "login", "parcel")
EVIDENCE = (ROWS_FILE, ANSWERS_FILE)


def measurement(name: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "fraction", "n": 200, "slice": "all", "split": None, **more}


def cost(name: str, value: float, unit: str, *, spread: float | None = None) -> dict[str, Any]:
    bounds = {} if spread is None else {"low": value - spread, "high": value + spread, "level": 0.95}
    return measurement(name, value, unit=unit, **bounds)


def costs(*, size_mb: float = 0.4, p95_ms: float = 0.1) -> list[dict[str, Any]]:
    return [
        cost("size_mb", size_mb, "MB"),
        cost("p95_ms", p95_ms, "ms", spread=0.01),
        cost("p50_ms", 0.05, "ms", spread=0.01),
        cost("peak_rss_mb", 65.0, "MB"),
    ]


def scores(value: float, *, split: str) -> list[dict[str, Any]]:
    bounds = {"low": value - 0.02, "high": value + 0.02, "level": 0.95, "split": split}
    return [measurement(name, value, **bounds) for name in ("macro_f1", "accuracy")]


def candidate(rung: str, value: float, **more: Any) -> dict[str, Any]:
    measured = [*scores(value, split="dev"), *costs()]
    digest = digest_bytes(rung.encode())
    return {
        "rung": rung,
        "status": "measured",
        "reason": "",
        "candidate": digest,
        "measurements": measured,
        **more,
    }


def without_bundle(rung: str, status: str, reason: str) -> dict[str, Any]:
    return {"rung": rung, "status": status, "reason": reason, "candidate": None, "measurements": []}


def verdict(gate: str, outcome: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"gate": gate, "outcome": outcome, "reason": reason, "needs": None, "required": True, **more}


def facts_of(*, told: float = 0.9, bundle: str = "b1", **more: Any) -> dict[str, Any]:
    """What a build of four rungs recorded; `more` replaces parts of it."""
    lost = {
        "fast": "as good, but costs 2 times as much as ngram",
        "frozen": "skipped: no backbone",
        "trees": "crashed: no memory",
    }
    return {
        "name": "helpdesk",
        "chosen": "ngram",
        "sentence": "ngram: macro_f1 0.900 on dev; tied with fast",
        "metric": "macro_f1",
        "confidence": 0.95,
        "task": {"classes": list(CLASSES), "text": "message", "features": []},
        "candidates": [
            candidate("ngram", 0.9),
            candidate("fast", 0.91),
            without_bundle("frozen", "skipped", "no backbone"),
            without_bundle("trees", "crashed", "no memory"),
        ],
        "decision": {
            "chosen": "ngram",
            "best": "fast",
            "lost": lost,
            "margin": 0.01,
            "confidence": 0.95,
        },
        "released": {"rung": "ngram", "measurements": [*costs(), *scores(told, split="cert")]},
        "cert": {"measurements": scores(told, split="cert"), "wear": "", "clock": []},
        "verdicts": [
            verdict("floor", "PASS", "0.9 is at least 0.8"),
            verdict("fairness", "UNDECIDED", "few rows", needs="90 rows", required=False),
        ],
        "audits": [{"audit": "fairness", "summary": "south is worse", "findings": [{"what": "south"}]}],
        "data": {
            "path": "tickets.csv",
            "digest": "sha256:t1",
            "license": "CC0-1.0",
            "source": "demo",
            "splits": {name: {"rows": 200, "digest": f"sha256:{name}"} for name in ("train", "dev", "cert")},
        },
        "environment": {"code": "sha256:c1", "numpy": "2.4.6", "seed": 0, "processor": "x86_64"},
        "bundle": {"digest": f"sha256:{bundle}", "size_bytes": 400_000, "files": []},
        **more,
    }


def digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def rows_file(texts: Mapping[str, range], *, relabelled: int = 0) -> bytes:
    """Rows named by numbers; the first few of train have another label."""
    splits = {}
    for name, numbers in texts.items():
        labels = [
            "other" if name == "train" and at < relabelled else number % 3
            for at, number in enumerate(numbers)
        ]
        of_labels = [digest(number, label) for number, label in zip(numbers, labels, strict=True)]
        splits[name] = split_rows([digest(number) for number in numbers], of_labels, is_sealed=name == "cert")
    return encode_rows(RowIds(("message",), "intent", splits))


def answers_file(numbers: range, *, wrong: float, seed: int = 1) -> bytes:
    dice = np.random.default_rng(seed)
    truth = np.array([number % 3 for number in numbers])
    predicted = np.where(dice.random(len(truth)) < wrong, (truth + 1) % 3, truth)
    probs = np.full((len(truth), 3), 0.05)
    probs[np.arange(len(truth)), predicted] = 0.9
    return encode_answers(
        answer_log(Predictions(CLASSES, truth, probs), ids_of([digest(n) for n in numbers]))
    )


def arrays_file(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(value, dtype=np.float64) for name, value in arrays.items()})
    return buffer.getvalue()


def side(label: str, facts: Mapping[str, Any], files: Mapping[str, bytes]) -> Side:
    """A release whose facts list the files below `bundle/`, and read back from JSON."""
    listed = [
        {"path": path.removeprefix("bundle/"), "digest": digest_bytes(data), "size_bytes": len(data)}
        for path, data in files.items()
        if path.startswith("bundle/")
    ]
    whole = {**facts, "bundle": {**facts["bundle"], "files": listed}}

    def read(path: str) -> bytes:
        if path not in files:
            raise NotFoundError(f"{label} has no file '{path}'")
        return files[path]

    return Side(label, json.loads(canonical_json(whole)), read)


def first_side(*, label: str = "helpdesk@1", **more: Any) -> Side:
    splits = {"train": range(600), "dev": range(600, 800), "cert": range(800, 1000)}
    files = {
        "bundle/heads/ngram.npz": arrays_file(bias=[0, 0], weights=[1, 2]),
        "bundle/tokenizer.json": b"{}",
        ROWS_FILE: rows_file(splits),
        ANSWERS_FILE: answers_file(range(600, 800), wrong=0.35),
        "smallcraft.toml": b'[quality]\nmargin = 0.01\n[data]\npath = "tickets.csv"\n',
    }
    return side(label, facts_of(**more), files)


def second_side(*, label: str = "helpdesk@2", files: Mapping[str, bytes] | None = None, **more: Any) -> Side:
    """Rows added and relabelled, half of dev kept, a wider margin, other weights; cert as it was told."""
    splits = {"train": range(5, 650), "dev": range(700, 900), "cert": range(900, 1100)}
    whole = {
        "bundle/heads/ngram.npz": arrays_file(bias=[0, 0], weights=[1, 3]),
        "bundle/tokenizer.json": b"{}",
        ROWS_FILE: rows_file(splits, relabelled=7),
        ANSWERS_FILE: answers_file(range(700, 900), wrong=0.05, seed=2),
        "smallcraft.toml": b'[quality]\nmargin = 0.02\n[data]\npath = "tickets.csv"\n',
        **(files or {}),
    }
    released = {
        "rung": "ngram",
        "measurements": [*costs(size_mb=0.5, p95_ms=0.2), *scores(0.93, split="cert")],
    }
    return side(label, facts_of(**{"told": 0.93, "bundle": "b2", "released": released, **more}), whole)


def decision_of(before: Side | None, after: Side, *, text: str = "fewer wrong answers", **more: Any) -> bytes:
    parents = [] if before is None else [Parent(before.label, "sha256:" + "1" * 64)]
    told: dict[str, Any] = {"verdict": "accept", "rationale": Rationale(text, "person"), "parents": parents}
    return write_decision(before, after, **{**told, "evidence": EVIDENCE, **more})


def release_of(one: Side, *, created: str = "2026-10-01T12:00:00Z") -> Release:
    name, _, version = one.label.partition("@")
    files = (StoredFile("bundle/m.npz", "sha256:" + "a" * 64, 12345),)
    return Release(name, int(version), "sha256:m", "sha256:p", created, files, one.facts)

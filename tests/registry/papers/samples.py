"""Facts of releases as a build records them, small enough to read: what the tests of papers are made on."""

from __future__ import annotations

from typing import Any

HOSTILE = (
    "<script>alert(1)</script> | `x` \"q\" 'p' [a](b) \n\n---\n# owned\n```\n: - {x: 1}\n"
    "<!-- end of smallcraft card -->"
)
CREATED = "2026-10-01T12:00:00Z"
MANIFEST = "sha256:" + "9" * 64


def measurement(
    name: str, value: float | None, split: str | None = "dev", part: str = "all", **more: Any
) -> dict[str, Any]:
    known = value is not None
    return {
        "name": name,
        "value": value,
        "low": value - 0.02 if known else None,
        "high": value + 0.02 if known else None,
        "unit": "ratio",
        "n": 600,
        "split": split,
        "slice": part,
        "method": "bootstrap, 95%",
        "detail": "",
        **more,
    }


def facts_of(word: str = "ticket") -> dict[str, Any]:
    """A helpdesk's third release; `word` is text that users wrote, wherever they can."""
    return {
        "name": f"helpdesk {word}",
        "version": 3,
        "created": CREATED,
        "manifest_digest": MANIFEST,
        "smallcraft_version": "0.1.0",
        "task": {
            "kind": "classification",
            "classes": ["refund", word],
            "text": "message",
            "features": [],
        },
        "chosen": "ngram",
        "sentence": f"ngram is the cheapest not inferior to fast; {word}",
        "metric": "macro_f1",
        "margin": 0.01,
        "floor": 0.9,
        "confidence": 0.95,
        "preregistration": 1,
        "pareto": "beaten on every axis: none",
        "claims": [f"ngram is shown to be better than majority on {word}"],
        "decision": {"lost": {"fast": f"as good, but costs 1.9 times as much, {word}"}},
        "candidates": [
            {"rung": "ngram", "status": "measured", "reason": "", "measurements": _on_dev(word)},
            {
                "rung": "fast",
                "status": "measured",
                "measurements": [measurement("macro_f1", 0.911), measurement("size_mb", 12.5, None)],
            },
            {"rung": "frozen", "status": "skipped", "reason": f"no backbone {word}"},
        ],
        "released": {"measurements": _released()},
        "verdicts": [
            {"gate": "floor", "outcome": "PASS", "reason": "0.89 >= 0.88", "required": True},
            {
                "gate": f"fairness {word}",
                "outcome": "UNDECIDED",
                "reason": "too few rows",
                "needs": "about 420 more rows",
                "required": False,
            },
        ],
        "audits": _audits(word),
        "ablations": [f"without n-grams macro_f1 falls by 0.02 on {word}"],
        "data": _data(word),
        "quality": _quality(word),
        "bundle": {
            "digest": "sha256:" + "c" * 64,
            "size_bytes": 123456,
            "files": [{"path": "m.npz", "digest": "sha256:" + "d" * 64, "size_bytes": 120000}],
            "stages": ["ngram"],
            "decoder": {"scale": 5.4, "threshold": 0, "mix": None},
        },
        "backbone": {"name": "wheel:gt-encoder==0.1.0", "license": "MIT", "digest": "sha256:" + "e" * 64},
        "environment": {
            "python": "3.11.7",
            "system": "Linux",
            "processor": "x86_64",
            "seed": 0,
            "code": "sha256:" + "f" * 64,
            "numpy": "2.4.6",
            "scikit-learn": "1.9.1",
            "onnx": "unknown",
        },
        "card": {"intended_use": f"routing {word}", "license": "apache-2.0", "language": "en"},
        "cert": {
            "rows": 674,
            "queries": 1,
            "bits": 7.5,
            "bound": 0.052,
            "registrations": 1,
            "ledger_head": "sha256:" + "1" * 64,
            "wear": "the bound 0.052 exceeds half the margin, 0.005",
            "clock": [],
            "plan": None,
        },
    }


def _on_dev(word: str) -> list[dict[str, Any]]:
    classes = [
        measurement(name, value, part=f"class={label}", n=rows)
        for label, rows, value in (("refund", 40, 0.95), (word, 26, 0.71))
        for name in ("recall", "precision", "f1")
    ]
    return [
        measurement("macro_f1", 0.912),
        measurement("accuracy", 0.92),
        *classes,
        measurement("accuracy", 0.81, part=f"region={word}"),
        measurement("accuracy", None, part=f"region={word} & age=old"),
    ]


def _released() -> list[dict[str, Any]]:
    return [
        measurement("p95_ms", 0.1, None, unit="ms", method="order statistics"),
        measurement("size_mb", 0.43, None, unit="MB", low=None, high=None),
        measurement("parameters", 218692, None, unit="count", low=None, high=None),
        measurement("energy_j_per_1000", None, None, unit="J", detail="no counter"),
        measurement("macro_f1", 0.905, "cert", method="one metered look"),
        measurement("data_quality_index", None, "cert"),
    ]


def _audits(word: str) -> list[dict[str, Any]]:
    return [
        {
            "audit": "fairness",
            "summary": f"1 of 2 gaps; accuracy of region={word} is 0.102 below the rest",
            "measurements": [measurement("accuracy_gap", -0.102, part=f"region={word}")],
            "findings": [{"what": f"accuracy of region={word} is 0.102 below the rest"}],
        },
        {
            "audit": "robustness",
            "summary": f"typos turn 3 % of {word} rows wrong",
            "findings": [{"what": f"a {word} is taken for a refund", "row": 3}] * 5,
        },
    ]


def _data(word: str) -> dict[str, Any]:
    return {
        "path": "tickets.csv",
        "source": f"export {word}, https://example.org/tickets",
        "license": "CC-BY-4.0",
        "digest": "sha256:" + "a" * 64,
        "rows_read": 4500,
        "rows_quarantined": 2,
        "rows_held_out": 55,
        "splits": {
            "train": {"rows": 3105, "digest": "sha256:" + "b" * 64},
            "dev": {"rows": 666, "digest": "sha256:" + "2" * 64},
            "cert": {"rows": 674, "digest": "sha256:" + "3" * 64},
        },
        "notes": [f"copies never straddle: 104 rows copy an earlier one {word}"],
    }


def _quality(word: str) -> dict[str, Any]:
    flagged = [
        measurement("flagged_share", value, "train", f"class={label}", n=rows)
        for label, rows, value in (("refund", 2000, 0.01), (word, 1105, 0.3))
    ]
    return {
        "model": "rung 'ngram'",
        "index": {
            "value": None,
            "detail": f"not audited {word}",
            "split": "cert",
            "factors": {"leaked_share": measurement("leaked_share", 0.0, "cert")},
        },
        "checks": [
            {
                "check": "row_counts",
                "outcome": "PASS",
                "summary": "rows: train 3,105",
                "numbers": {"classes_train": 20, "smallest_class_train": 84, "effective_classes_train": 19.2},
            },
            {"check": "personal_data", "outcome": "PASS", "summary": f"no personal data {word}"},
            {"check": "duplicates", "outcome": "PASS", "summary": f"none {word}"},
            {
                "check": "label_issues",
                "outcome": "UNDECIDED",
                "summary": "139 doubted",
                "measurements": flagged,
            },
            {"check": "disagreement", "outcome": "PASS", "summary": f"two votes differ {word}"},
        ],
    }


def decision_record(word: str = "ticket") -> dict[str, Any]:
    """As `registry.memory` writes it."""
    return {
        "verdict": "accept",
        "parents": [{"release": f"helpdesk {word}@2", "manifest": "sha256:" + "4" * 64}],
        "rationale": {"text": f"cheaper, and no worse {word}", "by": "person"},
        "limits": [f"weak for region={word}"],
        "rollback": "smallcraft alias stable helpdesk@2",
        "delta": {
            "before": "helpdesk@2",
            "after": "helpdesk@3",
            "metrics": [
                {
                    "metric": "macro_f1",
                    "split": "dev",
                    "before": 0.9,
                    "after": 0.912,
                    "difference": 0.012,
                    "low": 0.002,
                    "high": 0.022,
                    "n": 600,
                    "how": f"paired on rows both saw {word}",
                },
                {
                    "metric": "macro_f1",
                    "split": "cert",
                    "before": None,
                    "after": 0.905,
                    "difference": None,
                    "low": None,
                    "high": None,
                    "n": None,
                    "how": "",
                    "reason": "another sealed set",
                },
            ],
            "costs": [{"name": "size_mb", "unit": "MB", "before": 12.0, "after": 0.43, "difference": -11.57}],
            "tensors": {"changed": ["m.npz:weights"], "added": [], "removed": [], "same": 3},
            "rows": {"before": 4000, "after": 4500, "added": 500, "moves": [{"source": "dev", "rows": 2}]},
            "config": [{"op": "replace", "path": "/quality/margin", "value": 0.01}],
            "environment": [{"name": "numpy", "before": "2.3", "after": "2.4"}],
            "code": None,
            "notes": [f"cert is another one {word}"],
        },
    }

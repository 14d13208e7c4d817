"""A finished build, written by hand as the stages would record it: what the report's tests look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from smallcraft.canonical import plain
from smallcraft.pipeline.result import BuildResult, CertAnswer
from smallcraft.records import (
    CandidateStatus,
    CheckResult,
    Decision,
    Evidence,
    Finding,
    Measurement,
    Outcome,
    Release,
    Verdict,
)

NOW = datetime(2026, 11, 22, 19, 45, tzinfo=UTC)
CLASSES = tuple(f"intent_{code:02d}" for code in range(40))
GROUPS = (("region", "north", 0.951), ("region", "south", 0.902), ("region", "(missing)", None))
_ROWS = 1500


def measured(
    rung: str,
    *,
    quality: float,
    p50_ms: float,
    size_mb: float,
    train_cpu_s: float,
    metric: str = "macro_f1",
    classes: tuple[str, ...] = CLASSES,
    groups: tuple[tuple[str, str, float | None], ...] = GROUPS,
) -> Evidence:
    """A rung that was trained and measured on dev."""
    return Evidence(
        rung,
        CandidateStatus.MEASURED,
        "sha256:" + f"{rung:0<64}".encode("utf-8", "replace").hex()[:64],
        (
            *_scores(metric, quality),
            *_class_scores(classes, quality),
            *_group_scores(groups),
            *costs(p50_ms=p50_ms, size_mb=size_mb, train_cpu_s=train_cpu_s),
        ),
    )


def not_built(rung: str, status: CandidateStatus, reason: str) -> Evidence:
    """A rung that was skipped or crashed."""
    return Evidence(rung, status, None, (), reason)


def costs(*, p50_ms: float, size_mb: float, train_cpu_s: float) -> tuple[Measurement, ...]:
    """Costs as the cost audit names them; p99 had too few requests, memory is not told by this system."""
    method = "order statistics, 99% each bound"
    return (
        Measurement("mean_ms", p50_ms * 1.05, "ms", 600, "mean of 5 processes, Student t 95%"),
        Measurement("p50_ms", p50_ms, "ms", 600, method, low=p50_ms * 0.98, high=p50_ms * 1.03),
        Measurement("p95_ms", p50_ms * 1.7, "ms", 600, method, low=p50_ms * 1.5, high=p50_ms * 2.1),
        Measurement("p99_ms", None, "ms", 600, method, detail="needs 662 timed requests, there were 600"),
        Measurement(
            "cpu_s_per_1000",
            p50_ms * 1.02,
            "s",
            600,
            "mean of 5 processes, Student t 95%",
            low=p50_ms,
            high=p50_ms * 1.1,
        ),
        Measurement(
            "peak_rss_mb", None, "MB", 1, "VmHWM of a fresh process", detail="this system does not report it"
        ),
        Measurement("size_mb", size_mb, "MB", 6, "bytes of the files on disk / 1e6"),
        Measurement("train_cpu_s", train_cpu_s, "s", 1, "process CPU time from rows to bundle"),
    )


def _scores(metric: str, quality: float) -> tuple[Measurement, ...]:
    loss = 4 * (1 - quality)
    return (
        Measurement(
            metric, quality, "fraction", _ROWS, "bootstrap 95%", quality - 0.011, quality + 0.009, "dev"
        ),
        Measurement(
            "accuracy",
            quality + 0.004,
            "fraction",
            _ROWS,
            "Wilson 95%",
            quality - 0.006,
            quality + 0.012,
            "dev",
        ),
        Measurement("log_loss", loss, "nats", _ROWS, "Student t 95%", loss * 0.9, loss * 1.1, "dev"),
        Measurement("ece", 0.021, "fraction", _ROWS, "15 equal-mass bins", 0.015, 0.031, "dev"),
    )


def _class_scores(classes: tuple[str, ...], quality: float) -> tuple[Measurement, ...]:
    found = []
    for code, name in enumerate(classes):
        n = 20 + code
        value = max(0.05, quality - 0.3 * ((code * 7) % len(classes)) / len(classes))
        low, high = max(0.0, value - 0.12), min(1.0, value + 0.07)
        found += [
            Measurement(score, value, "fraction", n, "Clopper-Pearson 95%", low, high, "dev", f"class={name}")
            for score in ("recall", "precision", "f1")
        ]
    empty = "this class is neither in the truth nor predicted"
    found += [
        Measurement(
            score, None, "fraction", 0, "Clopper-Pearson 95%", split="dev", slice="class=unseen", detail=empty
        )
        for score in ("recall", "precision", "f1")
    ]
    return tuple(found)


def _group_scores(groups: tuple[tuple[str, str, float | None], ...]) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(
            "accuracy", value, "fraction", 700, "Clopper-Pearson 95%", split="dev", slice=f"{column}={name}"
        )
        for column, name, value in groups
    )


def make_build(*, is_released: bool = True, metric: str = "macro_f1") -> BuildResult:
    """A build with a winner, a tie, losers, a skipped and a crashed rung."""
    sizes = {"metric": metric}
    candidates = (
        measured("majority", quality=0.021, p50_ms=0.004, size_mb=0.002, train_cpu_s=0.1, **sizes),
        measured("ngram", quality=0.912, p50_ms=0.11, size_mb=4.1, train_cpu_s=21.0, **sizes),
        measured("fast", quality=0.874, p50_ms=0.06, size_mb=2.3, train_cpu_s=12.0, **sizes),
        measured("frozen", quality=0.947, p50_ms=2.4, size_mb=24.0, train_cpu_s=95.0, **sizes),
        measured("cascade", quality=0.944, p50_ms=0.58, size_mb=26.2, train_cpu_s=118.0, **sizes),
        not_built(
            "tuned", CandidateStatus.SKIPPED, "torch is not installed; pip install 'smallcraft[train]'"
        ),
        not_built("trees", CandidateStatus.CRASHED, "MemoryError: 40 GB wanted; use fewer features"),
    )
    return BuildResult(
        name="helpdesk",
        outcome=Outcome.PASS if is_released else Outcome.FAIL,
        release=_release() if is_released else None,
        decision=_decision(metric),
        candidates=candidates,
        released=Evidence(
            "cascade",
            CandidateStatus.MEASURED,
            "sha256:" + "c" * 64,
            costs(p50_ms=0.59, size_mb=26.3, train_cpu_s=240.0),
        ),
        verdicts=_verdicts(is_released=is_released, metric=metric),
        cert=_cert(metric),
        bundle=Path("/project/.smallcraft/bundles/cascade-cccc"),
        report=Path("/project/report.html"),
    )


def _release() -> Release:
    return Release("helpdesk", 3, "sha256:" + "d" * 64, "sha256:" + "e" * 64, NOW.isoformat(), ())


def _decision(metric: str) -> Decision:
    return Decision(
        chosen="cascade",
        best="frozen",
        tied=("cascade", "frozen"),
        lost={
            "frozen": "as good, but costs 4.1 times as much as cascade",
            "ngram": f"0.035 below the best in {metric} [-0.047, -0.023]; shown to be more than 0.01 worse",
            "fast": f"0.073 below the best in {metric} [-0.089, -0.061]; shown to be more than 0.01 worse",
            "majority": f"0.926 below the best in {metric} [-0.93, -0.92]; shown to be more than 0.01 worse",
            "tuned": "skipped: torch is not installed; pip install 'smallcraft[train]'",
            "trees": "crashed: MemoryError: 40 GB wanted; use fewer features",
        },
        metric=metric,
        margin=0.01,
        confidence=0.95,
        sentence=f"cascade: {metric} 0.944 on dev; statistically tied within 0.01 with frozen; "
        "it costs 0.24 times as much as the best, frozen",
    )


def _verdicts(*, is_released: bool, metric: str) -> tuple[Verdict, ...]:
    size = Verdict("size_mb", Outcome.PASS, "size_mb 26.3 MB is at most 30")
    if not is_released:
        size = Verdict("size_mb", Outcome.FAIL, "size_mb 26.3 MB is not at most 20")
    return (
        Verdict(
            "quality_floor", Outcome.PASS, f"{metric} 0.941 [0.929, 0.951] (n=1500) on cert is at least 0.9"
        ),
        Verdict("latency_p95_ms", Outcome.PASS, "p95_ms 1 [0.9, 1.3] ms (n=600) is at most 5"),
        size,
        Verdict(
            "not_worse_than_incumbent",
            Outcome.UNDECIDED,
            "neither shown worse than helpdesk@2 nor shown within the margin of it",
            needs="about 420 more labelled rows",
            required=False,
        ),
    )


def _cert(metric: str) -> CertAnswer:
    told = "one metered look, told to 3 decimals; Wilson 95%"
    return CertAnswer(
        rows=1500,
        bound=0.047,
        bits=19.93,
        queries=1,
        is_repeated=False,
        measurements=(
            Measurement(metric, 0.941, "fraction", 1500, told, 0.929, 0.951, "cert"),
            Measurement("accuracy", 0.945, "fraction", 1500, told, 0.932, 0.955, "cert"),
        ),
    )


def make_checks() -> tuple[CheckResult, ...]:
    """Checks with nothing, some, and more findings than are shown."""
    copies = tuple(
        Finding(
            "leakage",
            "cert",
            row,
            "message",
            f"row {row} of cert is a copy of row {row + 7} of train",
            "remove it",
        )
        for row in range(9)
    )
    blank = Finding("integrity", "train", 12, "message", "row 12 of train: the text is blank", "write it")
    return (
        CheckResult(
            "row_counts", Outcome.PASS, "rows: 7,000 train, 1,500 dev, 1,500 cert", {"rows_train": 7000}
        ),
        CheckResult("integrity", Outcome.UNDECIDED, "row 12 of train: the text is blank", {}, (blank,)),
        CheckResult("leakage", Outcome.FAIL, "9 rows of cert are copies of rows of train", {}, copies),
    )


def make_facts(result: BuildResult) -> dict[str, object]:
    """What `stages.record.gather_facts` says of the build."""
    splits = {"train": 7000, "dev": 1500, "cert": 1500}
    return {
        "name": result.name,
        "smallcraft_version": "0.1.0",
        "task": {"kind": "classification", "classes": list(CLASSES), "text": "message", "features": []},
        "decision": plain(result.decision),
        "data": {
            "path": "tickets.csv",
            "source": "helpdesk export, 2026-10",
            "license": None,
            "digest": "sha256:" + "1" * 64,
            "rows_read": 10_012,
            "rows_quarantined": 12,
            "splits": {
                name: {"rows": rows, "digest": f"sha256:{rows:0>64}"} for name, rows in splits.items()
            },
            "notes": ["rows of one customer_id stay together", "14 near copies were kept on one side"],
        },
        "bundle": {"digest": "sha256:" + "c" * 64, "size_bytes": 26_300_000},
        "backbone": {"name": "all-MiniLM-L6-v2", "digest": "sha256:" + "b" * 64, "license": "Apache-2.0"},
        "environment": {
            "python": "3.11.9",
            "system": "Linux",
            "processor": "x86_64",
            "seed": 0,
            "code": "sha256:" + "9" * 64,
            "smallcraft": "0.1.0",
            "numpy": "2.3.1",
        },
    }

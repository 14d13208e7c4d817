"""Finished quality reports, written by hand as the checks would record them: for the tests of the page."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from smallcraft.pipeline.quality_report import QualityReport, ShownRow, SplitSize
from smallcraft.records import CheckResult, Finding, FlaggedRows, Measurement, Outcome

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
CLASSES = (
    "billing",
    "cancel_order",
    "card_lost",
    "change_address",
    "complaint",
    "delivery_date",
    "exchange_rate",
    "forgot_pin",
    "greeting",
    "invoice",
    "limits",
    "opening_hours",
    "payment_failed",
    "refund",
    "shipping",
    "track_order",
)
_TEXTS = (
    "hi, i was charged twice for order 5521 this month, can you give me the money back please",
    "where is my parcel??",
    (
        "I would like to move to another address from the first of March on and need to know which papers "
        "you want to see, whether the card keeps working until then, and what it costs"
    ),
    "card gone, block it",
    "thx",
)
_SCORES = "logit margin of out-of-fold probabilities"


def estimate(name: str, value: float | None, **more: object) -> Measurement:
    """A share with an interval around it."""
    spread = 0.02 if value is None else max(0.004, 0.15 * min(value, 1 - value))
    told: dict[str, object] = {"n": 1200, "method": "Wilson interval, 95%", "unit": "share"} | more
    if value is not None:
        told = {"low": max(0.0, value - spread), "high": min(1.0, value + spread)} | told
    return Measurement(name, value, **told)  # type: ignore[arg-type]


def label_issues() -> CheckResult:
    """Rows whose label the model does not believe."""
    rows = np.arange(40, dtype=np.int64) * 7 + 3
    findings = tuple(
        Finding(
            "label_issues",
            "train",
            int(row),
            "intent",
            f"row {row} of train says '{CLASSES[row % 16]}', the model says '{CLASSES[(row + 5) % 16]}'",
            "look at it and give it the label that is right",
            kind="wrong" if rank < 12 else "ambiguous",
            score=-9.0 + 0.2 * rank,
            suggested=CLASSES[(row + 5) % 16],
        )
        for rank, row in enumerate(rows[:25])
    )
    counts = (3, 9, 22, 41, 60, 88, 120, 170, 260, 410, 690, 1120, 1900, 1450, 420)
    numbers: dict[str, float | int | None] = {"flagged_train": 40, "flagged_share_train": 40 / 7000}
    numbers |= {f"margin_edge_{place}_train": -8.0 + place for place in range(16)}
    numbers |= {f"margin_count_{place}_train": count for place, count in enumerate(counts)}
    return CheckResult(
        "label_issues",
        Outcome.UNDECIDED,
        "40 of 7,000 train labels look wrong or ambiguous; `smallcraft check --audit 120` says how many are",
        numbers,
        findings,
        (
            estimate(
                "flagged_share", 40 / 7000, split="train", n=7000, method="counted", low=None, high=None
            ),
            *(
                estimate("flagged_share", 0.002 + 0.004 * code, slice=f"class={name}", split="train", n=430)
                for code, name in enumerate(CLASSES)
            ),
        ),
        (
            FlaggedRows("train", "wrong", rows[:12], score=np.linspace(-9, -6.6, 12)),
            FlaggedRows("train", "ambiguous", rows[12:], score=np.linspace(-6.6, -1, 28)),
        ),
    )


def leakage() -> CheckResult:
    """Copies across splits."""
    rows = np.array([4, 9, 31, 77], dtype=np.int64)
    return CheckResult(
        "leakage",
        Outcome.FAIL,
        "4 of 1,500 cert rows copy train (4 exactly)",
        {"rows_cert_in_train": 4, "share_cert_in_train": 4 / 1500, "label_agreement_cert_in_train": None},
        tuple(
            Finding(
                "leakage",
                "cert",
                int(row),
                "message",
                f"row {row} of cert copies row {row + 100} of train exactly",
                "remove the copy from train",
                kind="exact copy",
                score=0.0,
            )
            for row in rows
        ),
        flagged=(
            FlaggedRows("cert", "exact copy", rows, np.zeros(4), partner_split="train", partner=rows + 100),
        ),
    )


def personal_data() -> CheckResult:
    """E-mail addresses and the like, masked; row 24 of train is also a label issue."""
    rows = np.array([24, 55], dtype=np.int64)
    findings = tuple(
        Finding(
            "personal_data",
            "train",
            int(row),
            "message",
            f"row {row} of train holds an e-mail address: j…@…",
            "mask it before the rows are shared",
            kind="email",
        )
        for row in rows
    )
    return CheckResult(
        "personal_data",
        Outcome.UNDECIDED,
        "2 rows hold personal data",
        {"email": 2},
        findings,
        flagged=(FlaggedRows("train", "email", rows),),
    )


def consensus() -> CheckResult:
    """How well annotators do."""
    return CheckResult(
        "consensus",
        Outcome.PASS,
        "3 annotators, agreement with the consensus 0.71 to 0.95",
        {"items": 1200, "votes": 3400},
        measurements=(
            estimate("krippendorff_alpha", 0.774, unit="alpha", method="bootstrap over items, 95%"),
            *(
                estimate("annotator_accuracy", value, slice=f"annotator={name}", unit="probability")
                for name, value in (("ann_a", 0.951), ("ann_b", 0.933), ("ann_c", 0.712))
            ),
            estimate("annotator_accuracy", None, slice="annotator=ann_d", n=0, detail="no vote was given"),
        ),
    )


def label_accuracy() -> CheckResult:
    """What an audit said."""
    return CheckResult(
        "label_accuracy",
        Outcome.PASS,
        "0.957 [0.941, 0.971] of the labels are right, by an audit of 120 rows",
        {"audited": 120},
        measurements=(
            estimate("label_accuracy", 0.957, low=0.941, high=0.971, split="cert", n=120),
            *(
                estimate("label_accuracy", 0.99 - 0.012 * code, slice=f"class={name}", split="cert", n=20)
                for code, name in enumerate(CLASSES[:6])
            ),
        ),
    )


def novel_check() -> CheckResult:
    """A check that nobody has heard of."""
    column = Finding(
        "tone", "all", None, "message", "column 'message' shouts", "lower its voice", kind="loud"
    )
    return CheckResult("tone", Outcome.UNDECIDED, "some rows shout", {"shouting": 12}, (column,))


def row_counts() -> CheckResult:
    """A check that passes."""
    return CheckResult(
        "row_counts", Outcome.PASS, "rows: train 7,000, dev 1,500, cert 1,500", {"rows_train": 7000}
    )


def shown_rows(check: CheckResult) -> tuple[ShownRow, ...]:
    """The check's findings as rows of the page."""
    return tuple(
        ShownRow(
            split=finding.split,
            row=finding.row,
            line=finding.row + 1000,
            content=_TEXTS[finding.row % len(_TEXTS)],
            given=CLASSES[finding.row % 16],
            suggested=finding.suggested,
            kind=finding.kind,
            check=finding.check,
            score=finding.score,
            why=finding.what,
            remedy=finding.remedy,
        )
        for finding in check.findings
        if finding.row is not None
    )


def make_report() -> QualityReport:
    """Everything measured, something wrong."""
    checks = (
        row_counts(),
        leakage(),
        personal_data(),
        label_issues(),
        label_accuracy(),
        consensus(),
        novel_check(),
    )
    found = {check.check: shown_rows(check) for check in checks}
    return QualityReport(
        source="tickets.csv",
        splits=tuple(
            SplitSize(name, rows, 16, f"sha256:{rows:0>64}")
            for name, rows in (("train", 7000), ("dev", 1500), ("cert", 1500))
        ),
        model="out-of-fold, 5 folds, rung 'fast'; copies of a row stay in one fold",
        index=Measurement(
            "data_quality_index",
            0.941 * (1 - 0.0068) * (1 - 0.0002),
            "share",
            1500,
            "lower bound of label accuracy x (1 - upper bound of the leaked share) x (1 - failing share)",
            split="cert",
        ),
        factors={
            "label_accuracy": estimate("label_accuracy", 0.957, low=0.941, high=0.971, n=120, split="cert"),
            "leaked_share": estimate("leaked_share", 4 / 1500, low=0.001, high=0.0068, n=1500, split="cert"),
            "failing_share": Measurement("failing_share", 0.0002, "share", 10_000, "counted"),
        },
        checks=checks,
        rows=(*found["leakage"], *found["label_issues"], *found["personal_data"]),
        notes=("rows of one customer_id stay together", "14 near copies were kept on one side"),
    )


def undetermined_report() -> QualityReport:
    """Nobody audited a label; nothing else is wrong."""
    return QualityReport(
        source="tickets.csv",
        splits=(SplitSize("all", 300, 2, "sha256:" + "a" * 64),),
        model="none: the table has fewer than 50 rows a class",
        index=Measurement("data_quality_index", None, "share", 0, "", detail="no label was audited"),
        factors={
            "label_accuracy": Measurement(
                "label_accuracy",
                None,
                "share",
                0,
                "",
                detail="not audited; unverified range 0.02 to 0.11 wrong",
            ),
            "leaked_share": Measurement(
                "leaked_share", None, "share", 0, "", detail="one split only: nothing to compare"
            ),
            "failing_share": Measurement("failing_share", 0.0, "share", 300, "counted"),
        },
        checks=(row_counts(),),
        rows=(),
        notes=(),
    )


def empty_report() -> QualityReport:
    """Nothing at all."""
    return QualityReport(
        source="",
        splits=(),
        model="",
        index=Measurement("data_quality_index", None, "share", 0, ""),
        factors={},
        checks=(),
        rows=(),
        notes=(),
    )


def hostile_report(word: str) -> QualityReport:
    """Every text of a report replaced by one word."""
    finding = Finding(word, word, 3, word, word, word, kind=word, score=-1.0, suggested=word)
    measurement = Measurement(word, 0.5, word, 3, word, low=0.4, high=0.6, split=word, detail=word)
    sliced = Measurement("share", 0.5, word, 3, word, low=0.4, high=0.6, slice=f"{word}={word}")
    flagged = FlaggedRows(word, word, np.array([3], dtype=np.int64), suggested=(word,))
    numbers = {word: 1, "margin_edge_0": -1.0, "margin_edge_1": 0.0, "margin_count_0": 4}
    return QualityReport(
        source=word,
        splits=(SplitSize(word, 3, 2, word),),
        model=word,
        index=Measurement(word, None, word, 3, word, detail=word),
        factors={word: measurement},
        checks=(
            CheckResult(
                word, Outcome.FAIL, word, numbers, (finding,) * 4, (measurement, sliced), (flagged, flagged)
            ),
            CheckResult(word + "2", Outcome.UNDECIDED, word, {}, (), (sliced,)),
        ),
        rows=(
            ShownRow(word, 3, 5, word, word, word, word, word, -1.0, word, word),
            ShownRow(word + "2", 3, 5, word, word + "2", None, word + "2", word + "2", None, word, word),
        ),
        notes=(word,),
    )

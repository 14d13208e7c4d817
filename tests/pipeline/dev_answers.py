"""Rows of dev with a winner's answers, and a release's delta, written by hand: for tests of the report."""

from __future__ import annotations

import numpy as np
import polars as pl

from smallcraft.pipeline.report_parts.dev_rows import DevRows
from smallcraft.pipeline.report_parts.moved import Movement
from smallcraft.records import Predictions, Roles
from smallcraft.registry.memory.cost_changes import CodeChange, CostChange
from smallcraft.registry.memory.decisions import Rationale
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.metric_changes import MetricChange
from smallcraft.registry.memory.patches import Step
from smallcraft.registry.memory.rows import RowChanges

ROLES = Roles(label="intent", text="message")
INTENTS = ("billing", "login", "parcel")
# Right class and answer of each row: 6 mix-ups, and a row whose label no class is.
_ANSWERS = (
    *(("billing", "billing"),) * 12,
    *(("login", "login"),) * 9,
    *(("billing", "login"),) * 4,
    *(("parcel", "billing"),) * 2,
    ("unknown", "parcel"),
)


def make_seen(*, word: str = "", intents: tuple[str, ...] = INTENTS, split: str = "dev") -> DevRows:
    """28 rows; the answer to row `i` has a confidence of `0.60 + i / 100`."""
    names = dict(zip(INTENTS, intents, strict=True))
    # A frame holds text that UTF-8 can write; a label or a reason may be anything.
    written = word.encode("utf-8", "ignore").decode("utf-8")
    truth = [names.get(right, right).encode("utf-8", "ignore").decode("utf-8") for right, _ in _ANSWERS]
    messages = [f"{written} message of dev row {row}".strip() for row in range(len(_ANSWERS))]
    probs = np.zeros((len(_ANSWERS), len(intents)))
    for row, (_, answered) in enumerate(_ANSWERS):
        sure = 0.60 + row / 100
        probs[row] = (1 - sure) / (len(intents) - 1)
        probs[row, INTENTS.index(answered)] = sure
    codes = [INTENTS.index(right) if right in INTENTS else -1 for right, _ in _ANSWERS]
    return DevRows(
        split,
        pl.DataFrame({"message": messages, "intent": truth}),
        ROLES,
        Predictions(intents, np.array(codes, dtype=np.int64), probs),
        lines=np.arange(len(_ANSWERS), dtype=np.int64) + 1000,
    )


def make_movement(*, word: str = "", author: str = "person") -> Movement:
    """From helpdesk@2 to helpdesk@3: better on dev, not comparable on cert, cheaper, some rows relabelled."""
    delta = Delta(
        before=word or "helpdesk@2",
        after=word or "helpdesk@3",
        metrics=(
            MetricChange(
                metric=word or "macro_f1",
                split="dev",
                before=0.912,
                after=0.944,
                difference=0.032,
                low=0.011,
                high=0.053,
                level=0.95,
                n=1410,
                how=word or "paired on the dev rows both saw; paired bootstrap, 2000 draws",
            ),
            MetricChange(
                word or "macro_f1",
                "cert",
                0.93,
                0.941,
                reason=word or "the sealed rows are not the same ones",
            ),
        ),
        costs=(
            CostChange("size_mb", "MB", 31.0, 26.3, -4.7, None, None, None, None, word or "counted"),
            CostChange("p95_ms", "ms", 1.1, 1.0, None, 1.0, 1.3, 0.9, 1.3, word or "the intervals overlap"),
        ),
        rows=RowChanges(9_000, 10_000, 1_000, 0, 60, (), ()),
        config=(
            Step("test", "/quality/margin", 0.02),
            Step("replace", "/quality/margin", word or 0.01),
        ),
        code=CodeChange("a" * 40, "b" * 40, is_dirty=False, are_sources_equal=True),
        classes_added=(word,) if word else (),
        notes=(word or "tensors: helpdesk@2 lists no files of its bundle",),
    )
    reason = Rationale(word or "60 doubted labels were corrected", author)  # type: ignore[arg-type]
    return Movement(delta, reason, word or 'smallcraft alias stable helpdesk@2 --because "..."')

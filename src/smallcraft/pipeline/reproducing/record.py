"""What a reproduction found: each thing compared, the verdict, and its stable form for scripts.

Left to others: comparing (`inputs`, `outputs`), the verdict (`judging`), lines for people (`wording`).
Always: what could not be compared has `same` None and says why; it never counts as the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

VerdictName = Literal["identical", "within noise", "diverged"]
# What a difference of an input may do: make another model, move last digits, or nothing at all.
Bearing = Literal["content", "rounding", "none"]


@dataclass(frozen=True)
class Compared:
    """One thing that was recorded, beside what is there now.

    Attributes:
        what: Its name: `data`, `numpy`, `BLAS kernel`, `bundle/heads/ngram.npz`.
        recorded: A digest, version or setting; None where the release does not say.
        now: The same of the rebuild; None where there is none.
        same: None where there is nothing to compare.
        bearing: What a difference may do to the outputs.
        detail: What differs, more closely; or why it could not be compared.
        remedy: What to do about a difference.
    """

    what: str
    recorded: str | None
    now: str | None
    same: bool | None
    bearing: Bearing = "content"
    detail: str = ""
    remedy: str = ""

    @property
    def differs(self) -> bool:
        """True when both sides are known and are not the same."""
        return self.same is False


@dataclass(frozen=True)
class Noise:
    """How far the rebuilt model is from the recorded one, on the dev rows that both answered.

    Attributes:
        metric: The project's.
        value: Rebuilt minus recorded; positive is better.
        low: Lower bound.
        high: Upper bound.
        level: Two-sided coverage.
        margin: The project's: what counts as no worse.
        n: Rows.
        record_gap: Largest difference of the metric on dev between record and rebuild, over candidates.
        same_choice: Whether the rebuilt candidates lead to the recorded choice.
        strayed: Scores on record, of any candidate and slice, that lie outside the bounds measured now.
    """

    metric: str
    value: float
    low: float
    high: float
    level: float
    margin: float
    n: int
    record_gap: float
    same_choice: bool
    strayed: tuple[str, ...] = ()

    @property
    def is_inside(self) -> bool:
        """Nothing more than noise: the interval contains 0 and is narrower than the margin.

        Nor may the record claim what cannot be measured: its scores agree, and the choice is the same.
        """
        is_small = self.low <= 0 <= self.high and self.high - self.low < self.margin
        return is_small and self.record_gap < self.margin and self.same_choice and not self.strayed

    def as_json(self) -> Mapping[str, Any]:
        """Every field; a bound or gap that is not finite, as null."""
        told = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }
        return {**told, "is_inside": self.is_inside}


@dataclass(frozen=True)
class CostBeside:
    """A cost as it was measured for the release and now; shown, never judged."""

    name: str
    unit: str
    recorded: float | None
    now: float | None


@dataclass(frozen=True)
class Reproduction:
    """A release built again.

    Attributes:
        release: Its label, such as `helpdesk@3`.
        verdict: The whole in a word or two.
        sentence: The verdict with what it rests on.
        inputs: What the release was made from, in the order in which a difference is named.
        outputs: What came of it.
        first_difference: The first input that differs, else the first output; None for `identical`.
        noise: None where the two models could not be asked about the same rows, or nothing differs.
        not_promised: What depends on the clock, and so may come out otherwise; a sentence each.
        costs: Of the released bundle's candidate; the machine's mood is in them.
        notes: What else a reader should know.
        seconds: Wall time of the whole.
        kept: Where the rebuild was left; None when it was removed.
    """

    release: str
    verdict: VerdictName
    sentence: str
    inputs: tuple[Compared, ...]
    outputs: tuple[Compared, ...]
    first_difference: Compared | None
    noise: Noise | None
    not_promised: tuple[str, ...]
    costs: tuple[CostBeside, ...]
    notes: tuple[str, ...]
    seconds: float
    kept: str | None = None

    @property
    def exit_code(self) -> int:
        """0 for identical and within noise, 2 for diverged."""
        return 2 if self.verdict == "diverged" else 0

    def as_json(self) -> Mapping[str, Any]:
        """The stable form (`docs/schemas/reproduce.json`)."""
        noise = None if self.noise is None else self.noise.as_json()
        return {
            "release": self.release,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "first_difference": None if self.first_difference is None else asdict(self.first_difference),
            "inputs": [asdict(item) for item in self.inputs],
            "outputs": [asdict(item) for item in self.outputs],
            "noise": noise,
            "not_promised": list(self.not_promised),
            "costs": [asdict(cost) for cost in self.costs],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
            "kept": self.kept,
        }

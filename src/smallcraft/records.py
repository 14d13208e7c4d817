"""Frozen values that cross a folder border; what a stage hands to the next one.

Always: never mutated; "not measured" is `None`, never 0; names carry their unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SplitName = Literal["train", "dev", "cert"]
SPLIT_NAMES: tuple[SplitName, ...] = ("train", "dev", "cert")
# Two classes are multiclass with two; multilabel: several labels a row; regression: a number a row.
Task = Literal["multiclass", "multilabel", "regression"]


class Outcome(StrEnum):
    """What a gate, a check or a rollout may say."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Interval:
    """Bounds that contain the true value with the stated confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Roles:
    """Which column plays which part in a table; the label holds what the task says."""

    label: str
    text: str | None = None
    features: tuple[str, ...] = ()
    votes: tuple[str, ...] = ()
    time: str | None = None
    groups: tuple[str, ...] = ()
    key: str | None = None
    task: Task = "multiclass"
    separator: str = "|"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns a model may read, text first."""
        return ((self.text,) if self.text else ()) + self.features

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that has a role, each once, in a fixed order."""
        optional = tuple(name for name in (self.time, self.key) if name)
        return tuple(dict.fromkeys((*self.inputs, self.label, *self.votes, *self.groups, *optional)))


@dataclass(frozen=True)
class TableRef:
    """A table by what is in it.

    `digest` depends on values, column names and row order; `order_free_digest` not on row order.
    Neither depends on the file format.
    """

    digest: str
    order_free_digest: str
    rows: int
    roles: Roles


@dataclass(frozen=True)
class Finding:
    """One thing a check saw, for a person to look at.

    Attributes:
        kind: What sort of thing within the check, for filters: `wrong`, `exact copy`, `email`; may be empty.
        score: How sure the check is; lower is worse. None where there is no such number.
        suggested: The label (or value) that the check would put there.
    """

    check: str
    split: str
    row: int | None
    column: str | None
    what: str
    remedy: str
    kind: str = ""
    score: float | None = None
    suggested: str | None = None


@dataclass(frozen=True)
class FlaggedRows:
    """Every row of one split that a check flagged for one reason, column-wise, worst first.

    Attributes:
        split: Whose rows.
        kind: As in `Finding.kind`.
        rows: `(m,)` int64 positions in the split.
        score: `(m,)` float64, lower is worse; None where there is no such number.
        suggested: A label a row, None for none.
        partner_split: Split of the rows that these copy.
        partner: `(m,)` int64 positions in `partner_split`.
    """

    split: str
    kind: str
    rows: NDArray[np.int64]
    score: NDArray[np.float64] | None = None
    suggested: tuple[str | None, ...] | None = None
    partner_split: str | None = None
    partner: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class CheckResult:
    """What one check of the data found.

    Counts are over all rows and so is `flagged`; `findings` tells the worst in words. A quantity that was
    estimated, not counted, stands in `measurements` with its interval.
    """

    check: str
    outcome: Outcome
    summary: str
    numbers: Mapping[str, float | int | None]
    findings: tuple[Finding, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    flagged: tuple[FlaggedRows, ...] = ()


@dataclass(frozen=True)
class Predictions:
    """A candidate's answers on one split beside the truth; row order is the table's.

    Attributes:
        classes: The `k` class names; codes below index it.
        truth: `(n,)` int64 codes; -1 where the given label is none of the classes.
        probs: `(n, k)` float64, rows sum to 1.
        clusters: `(n,)` int64, equal for rows of one key; None when every row stands alone.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int64]
    probs: NDArray[np.float64]
    clusters: NDArray[np.int64] | None = None

    @property
    def predicted(self) -> NDArray[np.int64]:
        """`(n,)` int64 codes of the most probable class; the first one on a tie."""
        codes: NDArray[np.int64] = np.argmax(self.probs, axis=1).astype(np.int64)
        return codes


@dataclass(frozen=True)
class TagPredictions:
    """As `Predictions`, of several labels a row: each has a probability and a decision of its own."""

    classes: tuple[str, ...]
    truth: NDArray[np.bool_]
    probs: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    clusters: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class ValuePredictions:
    """As `Predictions`, of a number a row, in the target's unit; `classes` is the target's name, alone.

    `low` and `high` hold the true value for a share `coverage` of rows; all None without intervals.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    coverage: float | None = None
    clusters: NDArray[np.int64] | None = None


AnyPredictions = Predictions | TagPredictions | ValuePredictions

# One label, several, a number, or None where there is no answer.
Label = str | tuple[str, ...] | float | None


@dataclass(frozen=True)
class Decisions:
    """What a bundle answers to `n` rows, decided from its probabilities.

    Attributes:
        labels: `n` answers: a label, a tuple of labels (multilabel) or a number (regression); None where it
            abstained.
        confidence: `(n,)` float64, how probable the answer is; None for numbers, which have an interval.
        abstained: `(n,)` bool.
        sets: The labels that the true one is among with the promised coverage, most probable first.
        low: `(n,)` float64, the lower end of the interval of each number.
        high: `(n,)` float64, the upper end.
    """

    labels: tuple[Label, ...]
    confidence: NDArray[np.float64] | None
    abstained: NDArray[np.bool_]
    sets: tuple[tuple[str, ...], ...] | None = None
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Measurement:
    """One measured number with what makes it believable.

    `low` and `high` bound the true value with the confidence stated in `method`; None where the
    quantity has no sampling error (a file size) or could not be measured. `detail` says why.
    A gate may need bounds at another confidence than the one shown: a share carries `hits` of `trials`, a
    difference of two independent shares (a group minus the rest) those of both, and so exact bounds at any
    confidence follow; anything else carries the `level` that its bounds have.

    Attributes:
        slice: `all`, `class=<name>`, `<column>=<value>`, or several of these joined by ` & `.
        level: Two-sided coverage of `low` and `high`, a fraction in (0, 1); None where it is not known.
        hits: Of a share: how many rows counted; fractional where rows of one key count as less than a row.
        trials: Of a share: out of how many; None for what is no share of independent rows.
        rest_hits: Of a difference of two shares: hits of the share that is taken away.
        rest_trials: Of a difference of two shares: its trials.
    """

    name: str
    value: float | None
    unit: str
    n: int
    method: str
    low: float | None = None
    high: float | None = None
    split: str | None = None
    slice: str = "all"
    detail: str = ""
    level: float | None = None
    hits: float | None = None
    trials: float | None = None
    rest_hits: float | None = None
    rest_trials: float | None = None


@dataclass(frozen=True)
class AuditResult:
    """What one audit found about a candidate; measurements for gates and tables, findings for people.

    Attributes:
        audit: Its name.
        summary: The gist in a sentence, with the numbers it rests on.
        measurements: Each with its slice; what could not be measured has no value and says why.
        findings: Single rows and patterns to look at, worst first.
    """

    audit: str
    summary: str
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...] = ()


class CandidateStatus(StrEnum):
    """How an attempt at a rung ended; a failure is a row of the table, not a gap."""

    MEASURED = "measured"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Evidence:
    """Everything measured about one candidate.

    `candidate` is the digest of its bundle, None when there is no bundle; then `reason` says why and what
    would change that.
    """

    rung: str
    status: CandidateStatus
    candidate: str | None
    measurements: tuple[Measurement, ...] = ()
    reason: str = ""

    def find(self, name: str, *, split: str | None = None, slice: str = "all") -> Measurement | None:  # noqa: A002
        """The measurement of that name, split and slice; None when it was not made."""
        for measurement in self.measurements:
            if (measurement.name, measurement.split, measurement.slice) == (name, split, slice):
                return measurement
        return None


@dataclass(frozen=True)
class GateSpec:
    """A declared gate: a rule, what it judges, and the tolerance.

    Attributes:
        name: How it is called in verdicts.
        rule: Name in `gates/rules`.
        measurement: Name of what it judges; empty where the rule knows.
        split: Split of the measurement; None for costs and audits, which belong to none.
        limit: In the measurement's unit; None where the rule needs none.
        required: Whether UNDECIDED blocks too.
        slice: Slice of the measurement; `sex=*` is every slice of that column, `*` every slice there is.
        confidence: One-sided, of PASS and of FAIL.
        parts: Of `all_of`: the gates that must all pass.
    """

    name: str
    rule: str
    measurement: str = ""
    split: str | None = None
    limit: float | None = None
    required: bool = True
    slice: str = "all"
    confidence: float = 0.95
    parts: tuple[GateSpec, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a gate says of one measurement; `needs` is what would settle an UNDECIDED.

    A gate over many slices gives one verdict a slice; `measurement` and `slice` say which.
    """

    gate: str
    outcome: Outcome
    reason: str
    needs: str | None = None
    required: bool = True
    measurement: str = ""
    slice: str = "all"

    @property
    def blocks(self) -> bool:
        """True when no release may follow: FAIL always, UNDECIDED where the gate is required."""
        return self.outcome is Outcome.FAIL or (self.outcome is Outcome.UNDECIDED and self.required)


@dataclass(frozen=True)
class Decision:
    """Which candidate was chosen and why; every candidate tried is named.

    Attributes:
        chosen: Rung of the winner; None when nothing could be chosen.
        best: Rung with the highest quality on dev.
        tied: Rungs not inferior to the best, in the order of the ladder.
        lost: Rung to the reason it lost, was skipped, or crashed.
        sentence: The decision in plain words.
    """

    chosen: str | None
    best: str | None
    tied: tuple[str, ...]
    lost: Mapping[str, str]
    metric: str
    margin: float
    confidence: float
    sentence: str

    @property
    def tried(self) -> int:
        """How many candidates were tried, those that crashed or were skipped included."""
        return len(self.lost) + (self.chosen is not None)


@dataclass(frozen=True)
class StoredFile:
    """A file of a release: its path inside the release, digest and size."""

    path: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Release:
    """A numbered registry entry, as read back and checked against the stored bytes."""

    name: str
    version: int
    manifest_digest: str
    previous_manifest: str | None
    created: str
    files: tuple[StoredFile, ...]
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How people name it: `helpdesk@3`."""
        return f"{self.name}@{self.version}"

"""How many right answers turn wrong when rows are changed in ways that leave their labels as they are.

Rows that were right are drawn by the seed, changed by each perturbation at each severity
(`evaluate/perturbations`) and asked again, one call each; `flip_rate` is the share of them that is wrong now.
`perturbation=worst` is row by row: did any of the changes turn it?
Always: what a perturbation did not change is not asked again and counts as not flipped; how many rows it
changed is told; the same seed gives the same rows and the same changes.
Left to others: attacks that look at the model; which rate is too high (`smallcraft.gates`).
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.audits.audit import Answer, AuditSubject, Columns
from smallcraft.evaluate.columns import count_rows, draw_rows, take_rows
from smallcraft.evaluate.measuring.estimates import Place, count_share, measure_share, unmeasured
from smallcraft.evaluate.perturbations import BUILTIN
from smallcraft.evaluate.perturbations.perturbation import SEVERITIES, Perturbation
from smallcraft.plugins import find_plugin
from smallcraft.records import AuditResult, Finding, Measurement

MOST_ANSWERS = 12_000
_MOST_FINDINGS = 50


@dataclass(frozen=True)
class RobustnessAudit:
    """Perturbed rows beside the same rows as they were.

    Attributes:
        name: Its key in the folder's table.
        perturbations: Names from `evaluate/perturbations` or installed plug-ins; None for all built-in ones
            that apply to the columns there are.
        severities: Some of 1, 2, 3.
        most_answers: Bound on the rows asked in all; it, and the subject's `most_rows`, bound the rows drawn.
    """

    name: str = "robustness"
    perturbations: tuple[str, ...] | None = None
    severities: tuple[int, ...] = SEVERITIES
    most_answers: int = MOST_ANSWERS

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Every perturbation at every severity, then the worst of them."""
        place = Place("all", subject.split, subject.confidence)
        chosen = self._choose(subject.spec)
        asked = len(self.severities) * sum(_applies(each, subject.spec) for each in chosen)
        trial = _draw_trial(subject, most=max(self.most_answers // max(asked, 1), 1)) if asked else None
        if trial is None:
            why = _why_not(subject, asked)
            return AuditResult(self.name, f"not measured: {why}", (_unmeasured("worst", place, why),))
        found: dict[str, Measurement] = {}
        flips: dict[str, NDArray[np.bool_]] = {}
        for perturbation in chosen:
            if not _applies(perturbation, subject.spec):
                why = f"there is no column of {' or '.join(sorted(perturbation.changes))}"
                found[perturbation.name] = _unmeasured(perturbation.name, place, why)
                continue
            for name, flipped, measured in self._try(perturbation, trial, place):
                found[name] = measured
                if measured.value is not None:
                    flips[name] = flipped
        found["worst"] = _measure_worst(trial, flips, place)
        measurements = tuple(found.values())
        findings = _findings(self.name, subject.split, trial, flips)
        return AuditResult(self.name, _summary(trial, measurements), measurements, findings)

    def _choose(self, spec: InputSpec) -> tuple[Perturbation, ...]:
        if self.perturbations is None:
            return tuple(each for each in BUILTIN.values() if _applies(each, spec))
        return tuple(find_plugin("perturbations", name, BUILTIN) for name in self.perturbations)

    def _try(
        self, perturbation: Perturbation, trial: Trial, place: Place
    ) -> Iterator[tuple[str, NDArray[np.bool_], Measurement]]:
        for severity in self.severities:
            name = f"{perturbation.name}@{severity}"
            flipped, changed = trial.flip(perturbation, severity)
            if changed == 0:
                measured = _unmeasured(name, place, f"it changed no row, for none has {perturbation.touches}")
            else:
                measured = trial.measure(name, flipped, f"{changed} of the rows changed", place)
            yield name, flipped, measured


@dataclass(frozen=True)
class Trial:
    """Rows that were right, and the model to ask about them again.

    Attributes:
        answer: The model.
        positions: `(m,)` int64 rows of the split.
        inputs: Their columns, those that the model reads.
        truth: `(m,)` int64 codes.
        clusters: `(m,)` int64; None when every row stands alone.
        right: How many rows of the split were right; `m` of them were drawn.
    """

    answer: Answer
    spec: InputSpec
    positions: NDArray[np.int64]
    inputs: Columns
    truth: NDArray[np.int64]
    clusters: NDArray[np.int64] | None
    right: int
    seed: int

    def flip(self, perturbation: Perturbation, severity: int) -> tuple[NDArray[np.bool_], int]:
        """`(m,)` bool of the rows that are wrong now, and how many rows were changed at all."""
        # By its name, so that a perturbation changes rows alike whichever others are asked for.
        rng = np.random.default_rng([self.seed, severity, zlib.crc32(perturbation.name.encode())])
        changed = perturbation.perturb(self.inputs, self.spec, severity=severity, rng=rng)
        moved = np.flatnonzero(_differs(self.inputs, changed))
        flipped = np.zeros(len(self.truth), dtype=np.bool_)
        if len(moved):
            probs = self.answer(take_rows(changed, moved))
            flipped[moved] = np.argmax(probs, axis=1) != self.truth[moved]
        return flipped, len(moved)

    def measure(self, name: str, flipped: NDArray[np.bool_], detail: str, place: Place) -> Measurement:
        """The share of the rows that flipped."""
        counted = count_share(flipped, confidence=place.confidence, clusters=self.clusters)
        measured = measure_share("flip_rate", counted, _slice(name, place))
        drawn = f"; {len(self.truth)} of {self.right} right rows, drawn with seed {self.seed}"
        method = measured.method + (drawn if len(self.truth) < self.right else "; every right row")
        return dataclasses.replace(measured, method=method, detail=detail)


def _draw_trial(subject: AuditSubject, *, most: int) -> Trial | None:
    """The rows to ask about again; None when there are none, or no model to ask."""
    if subject.answer is None or subject.predictions is None:
        return None
    predictions = subject.predictions
    right = np.flatnonzero(predictions.truth == predictions.predicted).astype(np.int64)
    positions = draw_rows(right, min(most, subject.most_rows), seed=subject.seed)
    if len(positions) == 0:
        return None
    return Trial(
        answer=subject.answer,
        spec=subject.spec,
        positions=positions,
        inputs=take_rows(subject.rows, positions, names=subject.spec.names),
        truth=predictions.truth[positions],
        clusters=None if predictions.clusters is None else predictions.clusters[positions],
        right=len(right),
        seed=subject.seed,
    )


def _why_not(subject: AuditSubject, asked: int) -> str:
    if subject.answer is None or subject.predictions is None:
        return "it needs a model to ask again, and its answers beside the truth; predictions alone do not do"
    if asked == 0:
        return "no perturbation applies to these columns; say which are text, numbers and categories"
    return "no row was right to begin with; train a better model first"


def _applies(perturbation: Perturbation, spec: InputSpec) -> bool:
    there = {
        "text": spec.text is not None,
        "numbers": bool(spec.numbers),
        "categories": bool(spec.categories),
    }
    return any(there[kind] for kind in perturbation.changes)


def _differs(before: Columns, after: Columns) -> NDArray[np.bool_]:
    """`(m,)` bool: rows with a cell that is another now; a missing number equals a missing number."""
    differs = np.zeros(count_rows(before), dtype=np.bool_)
    for name, values in before.items():
        if values is not after[name]:
            pairs = zip(values, after[name], strict=True)
            differs |= np.fromiter((_is_other(old, new) for old, new in pairs), np.bool_, len(differs))
    return differs


def _is_other(old: object, new: object) -> bool:
    return old != new and not (_is_missing(old) and _is_missing(new))


def _is_missing(value: object) -> bool:
    return value is None or value != value


def _measure_worst(trial: Trial, flips: Mapping[str, NDArray[np.bool_]], place: Place) -> Measurement:
    if not flips:
        return _unmeasured("worst", place, "no perturbation changed a row")
    detail = f"rows that at least one of {len(flips)} changes turned"
    return trial.measure("worst", np.any(list(flips.values()), axis=0), detail, place)


def _slice(name: str, place: Place) -> Place:
    return dataclasses.replace(place, slice=f"perturbation={name}")


def _unmeasured(name: str, place: Place, why: str) -> Measurement:
    return unmeasured("flip_rate", _slice(name, place), why)


def _findings(
    audit: str, split: str, trial: Trial, flips: Mapping[str, NDArray[np.bool_]]
) -> tuple[Finding, ...]:
    """Rows that the most changes turn, first those."""
    turns = np.sum(list(flips.values()), axis=0) if flips else np.zeros(len(trial.truth), dtype=np.int64)
    order = np.argsort(-turns, kind="stable")[:_MOST_FINDINGS]
    return tuple(
        Finding(
            check=audit,
            split=split,
            row=int(trial.positions[place]),
            column=trial.spec.text,
            what=f"{turns[place]} of {len(flips)} changes that keep the label turn a right answer, "
            f"{next(name for name, flipped in flips.items() if flipped[place])} first",
            remedy="add rows like it, changed in that way, to train",
            kind="flip",
            score=-float(turns[place]),
        )
        for place in order.tolist()
        if turns[place]
    )


def _summary(trial: Trial, measurements: tuple[Measurement, ...]) -> str:
    *single, worst = measurements
    measured = [found for found in single if found.value is not None]
    if worst.value is None or not measured:
        return f"not measured: {worst.detail.removeprefix('not measured: ')}"
    strongest = max(measured, key=lambda found: found.value or 0.0)
    return (
        f"{worst.value:.1%} [{worst.low:.1%}, {worst.high:.1%}] of {len(trial.truth)} right rows turn wrong "
        f"under at least one of {len(measured)} changes; "
        f"{strongest.slice.removeprefix('perturbation=')} alone turns {strongest.value:.1%} "
        f"[{strongest.low:.1%}, {strongest.high:.1%}]"
    )

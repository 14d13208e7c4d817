"""Ways to be right without having learned: labels that get round the training, and metadata that tells them.

Two controls. A twin of the recipe is taught shuffled labels and must fall to chance on the split. A plain
model on what stands beside the rows (row number, text length, time) must not beat the majority.
Copies across splits belong to `data.checks.leakage`.
Always: what is above chance is a finding; a verdict belongs to the gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import NO_TWIN, AuditSubject
from smallcraft.evaluate.controls.metadata import Judged, gain_interval, judge_by_metadata
from smallcraft.evaluate.controls.shuffled import MOST_TRIES, Control, deal_labels, run_control
from smallcraft.records import AuditResult, Finding, Measurement
from smallcraft.stats.intervals import share_interval

_LEAST_ROWS = 30
_SHUFFLED, _CHANCE = "shuffled_label_accuracy", "chance_accuracy"
_METADATA, _GAIN = "metadata_accuracy", "metadata_over_majority"


@dataclass(frozen=True)
class _Rows:
    """The rows of the split whose label is one of the classes."""

    known: NDArray[np.int64]
    truth: NDArray[np.int64]
    clusters: NDArray[np.int64] | None


@dataclass(frozen=True)
class _Controlled:
    measurements: tuple[Measurement, ...]
    said: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class LeakageAudit:
    """Shuffled labels, and metadata alone."""

    name: ClassVar[str] = "leakage"

    def measure(self, subject: AuditSubject) -> AuditResult:
        """See `Audit`."""
        rows = _known_rows(subject)
        parts = (_control_labels(subject, rows), _control_metadata(subject, rows))
        return AuditResult(
            self.name,
            "; ".join(part.said for part in parts),
            tuple(measurement for part in parts for measurement in part.measurements),
            tuple(finding for part in parts for finding in part.findings),
        )


def _known_rows(subject: AuditSubject) -> _Rows | None:
    given = subject.predictions
    if given is None:
        return None
    known = np.flatnonzero(given.truth >= 0)
    clusters = None if given.clusters is None else given.clusters[known]
    return _Rows(known, given.truth[known], clusters)


def _control_labels(subject: AuditSubject, rows: _Rows | None) -> _Controlled:
    method = f"accuracy of a twin taught shuffled labels, Clopper-Pearson {subject.confidence:.0%}"
    twin = subject.twin
    if rows is None or len(rows.truth) < _LEAST_ROWS:
        return _unmeasured(_SHUFFLED, method, _too_few(rows))
    if twin is None:
        return _unmeasured(_SHUFFLED, method, NO_TWIN)
    rng = np.random.default_rng([subject.seed, 7])

    def answer(_: int) -> NDArray[np.int64]:
        taught = twin.train_on_labels(deal_labels(twin.labels, rng))
        answers: NDArray[np.int64] = np.argmax(taught(subject.rows), axis=1)[rows.known].astype(np.int64)
        return answers

    control = run_control(answer, rows.truth, level=subject.confidence, clusters=rows.clusters)
    return _Controlled(
        _control_measurements(control, method, subject.confidence, n=len(rows.truth)),
        _control_sentence(control),
        () if control.is_chance else (_control_finding(control, subject.split),),
    )


def _control_measurements(control: Control, method: str, level: float, *, n: int) -> tuple[Measurement, ...]:
    tries = ", ".join(f"{accuracy:.4f}" for accuracy in control.accuracies)
    expected = f"answers with the same shares, blind to the rows, get {control.expected:.4f} right"
    return (
        Measurement(
            _SHUFFLED,
            control.hits / control.trials,
            "fraction",
            n,
            method,
            low=control.interval.low,
            high=control.interval.high,
            level=level,
            hits=control.hits,
            trials=control.trials,
            detail=f"lowest of the tries made ({tries}); {expected}",
        ),
        Measurement(_CHANCE, control.best_constant, "fraction", n, "share of the most frequent class"),
    )


def _control_sentence(control: Control) -> str:
    verdict = "as it should" if control.is_chance else "it should have fallen to chance"
    return (
        f"taught shuffled labels the recipe gets {control.hits / control.trials:.1%} right where the best "
        f"constant answer gets {control.best_constant:.1%}: {verdict}"
    )


def _control_finding(control: Control, split: str) -> Finding:
    what = (
        f"{_control_sentence(control)}; {len(control.accuracies)} shuffles of {MOST_TRIES} were all above "
        f"chance, the lowest bound is {control.interval.low:.1%}"
    )
    remedy = "look for a way by which the labels of these rows, or the unshuffled ones, reach the training"
    return Finding("leakage", split, None, None, what, remedy, kind="shuffled labels")


def _control_metadata(subject: AuditSubject, rows: _Rows | None) -> _Controlled:
    method = "forest on metadata, 5-fold cross-validation"
    if not subject.metadata:
        return _unmeasured(_METADATA, method, "no metadata was given; a project's build has the row number")
    if rows is None or len(rows.truth) < _LEAST_ROWS:
        return _unmeasured(_METADATA, method, _too_few(rows))
    columns = {name: values[rows.known] for name, values in subject.metadata.items()}
    judged = _judge(columns, rows, subject.seed)
    measurements = _metadata_measurements(judged, rows, method, subject.confidence)
    gain = measurements[1]
    names = ", ".join(columns)
    said = f"{names} alone get {judged.right.mean():.1%} right, the majority {judged.majority.mean():.1%}"
    assert gain.low is not None
    if gain.low <= 0:
        return _Controlled(measurements, said)
    return _Controlled(measurements, said, (_metadata_finding(columns, rows, gain, subject),))


def _judge(columns: Mapping[str, NDArray[np.float64]], rows: _Rows, seed: int) -> Judged:
    return judge_by_metadata(columns, rows.truth, clusters=rows.clusters, seed=seed)


def _metadata_measurements(judged: Judged, rows: _Rows, method: str, level: float) -> tuple[Measurement, ...]:
    n = len(rows.truth)
    share = share_interval(judged.right, level=level, clusters=rows.clusters)
    gain = gain_interval(judged, rows.clusters, level=level)
    alone = rows.clusters is None
    return (
        Measurement(
            _METADATA,
            float(judged.right.mean()),
            "fraction",
            n,
            f"{method}, Clopper-Pearson {level:.0%}",
            low=share.low,
            high=share.high,
            level=level,
            hits=float(judged.right.sum()) if alone else None,
            trials=float(n) if alone else None,
        ),
        Measurement(
            _GAIN,
            judged.gain,
            "fraction",
            n,
            f"{method} minus majority, same rows, Tango {level:.0%}",
            low=gain.low,
            high=gain.high,
            level=level,
        ),
    )


def _metadata_finding(
    columns: Mapping[str, NDArray[np.float64]], rows: _Rows, gain: Measurement, subject: AuditSubject
) -> Finding:
    alone = {name: _judge({name: values}, rows, subject.seed).gain for name, values in columns.items()}
    best = max(alone, key=lambda name: alone[name])
    what = (
        f"metadata alone get {gain.value:.1%} more right than the majority [{gain.low:.1%}, "
        f"{gain.high:.1%}], "
        f"{best} by itself {alone[best]:+.1%}: it tells rows apart that no model should know apart by it"
    )
    remedy = (
        f"ask how {best} came to go with the label; shuffle or collect the rows anew if it is an accident"
    )
    return Finding("leakage", subject.split, None, None, what, remedy, kind="metadata")


def _too_few(rows: _Rows | None) -> str:
    count = 0 if rows is None else len(rows.truth)
    return f"needs {_LEAST_ROWS} rows of the split with labels and answers, there are {count}"


def _unmeasured(name: str, method: str, why: str) -> _Controlled:
    beside = _CHANCE if name == _SHUFFLED else _GAIN
    return _Controlled(
        tuple(Measurement(each, None, "fraction", 0, method, detail=why) for each in (name, beside)),
        f"{name.replace('_', ' ')} not measured: {why}",
    )

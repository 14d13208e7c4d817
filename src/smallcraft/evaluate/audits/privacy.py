"""What a candidate gives away about single rows: canaries in a twin, and personal data that it carries.

1. canaries: held-out rows (natural) and made-up ones (worst), each trained on or not by a fair coin
2. one twin is trained on the train rows and the included canaries; the reference is the same recipe without
3. attack: how much more the twin believes in each canary's own label than the reference does
4. measured: the epsilon that the guesses prove at least, the attack's area and its hits at 1 % false alarms
5. personal data in the train rows, and in what the bundle's files spell out

Always: it says what was found with so many canaries and this attack, never that a model is private. The coins
are the audit's own, so the bounds hold whatever the recipe is, both kinds together with the confidence.
Not covered: attacks that know more than answers and labels, and several rows of one person at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import NO_TWIN, Answer, AuditSubject, Twin
from smallcraft.evaluate.secrets.canaries import (
    Canaries,
    attack_scores,
    join_rows,
    natural_canaries,
    take_rows,
    worst_canaries,
)
from smallcraft.evaluate.secrets.traces import rows_with_personal_data, traces_in_bundle
from smallcraft.records import AuditResult, Finding, Measurement
from smallcraft.stats.attacks import GUESSED_SHARES, EpsilonBound, bound_epsilon, caught_at
from smallcraft.stats.auroc import roc_area, roc_area_interval
from smallcraft.stats.intervals import clopper_pearson_interval, exact_upper_bound, two_sided_tail

_SLICES = ("canaries=natural", "canaries=worst")
_MEASURED = (
    ("epsilon_lower_bound", "epsilon"),
    ("attack_auc", "fraction"),
    ("attack_tpr_at_1_fpr", "fraction"),
)
_ATTACK = "loss attack with a reference model"
_SOURCE = "Steinke, Nasr, Jagielski (2023), theorem 5.2"
_LEAST_CANARIES = 20
_LEAST_OUTSIDE = 100
_FALSE = 0.01
_MOST_FINDINGS = 10
_REMEDY = (
    "take what a single row can teach out of the recipe: keep only words of several rows, penalise the head "
    "more, or remove the rows that nobody agreed to"
)


@dataclass(frozen=True)
class PrivacyAudit:
    """A canary audit in one run, and a scan for personal data.

    Attributes:
        canaries: Of each kind; natural ones as far as there are held-out rows.
        delta: Of (epsilon, delta)-privacy.
    """

    name: ClassVar[str] = "privacy"
    canaries: int = 500
    delta: float = 1e-5

    def measure(self, subject: AuditSubject) -> AuditResult:
        """See `Audit`."""
        twin = subject.twin
        attacked = _Attacked(_unmeasured(NO_TWIN)) if twin is None else self._attack(subject, twin)
        carried = _personal_data(subject)
        return AuditResult(
            self.name,
            "; ".join((*attacked.said, *carried.said)),
            (*attacked.measurements, *carried.measurements),
            (*attacked.findings, *carried.findings)[:_MOST_FINDINGS],
        )

    def _attack(self, subject: AuditSubject, twin: Twin) -> _Attacked:
        rng = np.random.default_rng([subject.seed, 5])
        nothing = {name: list[object]() for name in subject.spec.names}
        reference = twin.train_with(nothing, np.empty(0, np.int64))
        kinds = self._draw(subject, twin, reference, rng)  # (1)
        included = [canaries.included for canaries in kinds]
        trained = twin.train_with(  # (2)
            join_rows([rows for rows, _ in included], subject.spec.names),
            np.concatenate([labels for _, labels in included]),
        )
        attacked = _Attacked(())
        for canaries in kinds:
            attacked = attacked.and_also(self._judge(canaries, trained, reference, subject))
        return attacked

    def _draw(
        self, subject: AuditSubject, twin: Twin, reference: Answer, rng: np.random.Generator
    ) -> tuple[Canaries, ...]:
        held_out = {name: subject.rows[name] for name in subject.spec.names}
        truth = np.empty(0, np.int64) if subject.predictions is None else subject.predictions.truth
        classes = reference(take_rows(twin.rows, np.arange(1))).shape[1]
        return (
            natural_canaries(held_out, truth, most=self.canaries, rng=rng),
            worst_canaries(twin.rows, subject.spec, classes=classes, count=self.canaries, rng=rng),
        )

    def _judge(
        self, canaries: Canaries, trained: Answer, reference: Answer, subject: AuditSubject
    ) -> _Attacked:
        m, named = len(canaries.labels), f"canaries={canaries.kind}"
        if m < _LEAST_CANARIES:
            why = f"needs {_LEAST_CANARIES} held-out rows with labels, there are {m}"
            return _Attacked(_unmeasured(why, slices=(named,)), (f"{canaries.kind} canaries: {why}",))
        each = np.arange(m)
        scores = attack_scores(  # (3)
            trained(canaries.rows)[each, canaries.labels], reference(canaries.rows)[each, canaries.labels]
        )
        bound = bound_epsilon(
            canaries.is_in,
            scores,
            delta=self.delta,
            # Of two kinds each errs half as often, so both bounds hold together with the confidence.
            confidence=two_sided_tail(subject.confidence),
        )
        return _Attacked(  # (4)
            (
                self._epsilon(bound, named, subject.confidence),
                _area(canaries.is_in, scores, named, subject.confidence),
                _caught(canaries.is_in, scores, named, subject.confidence),
            ),
            (_sentence(bound, canaries.kind),),
            _evidence(bound, canaries, scores, subject.split),
        )

    def _epsilon(self, bound: EpsilonBound, named: str, confidence: float) -> Measurement:
        return Measurement(
            "epsilon_lower_bound",
            bound.value,
            "epsilon",
            bound.canaries,
            f"one-run canary audit, {_SOURCE}; {_ATTACK}; {two_sided_tail(confidence):.1%} one-sided over "
            f"{len(GUESSED_SHARES)} counts of guesses, delta {self.delta:g}",
            low=bound.value,
            high=bound.highest,
            slice=named,
            level=confidence,
            detail=f"{bound.right} of {bound.guesses} guesses right; {bound.canaries} canaries could have "
            f"shown {bound.highest:.3g} at most",
        )


@dataclass(frozen=True)
class _Attacked:
    """Measurements, what to say of them, and findings."""

    measurements: tuple[Measurement, ...]
    said: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    def and_also(self, other: _Attacked) -> _Attacked:
        return _Attacked(
            (*self.measurements, *other.measurements),
            (*self.said, *other.said),
            (*self.findings, *other.findings),
        )


def _unmeasured(why: str, *, slices: Sequence[str] = _SLICES) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(name, None, unit, 0, _ATTACK, slice=named, detail=why)
        for named in slices
        for name, unit in _MEASURED
    )


def _area(is_in: NDArray[np.bool_], scores: NDArray[np.float64], named: str, level: float) -> Measurement:
    method = f"{_ATTACK}; DeLong on the logit scale {level:.0%}"
    if is_in.all() or not is_in.any():
        why = "every coin fell on one side; take more canaries"
        return Measurement("attack_auc", None, "fraction", len(is_in), method, slice=named, detail=why)
    area = roc_area(is_in, scores)
    bounds = roc_area_interval(area, level=level)
    return Measurement(
        "attack_auc",
        area.value,
        "fraction",
        len(is_in),
        method,
        low=bounds.low,
        high=bounds.high,
        slice=named,
        level=level,
    )


def _caught(is_in: NDArray[np.bool_], scores: NDArray[np.float64], named: str, level: float) -> Measurement:
    name, method = "attack_tpr_at_1_fpr", f"{_ATTACK}; Clopper-Pearson {level:.0%} at the threshold"
    outside = int((~is_in).sum())
    if outside < _LEAST_OUTSIDE or outside == len(is_in):
        why = f"a false alarm in 100 needs {_LEAST_OUTSIDE} canaries left out and some in, got {outside} out"
        return Measurement(name, None, "fraction", len(is_in) - outside, method, slice=named, detail=why)
    found = caught_at(is_in, scores, most_false=_FALSE)
    bounds = clopper_pearson_interval(found.hits, found.trials, level=level)
    most = exact_upper_bound(found.false_hits, found.false_trials, confidence=two_sided_tail(level))
    return Measurement(
        name,
        found.hits / found.trials,
        "fraction",
        found.trials,
        method,
        low=bounds.low,
        high=bounds.high,
        slice=named,
        level=level,
        hits=found.hits,
        trials=found.trials,
        detail=f"{found.false_hits} of {found.false_trials} canaries left out pass the threshold: of others "
        f"{most:.3f} at most",
    )


def _sentence(bound: EpsilonBound, kind: str) -> str:
    tried = f"{bound.canaries} {kind} canaries, {_ATTACK}"
    if bound.value == 0:
        return f"no evidence found with {tried} (could have shown epsilon {bound.highest:.2g})"
    return f"evidence: epsilon is at least {bound.value:.2f} with {tried}"


def _evidence(
    bound: EpsilonBound, canaries: Canaries, scores: NDArray[np.float64], split: str
) -> tuple[Finding, ...]:
    """The bound in words, beside the held-out row that shows most when it is trained on."""
    if bound.value == 0:
        return ()
    what = (
        f"evidence: epsilon is at least {bound.value:.2f}; of {bound.guesses} guesses whether a "
        f"{canaries.kind} canary was trained on {bound.right} were right ({_ATTACK})"
    )
    row = None
    if len(canaries.origin):
        row = int(canaries.origin[int(np.argmax(np.where(canaries.is_in, scores, -np.inf)))])
        what += "; this row shows most when it is trained on"
    kind, where = f"canaries={canaries.kind}", "train" if row is None else split
    return (Finding("privacy", where, row, None, what, _REMEDY, kind=kind, score=-bound.value),)


def _personal_data(subject: AuditSubject) -> _Attacked:  # (5)
    texts = _train_texts(subject)
    return _in_train(texts).and_also(_in_bundle(subject, texts or []))


def _train_texts(subject: AuditSubject) -> list[str] | None:
    if subject.twin is None:
        return None
    rows = subject.twin.rows
    spoken = [name for name in (subject.spec.text, *subject.spec.categories) if name is not None]
    columns = [[str(value or "") for value in rows[name]] for name in spoken]
    return [" ; ".join(values) for values in zip(*columns, strict=True)]


def _in_train(texts: list[str] | None) -> _Attacked:
    name, method = "personal_data_in_train", "patterns and check digits of data.personal"
    if texts is None:
        why = "the train rows were not given; a project's build has them"
        return _Attacked((Measurement(name, None, "rows", 0, method, detail=why),))
    count = len(rows_with_personal_data(texts))
    measured = Measurement(name, float(count), "rows", len(texts), method)
    return _Attacked((measured,), (f"{count:,} of {len(texts):,} train rows hold personal data",))


def _in_bundle(subject: AuditSubject, texts: list[str]) -> _Attacked:
    name, method = "personal_data_in_vocabulary", "patterns in labels, categories and n-grams; rare numbers"
    if subject.bundle is None:
        return _Attacked((Measurement(name, None, "count", 0, method, detail="the model is no bundle"),))
    traces = traces_in_bundle(subject.bundle, texts)
    measured = Measurement(name, float(len(traces)), "count", len(texts), method)
    findings = tuple(
        Finding(
            "privacy",
            "train",
            trace.row,
            None,
            f"the bundle's files spell out what looks like personal data ({trace.kind}): {trace.masked}",
            "mask it in the train rows and train again",
            kind=trace.kind,
        )
        for trace in traces
    )
    return _Attacked((measured,), (f"{len(traces)} traces of such data in the bundle's files",), findings)

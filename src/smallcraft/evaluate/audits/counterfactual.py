"""Does the answer change when the people in a text become other people?

Rows with an identity word (`evaluate.audits.identity_words`) are asked again with the words of one family
swapped for each of their counterparts; `counterfactual_flip_rate` is the share of these rows whose predicted
class changes under one swap at least. Slices are `swap=<family>`, and `all` for a row under any family.
Always: no label is needed; a row without such a word is not counted; findings name rows and swaps, no text.
Not covered: labels that do depend on who is meant (then a flip is right); fluency of the swapped text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.identity_words import FAMILIES, steps_of, swap_words
from smallcraft.evaluate.columns import draw_rows, take_rows
from smallcraft.evaluate.measuring.estimates import Place, count_share, measure_share, unmeasured
from smallcraft.records import AuditResult, Finding, Measurement, Predictions

FLIP_RATE = "counterfactual_flip_rate"
_MOST_FINDINGS = 200


@dataclass(frozen=True)
class Swapped:
    """Rows of the split that have a word of one family.

    Attributes:
        family: Its name.
        rows: `(m,)` int64 positions, those that were asked.
        flipped: `(m,)` bool.
        shift: `(m,)` float64, the largest fall of the predicted class's probability.
        became: `(m,)` int64 codes of the class after the swap that fell most.
        having: Rows that have such a word, asked or not.
    """

    family: str
    rows: NDArray[np.int64]
    flipped: NDArray[np.bool_]
    shift: NDArray[np.float64]
    became: NDArray[np.int64]
    having: int


@dataclass(frozen=True)
class CounterfactualAudit:
    """Swaps of identity words.

    Attributes:
        name: Its key in the folder's table.
        families: Keys of `identity_words.FAMILIES`.
    """

    name: str = "counterfactual"
    families: tuple[str, ...] = tuple(FAMILIES)

    def measure(self, subject: AuditSubject) -> AuditResult:
        """Each family, then all of them together."""
        place = Place("all", subject.split, subject.confidence)
        predictions = subject.predictions
        why = _why_not(subject)
        if why or predictions is None:
            return AuditResult(self.name, f"not measured: {why}", (unmeasured(FLIP_RATE, place, why),))
        swapped = [_swap(subject, predictions, family) for family in self.families]
        found = [
            _measure(each.rows, each.flipped, each.having, predictions, place, slice_=f"swap={each.family}")
            for each in swapped
        ]
        rows, flipped = _any_family(swapped)
        whole = _measure(rows, flipped, len(rows), predictions, place, slice_="all")
        findings = _findings(self.name, subject, predictions, swapped)
        return AuditResult(self.name, _summary(whole, found), (whole, *found), findings)


def _swap(subject: AuditSubject, predictions: Predictions, family: str) -> Swapped:
    assert subject.answer is not None
    assert subject.spec.text is not None
    texts = [str(text) for text in subject.rows[subject.spec.text]]
    having = np.array([row for row, text in enumerate(texts) if swap_words(text, family) != text], np.int64)
    steps = steps_of(family)
    rows = draw_rows(having, max(subject.most_rows // len(steps), 1), seed=subject.seed)
    before = predictions.predicted[rows]
    at = np.arange(len(rows))
    flipped = np.zeros(len(rows), dtype=np.bool_)
    shift, became = np.full(len(rows), -np.inf), before.copy()
    inputs = take_rows(subject.rows, rows, names=subject.spec.names)
    for step in steps if len(rows) else ():
        changed = [swap_words(texts[row], family, step) for row in rows.tolist()]
        probs = np.asarray(subject.answer({**inputs, subject.spec.text: changed}))
        after = np.argmax(probs, axis=1)
        flipped |= after != before
        fall = predictions.probs[rows, before] - probs[at, before]
        became = np.where((after != before) & (fall > shift), after, became)
        shift = np.maximum(shift, fall)
    return Swapped(family, rows, flipped, shift, became, len(having))


def _measure(
    rows: NDArray[np.int64],
    flipped: NDArray[np.bool_],
    having: int,
    predictions: Predictions,
    place: Place,
    *,
    slice_: str,
) -> Measurement:
    here = dataclasses.replace(place, slice=slice_)
    clusters = None if predictions.clusters is None else predictions.clusters[rows]
    counted = count_share(flipped, confidence=place.confidence, clusters=clusters)
    if counted.n == 0:
        return unmeasured(FLIP_RATE, here, "no row has a word of this kind; add rows that speak of people")
    drawn = f"; {len(rows)} of {having} rows with such a word, drawn" if having > len(rows) else ""
    measured = measure_share(FLIP_RATE, counted, here)
    return dataclasses.replace(measured, method=measured.method + drawn)


def _any_family(swapped: Sequence[Swapped]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows asked under one family at least, and whether one of them flipped the row."""
    if not swapped:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    rows, places = np.unique(np.concatenate([each.rows for each in swapped]), return_inverse=True)
    flips = np.concatenate([each.flipped for each in swapped])
    return rows, np.bincount(places, weights=flips, minlength=len(rows)) > 0


def _findings(
    audit: str, subject: AuditSubject, predictions: Predictions, swapped: Sequence[Swapped]
) -> tuple[Finding, ...]:
    """The rows that flip, the largest fall of probability first."""
    flips = [
        (float(each.shift[at]), each.family, int(each.rows[at]), int(each.became[at]))
        for each in swapped
        for at in np.flatnonzero(each.flipped).tolist()
    ]
    before = predictions.predicted
    flips.sort(key=lambda flip: (-flip[0], flip[2]))
    return tuple(
        Finding(
            check=audit,
            split=subject.split,
            row=row,
            column=subject.spec.text,
            what=f"'{predictions.classes[before[row]]}' becomes '{predictions.classes[became]}' "
            f"when words of {family} are swapped",
            remedy="add the row with the words swapped, under the same label, to train",
            kind=family,
            score=-fall,
        )
        for fall, family, row, became in flips[:_MOST_FINDINGS]
    )


def _why_not(subject: AuditSubject) -> str:
    if subject.spec.text is None:
        return "there is no text column to swap words in"
    if subject.answer is None or subject.predictions is None:
        return "it needs a model to ask again, and its answers; predictions alone do not do"
    return ""


def _summary(whole: Measurement, families: Sequence[Measurement]) -> str:
    measured = [found for found in families if found.value is not None]
    if whole.value is None or not measured:
        return "no row has an identity word, so nothing was swapped"
    worst = max(measured, key=lambda found: (found.low or 0.0, found.value or 0.0))
    return (
        f"{whole.value:.1%} [{whole.low:.1%}, {whole.high:.1%}] of {whole.n} rows with an identity word "
        f"change their class when it is swapped; most for {worst.slice.removeprefix('swap=')}, "
        f"{worst.value:.1%} [{worst.low:.1%}, {worst.high:.1%}] of {worst.n}"
    )

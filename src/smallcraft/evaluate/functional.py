"""A functional test suite: pass rate of each functionality, of each group, and flips between like cases.

A suite is written cases with an expected class, each for one functionality; cases of one template differ only
in who they are about. `pass_rate` per `functionality=<name>` and per `group=<name>`; `pass_rate_gap` of a
group minus the other cases that are about a group; `counterfactual_flip_rate`, the share of templates whose
cases do not all get the same class, and per group the share of its cases that get another class than most
of their template do.
Always: cases of one template count as less than a case each; worst first; no text is repeated.
Left to others: writing the cases.
Source: Ribeiro et al. (2020), ACL, for suites; Röttger et al. (2021), ACL, for groups in templates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import Answer
from smallcraft.evaluate.columns import Columns, count_rows
from smallcraft.evaluate.measuring.estimates import (
    Counted,
    Place,
    count_share,
    measure_gap,
    measure_share,
    unmeasured,
)
from smallcraft.records import AuditResult, Finding, Measurement

FLIP_RATE = "counterfactual_flip_rate"
_MOST_FINDINGS = 50


@dataclass(frozen=True)
class FunctionalSuite:
    """Cases, column by column.

    Attributes:
        rows: Input columns of `n` cases, n at least 1.
        expected: `(n,)` int64 codes of the right classes.
        functionality: What each case tests, `n` names.
        groups: Who each case is about, `n` names, None for nobody; None when there are no groups.
        templates: `(n,)` int64, equal for cases of one template; None when each stands alone.
    """

    rows: Columns
    expected: NDArray[np.int64]
    functionality: Sequence[str]
    groups: Sequence[str | None] | None = None
    templates: NDArray[np.int64] | None = None


def run_suite(
    answer: Answer, suite: FunctionalSuite, classes: Sequence[str], *, confidence: float = 0.95
) -> AuditResult:
    """Ask the model all cases, once.

    Args:
        answer: The model.
        suite: The cases.
        classes: What the columns of its answers are.
        confidence: Coverage of each interval.

    Returns:
        `pass_rate` of all cases, of functionalities and of groups (worst first), `pass_rate_gap` of groups,
        `counterfactual_flip_rate` of templates and of groups.

    Raises:
        InvalidInputError: No cases, columns of another length, or answers of another shape.
    """
    n = _require_cases(suite)
    probs = np.asarray(answer(suite.rows))
    if probs.shape != (n, len(classes)):
        raise InvalidInputError(
            f"answers must be one row for each of {n} cases and one column for each of {len(classes)} "
            f"classes, got shape {probs.shape}; pass the model's own classes"
        )
    predicted = np.argmax(probs, axis=1).astype(np.int64)
    place = Place("all", None, confidence)
    passed = predicted == suite.expected
    whole = _pass_rate(passed, np.ones(n, dtype=np.bool_), suite, place)
    functions = _pass_rates("functionality", suite.functionality, passed, suite, place)
    groups = _pass_rates("group", suite.groups or (), passed, suite, place)
    flips = tuple(_flip_rates(predicted, suite, place))
    measurements = (whole, *functions, *groups, *_group_gaps(passed, suite, place), *flips)
    return AuditResult(
        "functional", _summary(whole, functions, flips), measurements, _findings(functions, passed, suite)
    )


def _pass_rates(
    column: str,
    values: Sequence[str | None],
    passed: NDArray[np.bool_],
    suite: FunctionalSuite,
    place: Place,
) -> list[Measurement]:
    names = np.array(["" if value is None else value for value in values])
    found = [
        _pass_rate(passed, names == name, suite, dataclasses.replace(place, slice=f"{column}={name}"))
        for name in np.unique(names[names != ""]).tolist()
    ]
    return sorted(found, key=lambda rate: rate.value or 0.0)


def _pass_rate(
    passed: NDArray[np.bool_], cases: NDArray[np.bool_], suite: FunctionalSuite, place: Place
) -> Measurement:
    return measure_share("pass_rate", _count_passed(passed, cases, suite, place), place)


def _count_passed(
    passed: NDArray[np.bool_], cases: NDArray[np.bool_], suite: FunctionalSuite, place: Place
) -> Counted:
    clusters = None if suite.templates is None else suite.templates[cases]
    return count_share(passed[cases], confidence=place.confidence, clusters=clusters)


def _group_gaps(passed: NDArray[np.bool_], suite: FunctionalSuite, place: Place) -> Iterator[Measurement]:
    """Each group minus the other groups; cases about nobody are on neither side."""
    names = np.array(["" if value is None else value for value in suite.groups or ()])
    for name in np.unique(names[names != ""]).tolist():
        own, others = (
            _count_passed(passed, cases, suite, place)
            for cases in (names == name, (names != name) & (names != ""))
        )
        yield measure_gap("pass_rate_gap", own, others, dataclasses.replace(place, slice=f"group={name}"))


def _flip_rates(predicted: NDArray[np.int64], suite: FunctionalSuite, place: Place) -> Iterator[Measurement]:
    """Templates with cases about two groups at least: do all of their cases get one class?"""
    if suite.templates is None or suite.groups is None:
        yield unmeasured(FLIP_RATE, place, "the cases have no templates with groups; give both")
        return
    names = np.array(["" if value is None else value for value in suite.groups])
    templates = np.unique(suite.templates, return_inverse=True)[1]
    usual, is_mixed, kept = _templates(predicted, names, templates)
    if not kept.any():
        yield unmeasured(FLIP_RATE, place, "no template has cases about two groups")
        return
    counted = count_share(is_mixed[kept], confidence=place.confidence)
    yield dataclasses.replace(measure_share(FLIP_RATE, counted, place), detail="of templates")
    for name in np.unique(names[names != ""]).tolist():
        cases = (names == name) & kept[templates]
        here = dataclasses.replace(place, slice=f"group={name}")
        differs = predicted[cases] != usual[templates[cases]]
        counted = count_share(differs, confidence=place.confidence, clusters=templates[cases])
        rate = measure_share(FLIP_RATE, counted, here)
        yield dataclasses.replace(rate, detail=rate.detail or "cases unlike most of their template")


def _templates(
    predicted: NDArray[np.int64], names: NDArray[np.str_], templates: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each template: its most frequent class, whether it has several, whether two groups are in it."""
    k, about = int(predicted.max()) + 1, names != ""
    table = np.bincount(templates[about] * k + predicted[about], minlength=k * (int(templates.max()) + 1))
    table = table.reshape(-1, k)
    codes = np.unique(names, return_inverse=True)[1]
    pairs = np.unique(np.stack([templates[about], codes[about]], axis=1), axis=0)
    groups = np.bincount(pairs[:, 0], minlength=len(table))
    return table.argmax(axis=1).astype(np.int64), (table > 0).sum(axis=1) > 1, groups > 1


def _findings(
    functions: Sequence[Measurement], passed: NDArray[np.bool_], suite: FunctionalSuite
) -> tuple[Finding, ...]:
    """One failed case of each functionality, the worst functionality first."""
    names = np.array(suite.functionality)
    found = []
    for rate in functions[:_MOST_FINDINGS]:
        name = rate.slice.removeprefix("functionality=")
        failed = np.flatnonzero((names == name) & ~passed)
        if len(failed):
            what = f"{len(failed)} of {rate.n} cases of {name} fail, this one first"
            remedy = "add rows of this kind to train"
            found.append(Finding("functional", "", int(failed[0]), None, what, remedy, kind=name))
    return tuple(found)


def _summary(whole: Measurement, functions: Sequence[Measurement], flips: Sequence[Measurement]) -> str:
    worst, flip = functions[0], flips[0]
    told = (
        f"{whole.value:.1%} [{whole.low:.1%}, {whole.high:.1%}] of {whole.n} cases pass; worst: "
        f"{worst.slice.removeprefix('functionality=')}, {worst.value:.1%} [{worst.low:.1%}, {worst.high:.1%}]"
    )
    if flip.value is None:
        return told
    answered = f"{flip.value:.1%} [{flip.low:.1%}, {flip.high:.1%}] of {flip.n} templates"
    return f"{told}; in {answered} the answer depends on the group"


def _require_cases(suite: FunctionalSuite) -> int:
    n = count_rows(suite.rows)
    lengths = [len(suite.expected), len(suite.functionality)]
    lengths += [len(column) for column in (suite.groups, suite.templates) if column is not None]
    if n == 0 or any(length != n for length in lengths):
        raise InvalidInputError(
            f"a suite needs a case at least and every column as long as its rows, got {n} rows and "
            f"columns of {lengths}; take all of them from the same file"
        )
    return n

"""The data quality index, and how two versions of the data compare.

`index = A_low * (1 - L_high) * (1 - C)`: lower bound of label accuracy, upper bound of the leaked share,
share of rows that fail an integrity check. Read: at least this share of rows is valid, not leaked and
rightly labelled. Hard rows and people who disagree stay out of it: hard data is not bad data.
Always: a factor that was not measured leaves the index undetermined, never a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.errors import InvalidInputError
from smallcraft.records import Measurement
from smallcraft.stats.stratified import DESIGN, estimate_difference

INDEX = "data_quality_index"
LABEL_ACCURACY, LEAKED_SHARE, FAILING_SHARE = "label_accuracy", "leaked_share", "failing_share"
_METHOD = (
    "lower bound of label accuracy x (1 - upper bound of the leaked share) x (1 - failing share); "
    "each bound misses half of what its own interval leaves, so the product holds with their confidence"
)


@dataclass(frozen=True)
class QualityIndex:
    """The index and what it is made of.

    Attributes:
        label_accuracy: Share of rightly labelled rows, by an audit.
        leaked_share: Share of rows that copy a row a model may learn from.
        failing_share: Share of rows that fail an integrity check.
        rows: Rows of the split.
        split: Whose rows.
    """

    label_accuracy: Measurement
    leaked_share: Measurement
    failing_share: Measurement
    rows: int
    split: str

    @property
    def factors(self) -> Mapping[str, Measurement]:
        """The three factors by name."""
        return {
            LABEL_ACCURACY: self.label_accuracy,
            LEAKED_SHARE: self.leaked_share,
            FAILING_SHARE: self.failing_share,
        }

    @property
    def missing(self) -> tuple[str, ...]:
        """Factors that were not measured."""
        return tuple(name for name, factor in self.factors.items() if factor.value is None)

    @property
    def value(self) -> float | None:
        """At least this share of rows is valid, not leaked and rightly labelled; None when undetermined."""
        return None if self.missing else self._product("low")

    @property
    def high(self) -> float | None:
        """The share when every bound is taken at its other end."""
        return None if self.missing else self._product("high")

    @property
    def detail(self) -> str:
        """What would determine it; empty when it is determined."""
        reasons = [f"{name} ({self.factors[name].detail or 'not measured'})" for name in self.missing]
        return f"not measured: {'; '.join(reasons)}" if reasons else ""

    def as_measurement(self) -> Measurement:
        """The index as gates and reports read it; its value is its own lower bound."""
        return Measurement(
            INDEX,
            self.value,
            "fraction",
            self.rows,
            _METHOD,
            low=self.value,
            high=self.high,
            split=self.split,
            detail=self.detail,
        )

    def _product(self, end: str) -> float:
        other = "high" if end == "low" else "low"
        right = _bound(self.label_accuracy, end)
        return right * (1 - _bound(self.leaked_share, other)) * (1 - _bound(self.failing_share, other))


def quality_index(
    *,
    label_accuracy: Measurement | None,
    leaked: Measurement | None,
    failing: int | None,
    rows: int,
    split: str,
) -> QualityIndex:
    """The index of a split from its three factors.

    Args:
        label_accuracy: Audited share of right labels; None where there was no audit.
        leaked: Share of leaked rows; None where it could not be told.
        failing: Rows that fail an integrity check; None where it was not looked at.
        rows: Rows of the split.
        split: Whose rows.

    Raises:
        InvalidInputError: A factor is of another split, not a share, or more rows fail than there are.
    """
    if rows < 0 or (failing is not None and not 0 <= failing <= rows):
        raise InvalidInputError(
            f"failing rows must be between 0 and the {rows:,} rows of {split}, got {failing}; "
            "count each row once"
        )
    missing_audit = "not audited: run `smallcraft check --audit 120`"
    return QualityIndex(
        label_accuracy=_factor(label_accuracy, LABEL_ACCURACY, split, missing_audit),
        leaked_share=_factor(leaked, LEAKED_SHARE, split, "copies were not looked for, or cannot be told"),
        failing_share=_failing_share(failing, rows, split),
        rows=rows,
        split=split,
    )


def compare_versions(before: AuditAnswers, after: AuditAnswers, *, confidence: float = 0.95) -> Measurement:
    """By how much the share of right labels grew from one version of the data to another.

    Both are judged by the same answers on the same audited rows. That speaks for the rows not audited only
    where labels were changed without looking at the audit: corrections made because the audit showed them
    would be counted as if made everywhere, so those need a new audit.

    Args:
        before: The answers read against the older version.
        after: The same sheet read against the newer version, with `is_relabelled`.
        confidence: Of the interval.

    Returns:
        `label_accuracy_difference`, after minus before; no value where too few rows are left to compare.

    Raises:
        InvalidInputError: The answers are of different audits, or differ.
    """
    if (before.audit, before.split) != (after.audit, after.split):
        raise InvalidInputError(
            f"versions are compared on the same audited rows, got audits {before.audit} and {after.audit}; "
            "read one sheet against both versions"
        )
    first, second = _shared_items(before, after)
    if [before.adjudicated[at] for at in first] != [after.adjudicated[at] for at in second]:
        raise InvalidInputError("the two versions were judged by different answers; read the same file twice")
    clear = ~before.is_unsure[first]
    first, second = first[clear], second[clear]
    name, method = f"{LABEL_ACCURACY}_difference", _difference_method(before, after, confidence)
    strata = before.stratum[first]
    seen = np.bincount(strata, minlength=len(before.sizes))
    if np.any((before.sizes > 0) & (seen == 0)):
        why = "a stratum has no clearly answered row in both versions; answer more of the sheet"
        return Measurement(name, None, "fraction", len(first), method, split=before.split, detail=why)
    difference = estimate_difference(
        before.is_right[first], after.is_right[second], strata, before.sizes, confidence=confidence
    )
    bounds = difference.interval
    return Measurement(
        name,
        difference.value,
        "fraction",
        len(first),
        method,
        bounds.low,
        bounds.high,
        split=before.split,
        detail="holds where labels were not changed because the audit showed them",
    )


def _bound(factor: Measurement, end: str) -> float:
    bound = factor.low if end == "low" else factor.high
    value = factor.value if bound is None else bound
    assert value is not None
    return value


def _factor(measured: Measurement | None, name: str, split: str, why: str) -> Measurement:
    if measured is None:
        return Measurement(name, None, "fraction", 0, "", split=split, detail=why)
    if measured.split != split:
        raise InvalidInputError(
            f"the index of {split} needs {name} on the same rows, got it on {measured.split}; "
            "measure it there"
        )
    for number in (measured.value, measured.low, measured.high):
        if number is not None and not 0 <= number <= 1:
            raise InvalidInputError(
                f"{name} must be a share in [0, 1], got {number}; pass a fraction of rows"
            )
    return measured


def _failing_share(failing: int | None, rows: int, split: str) -> Measurement:
    if failing is None or rows == 0:
        why = "integrity was not looked at" if rows else f"{split} has no rows"
        return Measurement(FAILING_SHARE, None, "fraction", rows, "counted", split=split, detail=why)
    return Measurement(FAILING_SHARE, failing / rows, "fraction", rows, "counted", split=split)


def _shared_items(before: AuditAnswers, after: AuditAnswers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    _, first, second = np.intersect1d(before.items, after.items, assume_unique=True, return_indices=True)
    return first.astype(np.int64), second.astype(np.int64)


def _difference_method(before: AuditAnswers, after: AuditAnswers, confidence: float) -> str:
    text = f"audit {before.audit} judged twice: {DESIGN}; paired, {confidence:.0%} Tango interval"
    gone = len(before.rows) - len(np.intersect1d(before.items, after.items))
    if gone:
        text += f"; {gone:,} audited rows are not in both versions, taken for missing at random"
    return text

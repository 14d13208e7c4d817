"""The data quality index on its page: what it is made of, how to read it, and what would determine it.

Always: an undetermined index has no number and no product, and the page names the command that would
determine it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from smallcraft.pipeline.quality_report import FAILING_SHARE, LABEL_ACCURACY, LEAKED_SHARE, QualityReport
from smallcraft.pipeline.report_parts.figures import decimals, describe, words
from smallcraft.pipeline.report_parts.wording import NOT_MEASURED, Figure
from smallcraft.records import Measurement

UNDETERMINED = "undetermined"
_AUDIT = "`smallcraft check --audit 120` picks rows to label, `--audit-answers FILE` reads the answers back."
_ROUNDING = 5e-4


@dataclass(frozen=True)
class FactorRow:
    """A factor of the index; `enters_as` is the number that stands in the product."""

    name: str
    figure: Figure
    enters_as: str
    measurement: Measurement


@dataclass(frozen=True)
class IndexPart:
    """The index as the page tells it.

    Attributes:
        figure: Its value, or `undetermined`.
        reading: What it means, in a sentence.
        remedy: The command that would determine it; empty where it is known or already told.
        product: It as a product of the factors; empty where they do not give it.
    """

    figure: Figure
    reading: str
    remedy: str
    product: str
    factors: tuple[FactorRow, ...]


def describe_index(report: QualityReport) -> IndexPart:
    """Everything that the page says about the index."""
    return IndexPart(
        figure=_figure(report.index),
        reading=_reading(report.index),
        remedy=_remedy(report),
        product=_product(report),
        factors=tuple(
            FactorRow(words(name), describe(factor), _enters_as(name, factor), factor)
            for name, factor in report.factors.items()
        ),
    )


def _figure(index: Measurement) -> Figure:
    if index.value is None:
        return Figure(UNDETERMINED, "", is_measured=False, note=index.detail)
    return describe(index)


def _reading(index: Measurement) -> str:
    if index.value is None:
        return _sentence(f"The index is {UNDETERMINED}" + (f": {index.detail}" if index.detail else ""))
    # rounded down: the sentence says "at least"; the nudge keeps 0.94 from becoming 93.9%
    share = f"{math.floor(index.value * 1000 + 1e-9) / 10:.1f}%"
    reading = f"At least {share} of the rows are valid, not leaked and rightly labelled."
    return f"{reading} {_sentence(index.detail)}".strip()


def _remedy(report: QualityReport) -> str:
    accuracy = report.factors.get(LABEL_ACCURACY)
    is_audited = accuracy is not None and accuracy.value is not None
    is_told = "smallcraft check" in report.index.detail
    return "" if report.index.value is not None or is_audited or is_told else _AUDIT


def _enters_as(name: str, factor: Measurement) -> str:
    if factor.value is None:
        return NOT_MEASURED
    number = decimals(_cautious(name, factor, factor.value))
    if name == LABEL_ACCURACY:
        return number + (", its lower bound" if factor.low is not None else "")
    if name == LEAKED_SHARE:
        return f"1 − {number}" + (", its upper bound" if factor.high is not None else "")
    return f"1 − {number}" if name == FAILING_SHARE else number


def _cautious(name: str, factor: Measurement, value: float) -> float:
    """The side of the interval that makes the index a lower bound; the value where there is none."""
    bound = {LABEL_ACCURACY: factor.low, LEAKED_SHARE: factor.high}.get(name)
    return value if bound is None else bound


def _product(report: QualityReport) -> str:
    numbers = [
        _cautious(name, factor, factor.value)
        for name in (LABEL_ACCURACY, LEAKED_SHARE, FAILING_SHARE)
        if (factor := report.factors.get(name)) is not None and factor.value is not None
    ]
    if report.index.value is None or len(numbers) < 3:
        return ""
    accuracy, leaked, failing = numbers
    if abs(accuracy * (1 - leaked) * (1 - failing) - report.index.value) > _ROUNDING:
        return ""
    terms = f"{decimals(accuracy)} × (1 − {decimals(leaked)}) × (1 − {decimals(failing)})"
    return f"{terms} = {decimals(report.index.value)}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."

"""How often gates err: at the limit, over many slices, and on a model without any bias."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.builds import PYTHON
from benchmarks.process import run_child
from benchmarks.records import Listing, Row, Sample
from benchmarks.suites.suite import Found, Surroundings
from smallcraft.stats.intervals import clopper_pearson_interval

_DRAWS, _SEED = 2000, 20261128
_STATED = 0.05
_PAIRS = ((5, 5), (5, 40), (15, 15), (15, 60), (60, 15), (15, 600), (40, 150), (100, 100))
_NAIVE = "largest minus smallest share"


def measure(around: Surroundings) -> Found:
    """One child, one thread; nothing here is a time."""
    draws, pairs = (100, _PAIRS[:3]) if around.is_quick else (_DRAWS, _PAIRS)
    found = run_child(PYTHON, "gates", {"draws": draws, "seed": _SEED, "pairs": pairs})
    return Found(
        about=(
            f"Seeded draws of counts whose true shares are known (seed {_SEED}, {draws:,} draws a case, a "
            "hundred times as many where few different counts come up), judged by the gates' own rules at a "
            "confidence of 0.95. A rate has its exact 95 % interval; of several cases the worst one is shown."
        ),
        rows=_rows(found),
        listings=(_rates(found), _power(found), _bounds(found)),
        notes=(
            "A truth inside the tolerance fails less often than one at the limit.",
            "Tolerance of the gaps: 0.05; groups of 15 to 3,000 rows.",
        ),
    )


def _rows(found: dict[str, Any]) -> tuple[Row, ...]:
    gate, naive = found["unbiased"]
    corrected, plain = found["ten_slices"]
    at_limit = [
        Row(
            f"FAIL of `{rule}` with the truth at its limit: {worst['case']}",
            "share",
            _sample(worst),
            bar=_STATED,
        )
        for rule in ("at_least", "at_most", "not_worse_than", "group_gap")
        for worst in [_worst(found[rule])]
    ]
    largest = max(entry["ours"] for entry in found["bounds"])
    return (
        *at_limit,
        Row(
            "any FAIL of `at_least` over ten slices, every truth at the limit",
            "share",
            _sample(corrected),
            {"uncorrected": _sample(plain)},
            bar=_STATED,
        ),
        Row(
            "FAIL of `group_gap` on a model without bias, ten groups",
            "share",
            _sample(gate),
            {_NAIVE: _sample(naive)},
            bar=0.01,
        ),
        Row(
            "one-sided error of a gap's bound, as a multiple of the stated one, worst case",
            "",
            Sample(largest, len(found["bounds"]), "cases"),
            {
                "square and add": Sample(
                    max(e["square_and_add"] for e in found["bounds"]), len(found["bounds"])
                )
            },
            bar=1.0,
        ),
    )


def _worst(cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return max(cases, key=lambda case: case["rate"])


def _sample(case: dict[str, Any]) -> Sample:
    interval = clopper_pearson_interval(round(case["rate"] * case["draws"]), case["draws"])
    return Sample(case["rate"], case["draws"], "draws", interval.low, interval.high)


def _rates(found: dict[str, Any]) -> Listing:
    lines = tuple(
        (rule, case["case"], f"{case['rate']:.4f}", f"{case['draws']:,}")
        for rule in ("at_least", "at_most", "not_worse_than", "group_gap")
        for case in found[rule]
    )
    return Listing("False FAIL with the truth at the limit", ("rule", "case", "share", "draws"), lines)


def _power(found: dict[str, Any]) -> Listing:
    lines = tuple((case["case"], f"{case['rate']:.3f}", f"{case['draws']:,}") for case in found["biased"])
    title = "FAIL of a group that is truly 15 points worse, one of ten, tolerance 0.05"
    return Listing(title, ("group", "share", "draws"), lines)


def _bounds(found: dict[str, Any]) -> Listing:
    lines = tuple(
        (e["case"], f"{e['confidence']:g}", f"{e['ours']:.2f}", f"{e['square_and_add']:.2f}")
        for e in found["bounds"]
    )
    title = "One-sided error of a gap's lower bound over the stated one, worst true shares, by counting"
    return Listing(title, ("rows", "confidence", "ours", "square and add of exact bounds"), lines)

"""One check's results over several splits as one result.

Always: every number, measurement, flagged row and finding of the parts is in the whole; the outcome is the
worst of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping

from smallcraft.records import CheckResult, Outcome

_WORST_FIRST = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS)


def joined(results: Mapping[str, CheckResult]) -> CheckResult:
    """One check's results over several splits as one; numbers get the name of their split.

    Args:
        results: At least one, by split.
    """
    several = len(results) > 1
    numbers: dict[str, float | int | None] = {}
    for split, result in results.items():
        numbers |= {_named_by(split, name): value for name, value in result.numbers.items()}
    every = list(results.values())
    findings = sorted(
        (finding for result in every for finding in result.findings),
        key=lambda finding: (finding.score is None, finding.score or 0.0),
    )
    return CheckResult(
        check=every[0].check,
        outcome=min((result.outcome for result in every), key=_WORST_FIRST.index),
        summary="; ".join(f"{s}: {r.summary}" if several else r.summary for s, r in results.items()),
        numbers=numbers,
        findings=tuple(findings),
        measurements=tuple(measured for result in every for measured in result.measurements),
        flagged=tuple(rows for result in every for rows in result.flagged),
    )


def _named_by(split: str, name: str) -> str:
    return name if name.endswith(f"_{split}") else f"{name}_{split}"

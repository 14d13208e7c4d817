"""An audit on the page: everything measured is in a table, what matters most has a picture too."""

from __future__ import annotations

import pytest

from smallcraft.pipeline.report_parts.audit_parts import describe_audits
from smallcraft.records import AuditResult, Finding, Measurement


def gap(name, value, of):
    return Measurement(
        name,
        value,
        "fraction",
        40,
        "Newcombe 95%",
        None if value is None else value - 0.1,
        None if value is None else value + 0.1,
        "dev",
        of,
    )


@pytest.fixture
def part():
    findings = tuple(Finding("fairness", "dev", row, None, f"finding {row}", "") for row in range(8))
    result = AuditResult(
        "fairness",
        "south is served worse",
        (
            gap("accuracy_gap", -0.08, "region=south"),
            gap("accuracy_gap", 0.12, "region=north"),
            gap("accuracy_gap", None, "region=moon"),
            gap("ppv", 0.9, "region=south"),
            gap("oos_auroc", 0.9, "all"),
        ),
        findings,
    )
    (found,) = describe_audits((result,))
    return found


def test_gaps_stand_largest_first_whatever_their_sign_and_what_has_no_value_last(part):
    (drawn,) = part.drawn
    assert [row.name for row in drawn.rows] == ["north", "south", "moon"]
    assert drawn.svg.count("<title>") == 2


def test_other_quantities_have_a_table_and_no_picture(part):
    assert [(listed.slices.quantity, listed.svg) for listed in part.listed] == [("ppv", None)]
    assert [row.name for row in part.measured] == ["oos auroc"]


def test_the_first_findings_are_told_and_the_others_counted(part):
    assert [finding.row for finding in part.opened] == [0, 1, 2, 3, 4]
    assert part.more == 3


def test_an_audit_that_measured_nothing_still_has_its_sentence():
    (part,) = describe_audits((AuditResult("privacy", "crashed: out of paper", ()),))
    assert (part.name, part.result.summary, part.drawn, part.listed) == (
        *("privacy", "crashed: out of paper"),
        *((), ()),
    )

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.pipeline.quality_reports import empty_report, make_report, undetermined_report

from smallcraft.pipeline.report_parts.index_parts import describe_index


def with_factor(report, name, **changes):
    return replace(report, factors={**report.factors, name: replace(report.factors[name], **changes)})


def test_the_product_uses_the_bounds_that_make_the_index_a_lower_bound():
    found = describe_index(make_report())
    assert found.product == "0.941 × (1 − 0.0068) × (1 − 0.0002) = 0.934"
    assert [row.enters_as for row in found.factors] == [
        "0.941, its lower bound",
        "1 − 0.0068, its upper bound",
        "1 − 0.0002",
    ]


def test_a_product_that_is_not_the_index_is_not_told():
    report = make_report()
    assert describe_index(replace(report, index=replace(report.index, value=0.93))).product == ""
    assert describe_index(with_factor(report, "leaked_share", value=None)).product == ""
    assert describe_index(replace(report, factors={})).product == ""


def test_a_factor_without_an_interval_enters_as_itself():
    rows = describe_index(with_factor(make_report(), "label_accuracy", low=None, high=None)).factors
    assert rows[0].enters_as == "0.957"


@pytest.mark.parametrize(
    ("value", "share"),
    [(0.94, "94.0%"), (0.9349, "93.4%"), (1.0, "100.0%"), (0.99999, "99.9%"), (0.0, "0.0%")],
)
def test_the_reading_never_promises_more_than_the_index(value, share):
    report = make_report()
    assert (
        f"At least {share} of"
        in describe_index(replace(report, index=replace(report.index, value=value))).reading
    )


@pytest.mark.parametrize("report", [undetermined_report(), empty_report()])
def test_an_undetermined_index_says_so_and_names_the_command(report):
    found = describe_index(report)
    assert (found.figure.text, found.figure.is_measured) == ("undetermined", False)
    assert found.reading.startswith("The index is undetermined")
    assert found.reading.endswith(".")
    assert "smallcraft check --audit 120" in found.remedy


def test_a_command_that_is_told_already_is_not_told_twice():
    report = undetermined_report()
    detail = "run `smallcraft check --audit 60`"
    found = describe_index(replace(report, index=replace(report.index, detail=detail)))
    assert found.remedy == ""
    assert found.reading == f"The index is undetermined: {detail}."


def test_where_labels_were_audited_the_audit_is_not_the_remedy():
    report = with_factor(make_report(), "leaked_share", value=None)
    assert describe_index(replace(report, index=replace(report.index, value=None))).remedy == ""

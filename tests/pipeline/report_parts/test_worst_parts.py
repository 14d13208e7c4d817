from __future__ import annotations

from collections import Counter
from dataclasses import replace

from tests.pipeline.quality_reports import make_report

from smallcraft.pipeline.report_parts.worst_parts import MOST_WORST, describe_worst


def test_no_check_fills_the_table_and_no_row_stands_twice():
    found = describe_worst(make_report())
    counts = Counter(entry.row.check for entry in found)
    assert len(counts) >= 2
    assert max(counts.values()) <= 3
    places = [(entry.row.split, entry.row.row) for entry in found]
    assert len(set(places)) == len(places) <= MOST_WORST


def test_no_row_of_the_sealed_set_is_among_them():
    report = make_report()
    sealed = replace(report, rows=tuple(replace(row, split="cert") for row in report.rows))
    assert any(row.split == "cert" for row in report.rows)
    assert all(entry.row.split != "cert" for entry in describe_worst(report))
    assert describe_worst(sealed) == ()


def test_the_content_of_a_row_with_personal_data_is_withheld_whoever_flags_it():
    report = make_report()
    private = {
        (f.split, f.row) for check in report.checks if check.check == "personal_data" for f in check.findings
    }
    named = tuple(row for row in report.rows if (row.split, row.row) in private)
    found = describe_worst(replace(report, rows=named))
    assert found
    assert all(entry.content is None for entry in found)
    assert any(entry.content is not None for entry in describe_worst(report))


def test_data_that_were_not_looked_at_have_no_worst_row():
    assert describe_worst(None) == ()

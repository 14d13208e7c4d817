from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.quality_reports import label_issues, leakage, make_report, row_counts

from smallcraft.pipeline.report_parts.check_parts import by_outcome, count_flagged, describe_checks
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome


@given(st.lists(st.sampled_from(list(Outcome)), max_size=8))
def test_checks_stand_by_outcome_and_else_as_they_were_made(outcomes):
    checks = [CheckResult(f"{place}", outcome, "", {}) for place, outcome in enumerate(outcomes)]
    order = [Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS]
    expected = [check for outcome in order for check in checks if check.outcome is outcome]
    assert by_outcome(checks) == expected


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 9))), max_size=5))
def test_a_flagged_row_counts_once_whatever_the_reasons(found):
    flagged = tuple(FlaggedRows(split, "", np.array(rows, dtype=np.int64)) for split, rows in found)
    check = CheckResult("a", Outcome.FAIL, "", {}, flagged=flagged)
    assert count_flagged(check) == len({(split, row) for split, rows in found for row in rows})


def test_a_check_that_flags_nothing_counts_the_rows_that_it_tells_of():
    findings = tuple(Finding("a", "dev", row, None, "", "") for row in (1, 1, 2, None))
    assert count_flagged(CheckResult("a", Outcome.FAIL, "", {}, findings)) == 2


def test_everything_that_a_check_said_is_in_one_of_its_parts():
    parts = {part.result.check: part for part in describe_checks(make_report().checks)}
    assert len(parts) == len(make_report().checks)
    for part in parts.values():
        assert part.opened + part.folded == part.result.findings
        told = [row.measurement for row in part.measured]
        told += [row.measurement for sliced in part.slices for row in sliced.rows]
        assert {id(m) for m in told} == {id(m) for m in part.result.measurements}
        binned = sum(2 * len(drawn.histogram.bars) + 1 for drawn in part.histograms)
        assert len(part.numbers) + binned == len(part.result.numbers)


def test_each_check_has_a_place_of_its_own_in_the_page():
    parts = describe_checks((row_counts(), row_counts(), leakage()))
    assert [part.anchor for part in parts] == ["check-0", "check-1", "check-2"]


def test_a_caption_says_what_stands_out_and_how_much_is_shown():
    (part,) = describe_checks((label_issues(),))
    assert part.histograms[0].caption == "margin on train: how many rows lie where. Bars below 0 stand out."
    assert part.slices[0].caption == "flagged share by class on train, worst first, with intervals."

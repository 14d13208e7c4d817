from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.pipeline.quality_reports import (
    empty_report,
    hostile_report,
    make_report,
    undetermined_report,
)

from smallcraft.records import CheckResult, Measurement, Outcome


def told(report):
    """The JSON as a script reads it; `allow_nan` would let through what no other reader takes."""
    return json.loads(json.dumps(report.as_json(), allow_nan=False))


def keys(value):
    return set(value)


@pytest.mark.parametrize(
    "report", [make_report(), undetermined_report(), empty_report(), hostile_report("a\x00<b>")]
)
def test_every_report_has_the_same_form(report):
    found = told(report)
    assert list(found) == ["source", "splits", "index", "model", "checks", "notes"]
    measurement = {"name", "value", "low", "high", "unit", "n", "method", "split", "slice", "detail"}
    assert keys(found["index"]) == measurement | {"factors"}
    assert all(keys(factor) == measurement for factor in found["index"]["factors"].values())
    assert all(keys(split) == {"rows", "classes", "digest"} for split in found["splits"].values())
    for check in found["checks"]:
        assert keys(check) == {
            *("check", "outcome", "summary", "numbers"),
            *("measurements", "findings", "flagged"),
        }
        assert all(keys(m) == measurement for m in check["measurements"])
        assert all(keys(flagged) == {"split", "kind", "count"} for flagged in check["flagged"])
        assert all(
            keys(finding) == {"split", "row", "column", "kind", "what", "remedy", "score", "suggested"}
            for finding in check["findings"]
        )


def test_flagged_rows_stand_as_counts_by_split_and_kind():
    checks = {check["check"]: check for check in told(make_report())["checks"]}
    assert checks["label_issues"]["flagged"] == [
        {"split": "train", "kind": "wrong", "count": 12},
        {"split": "train", "kind": "ambiguous", "count": 28},
    ]
    assert checks["row_counts"]["flagged"] == []
    assert len(checks["label_issues"]["findings"]) == 25


def test_the_index_stands_with_its_factors_and_what_was_not_measured_is_null():
    measured, undetermined = told(make_report())["index"], told(undetermined_report())["index"]
    assert list(measured["factors"]) == ["label_accuracy", "leaked_share", "failing_share"]
    assert measured["factors"]["label_accuracy"]["low"] == 0.941
    assert undetermined["value"] is None
    assert undetermined["detail"] == "no label was audited"
    assert undetermined["factors"]["label_accuracy"]["value"] is None
    assert undetermined["factors"]["failing_share"]["value"] == 0.0


def test_no_content_of_a_row_is_told():
    report = make_report()
    secret = tuple(replace(row, content="the secret content") for row in report.rows)
    assert "secret" not in json.dumps(told(replace(report, rows=secret)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.int64(2**40), 2**40),
        (np.int32(3), 3),
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (3.0, 3.0),
        (True, 1),
        (None, None),
        (float("nan"), None),
        (float("-inf"), None),
        (np.float64("nan"), None),
    ],
)
def test_a_number_of_any_width_is_told_and_one_that_is_not_finite_is_null(value, shown):
    check = CheckResult("a", Outcome.PASS, "", {"number": value})
    measurement = Measurement("m", value, "share", 3, "", low=value, high=value)
    found = told(replace(make_report(), checks=(replace(check, measurements=(measurement,)),)))["checks"][0]
    assert found["numbers"] == {"number": shown}
    assert type(found["numbers"]["number"]) is type(shown)
    assert [found["measurements"][0][side] for side in ("value", "low", "high")] == [shown] * 3


def test_equal_reports_give_equal_json():
    first, second = (json.dumps(make_report().as_json()) for _ in range(2))
    assert first == second

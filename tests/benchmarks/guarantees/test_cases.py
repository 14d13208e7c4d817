"""A verdict follows from where the interval lies, and what is kept comes back as it was."""

from __future__ import annotations

import json

import pytest
from benchmarks.guarantees.cases import Case, counted, from_json, to_json
from benchmarks.records import Sample


@pytest.mark.parametrize(
    ("errors", "verdict"), [(0, "kept"), (30, "kept"), (50, "within chance"), (70, "exceeded")]
)
def test_the_verdict_is_where_the_exact_interval_of_the_errors_lies(errors, verdict):
    assert counted("coins", errors, 1000, stated=0.05).verdict == verdict


def test_a_number_without_an_interval_is_judged_by_itself():
    assert Case("faults", Sample(0.0, 20, "faults"), 0.0, "faults").verdict == "kept"
    assert Case("faults", Sample(1.0, 20, "faults"), 0.0, "faults").verdict == "exceeded"


def test_a_case_comes_back_as_it_was_kept():
    case = counted("coins", 3, 100, stated=0.05, of="tosses", is_as_assumed=False)
    assert from_json(json.loads(json.dumps(to_json(case)))) == case

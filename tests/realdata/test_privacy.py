"""The canary audit of a recipe on banking77: within its time, and it tells what the recipe remembers.

Of a cascade: `python -m benchmarks privacy`.
"""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.builds import PYTHON, write_rows
from benchmarks.datasets import read_banking77
from benchmarks.process import run_child

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


def audit(tmp_path, rung: str) -> dict[str, Any]:
    rows = write_rows(read_banking77().train, tmp_path / "train.json")
    job = {"rows": str(rows), "cache": str(tmp_path), "rungs": [rung]}
    return run_child(PYTHON, "privacy", job)["audits"][rung]


def values(found: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {entry["slice"]: entry for entry in found["measurements"] if entry["name"] == name}


def test_a_recipe_is_audited_in_two_cpu_minutes_and_the_evidence_is_told(tmp_path):
    found = audit(tmp_path, "ngram")
    assert found["cpu_s"] < 120
    epsilon, area = values(found, "epsilon_lower_bound"), values(found, "attack_auc")
    # Measured on all rows: 1.7 and 2.2 for natural canaries, 4.3 of 4.3 for the worst.
    assert epsilon["canaries=natural"]["value"] > 1.0
    assert epsilon["canaries=worst"]["value"] > 3.0
    for where in ("canaries=natural", "canaries=worst"):
        assert epsilon[where]["n"] == 500
        assert epsilon[where]["value"] <= epsilon[where]["high"]
        assert area[where]["low"] > 0.5
    assert "evidence: epsilon is at least" in found["summary"]

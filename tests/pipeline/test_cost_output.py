"""What is claimed of two bundles never goes beyond what was shown, and the JSON keeps to its schema."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

import jsonschema
import pytest
from tests.conftest import ROOT

from smallcraft.evaluate.costs.compare import LatencyComparison
from smallcraft.evaluate.costs.money import PriceSheet
from smallcraft.pipeline.cost_output import Costed, CostSubject, claim_words
from smallcraft.records import Interval, Measurement, Outcome, Verdict
from smallcraft.stats.ratios import RatioEstimate

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "cost.json").read_text(encoding="utf-8"))
COSTS = (
    Measurement("noise_floor_ms", 0.001, "ms", 2000, "p99 of no operation"),
    Measurement("p99_ms", None, "ms", 60, "order statistics", detail="needs 662 timed requests"),
)


def compared(low: float, high: float, *, aa: tuple[float, float] = (0.98, 1.03)) -> LatencyComparison:
    """A ratio with its bounds, and those of the first over itself."""
    ratio, own = (low * high) ** 0.5, (aa[0] * aa[1]) ** 0.5
    cpu = RatioEstimate(ratio, Interval(low, high), 6, 0.99)
    itself = RatioEstimate(own, Interval(*aa), 6, 0.99)
    return LatencyComparison(
        *(ratio, cpu.interval, own, itself.interval, not itself.excludes_one),
        *(cpu, itself, 6, 0.99, "fresh processes"),
    )


def subject(name: str) -> CostSubject:
    return CostSubject(name, SimpleNamespace(digest=f"sha256:{name}", path=f"/bundles/{name}"))


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ((0.7, 0.8), "a@2 is faster than a@1: 0.748 [0.700, 0.800]; A/A steady: 1.005 [0.980, 1.030]"),
        ((1.2, 1.4), "a@2 is slower than a@1: 1.296 [1.200, 1.400]; A/A steady: 1.005 [0.980, 1.030]"),
        ((0.96, 1.02), "a@2 and a@1 are not shown to differ: 0.990 [0.960, 1.020]; A/A steady: "),
    ],
)
def test_a_claim_is_what_the_interval_shows(bounds, words):
    assert claim_words(compared(*bounds), "a@2", "a@1").startswith(words)


def test_nothing_is_claimed_where_a_bundle_seemed_to_differ_from_itself():
    found = claim_words(compared(0.2, 0.3, aa=(1.05, 1.2)), "a@2", "a@1")
    assert found.startswith("nothing is claimed: A/A unsteady, a@2 over itself is 1.122 [1.050, 1.200]")
    assert "faster" not in found


def test_scenarios_keep_to_the_schema_and_what_was_not_measured_is_null():
    sheet = PriceSheet("ours", date(2026, 11, 1), 0.045, "EUR")
    told = Costed(subject("a@2"), "rows.csv", 9, 5.0, sheet, COSTS).as_json()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    jsonschema.validate(told, SCHEMA)
    assert told["measurements"][1]["value"] is None
    assert told["price_sheet"]["as_of"] == "2026-11-01"
    assert (told["objective_ms"], told["comparison"], told["outcome"]) == (5.0, None, None)


def test_a_comparison_keeps_to_the_schema_and_has_the_gates_outcome():
    comparison = compared(0.96, 1.02)
    verdict = Verdict("latency_ratio", Outcome.UNDECIDED, "too wide", measurement="latency_ratio")
    found = Costed(
        *(subject("a@2"), "rows.csv", 9, 5.0, None, comparison.measurements()),
        against=subject("a@1"),
        comparison=comparison,
        verdicts=(verdict,),
    )
    told = found.as_json()
    jsonschema.validate(told, SCHEMA)
    assert (told["against"]["name"], told["comparison"]["claim"]) == ("a@1", "undecided")
    assert told["comparison"]["sentence"] == found.sentence
    assert (told["outcome"], told["objective_ms"]) == ("UNDECIDED", None)


def test_the_schema_refuses_a_number_without_its_unit():
    told = dict(Costed(subject("a@2"), "rows.csv", 9, 5.0, None, COSTS).as_json())
    told["measurements"] = [{k: v for k, v in cost.items() if k != "unit"} for cost in told["measurements"]]
    with pytest.raises(jsonschema.ValidationError, match="'unit' is a required property"):
        jsonschema.validate(told, SCHEMA)

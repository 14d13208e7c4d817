from __future__ import annotations

from tests.registry.papers.samples import decision_record, facts_of, measurement

from smallcraft.registry.papers.bom_card import model_card


def metrics(facts):
    analysis = model_card(facts, data_ref="data")["quantitativeAnalysis"]
    return {(m["type"], m.get("slice")): m for m in analysis["performanceMetrics"]}


def test_metrics_stand_with_slice_and_interval():
    found = metrics(facts_of())
    assert found["macro_f1", "split=cert"] == {
        "type": "macro_f1",
        "value": "0.905",
        "slice": "split=cert",
        "confidenceInterval": {"lowerBound": "0.885", "upperBound": "0.925"},
    }
    assert found["f1", "split=dev & class=ticket"]["value"] == "0.71"
    assert found["accuracy", "split=dev & region=ticket"]["value"] == "0.81"


def test_a_cost_has_no_slice_and_what_has_no_bounds_no_interval():
    assert metrics(facts_of())["size_mb", None] == {"type": "size_mb", "value": "0.43"}


def test_what_was_not_measured_is_left_out():
    assert ("energy_j_per_1000", None) not in metrics(facts_of())
    assert "quantitativeAnalysis" not in model_card({}, data_ref=None)


def test_a_number_reads_back_exactly():
    facts = {"released": {"measurements": [measurement("x", 0.1 + 0.2)]}}
    assert float(metrics(facts)["x", "split=dev"]["value"]) == 0.1 + 0.2


def test_the_data_is_referred_to_where_it_is_a_component():
    assert model_card(facts_of(), data_ref="data")["modelParameters"]["datasets"] == [{"ref": "data"}]
    assert "datasets" not in model_card({}, data_ref=None)["modelParameters"]


def test_columns_are_the_inputs():
    told = model_card({"task": {"text": "message", "features": ["age"]}}, data_ref=None)["modelParameters"]
    assert told["inputs"] == [{"format": "string"}, {"format": "number or category"}]


def test_limits_come_from_people_gates_audits_and_the_decision():
    facts = {**facts_of(), "decision_record": decision_record()}
    facts["card"]["out_of_scope"] = "decisions about people"
    told = model_card(facts, data_ref=None)["considerations"]
    assert told["useCases"] == ["routing ticket"]
    assert told["technicalLimitations"] == [
        "out of scope: decisions about people",
        "not settled: fairness ticket: about 420 more rows",
        "robustness: typos turn 3 % of ticket rows wrong",
        "the bound 0.052 exceeds half the margin, 0.005",
        "weak for region=ticket",
    ]


def test_a_group_that_is_served_worse_is_a_fairness_assessment():
    told = model_card(facts_of("south"), data_ref=None)["considerations"]
    assert told["fairnessAssessments"] == [
        {"groupAtRisk": "region=south", "harms": "accuracy of region=south is 0.102 below the rest"}
    ]
    assert told["ethicalConsiderations"][0]["name"].startswith("fairness: 1 of 2 gaps")

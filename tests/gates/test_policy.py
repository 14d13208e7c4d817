import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.scores import BUILTIN as SCORES
from smallcraft.gates.policy import (
    BUDGET_MEASUREMENTS,
    LOWER_IS_BETTER,
    budget_specs,
    default_specs,
    floor_spec,
    judge_all,
    majority_spec,
)
from smallcraft.records import CandidateStatus, Evidence, GateSpec, Measurement, Outcome

SIZE = Measurement("size_mb", 12.0, "MB", 3, "bytes on disk")
P95 = Measurement("p95_ms", 3.0, "ms", 1000, "order statistics", low=2.8, high=3.4)
QUALITY = Measurement("accuracy", 0.95, "fraction", 500, "exact", low=0.93, high=0.97, split="cert")
BASELINE = Measurement("accuracy", 0.40, "fraction", 500, "exact", low=0.36, high=0.45, split="dev")


def evidence(*measurements):
    return Evidence("ngram", CandidateStatus.MEASURED, "sha256:1", measurements)


def test_every_declared_gate_gets_a_verdict_in_its_order():
    specs = default_specs(
        metric="accuracy", floor=0.9, budget={"latency_p95_ms": 5.0, "size_mb": 10, "peak_rss_mb": 300}
    )
    verdicts = judge_all(specs, evidence(SIZE, P95, QUALITY))
    assert [(v.gate, v.outcome) for v in verdicts] == [
        ("quality_floor", Outcome.PASS),
        ("latency_p95_ms", Outcome.PASS),
        ("size_mb", Outcome.FAIL),
        ("peak_rss_mb", Outcome.UNDECIDED),
    ]
    assert [v.blocks for v in verdicts] == [False, False, True, True]


def test_quality_is_judged_on_its_split_only():
    on_dev = Measurement("accuracy", 0.99, "fraction", 500, "exact", low=0.98, high=1.0, split="dev")
    (verdict,) = judge_all(default_specs(metric="accuracy", floor=0.9), evidence(on_dev))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reason == "it was not measured"


def test_without_a_floor_the_winner_must_beat_the_majority_class():
    specs = default_specs(metric="accuracy", baseline=BASELINE)
    assert [(s.name, s.rule, s.limit, s.split) for s in specs] == [
        ("better_than_majority", "at_least", 0.45, "cert")
    ]
    assert judge_all(specs, evidence(QUALITY))[0].outcome is Outcome.PASS
    itself = Measurement("accuracy", 0.41, "fraction", 500, "exact", low=0.37, high=0.455, split="cert")
    assert judge_all(specs, evidence(itself))[0].blocks


def test_a_floor_replaces_the_baseline():
    specs = default_specs(metric="accuracy", floor=0.9, baseline=BASELINE)
    assert [s.name for s in specs] == ["quality_floor"]


def test_metrics_where_lower_is_better_get_a_ceiling():
    assert {name for name, score in SCORES.items() if not score.higher_is_better} == LOWER_IS_BETTER
    assert floor_spec("log_loss", 0.3).rule == "at_most"
    baseline = Measurement("log_loss", 1.0, "nats", 500, "t", low=0.9, high=1.1, split="dev")
    spec = majority_spec(baseline)
    assert (spec.rule, spec.limit) == ("at_most", 0.9)


def test_a_baseline_without_interval_counts_by_its_value():
    spec = majority_spec(Measurement("accuracy", 0.4, "fraction", 1, "exact"))
    assert spec.limit == 0.4


def test_budget_limits_are_ceilings_on_costs():
    specs = budget_specs(dict.fromkeys(BUDGET_MEASUREMENTS, 2))
    assert {s.name: s.measurement for s in specs} == dict(BUDGET_MEASUREMENTS)
    assert {(s.rule, s.split, s.required) for s in specs} == {("at_most", None, True)}


def test_nothing_to_judge_by_and_nothing_to_judge_are_refused():
    spec = budget_specs({"size_mb": 1})
    with pytest.raises(InvalidInputError, match="at least one gate, got none"):
        judge_all((), evidence(SIZE))
    crashed = Evidence("lora", CandidateStatus.SKIPPED, None, reason="torch is not installed")
    with pytest.raises(InvalidInputError, match=r"none of 'lora' \(torch is not installed\)"):
        judge_all(spec, crashed)
    with pytest.raises(InvalidInputError, match="a project needs a gate"):
        default_specs(metric="accuracy")


def test_declarations_that_make_no_sense_are_refused():
    with pytest.raises(InvalidInputError, match="did you mean 'size_mb'"):
        budget_specs({"size_mbb": 1})
    with pytest.raises(InvalidInputError, match="size_mb must be above 0, got 0"):
        budget_specs({"size_mb": 0})
    with pytest.raises(InvalidInputError, match="measured by 'macro_f1', got 'accuracy'"):
        default_specs(metric="macro_f1", baseline=BASELINE)
    with pytest.raises(InvalidInputError, match="has no value: not measured"):
        majority_spec(Measurement("accuracy", None, "fraction", 0, "exact"))
    twice = GateSpec("a", "at_most", "size_mb", None, 1.0)
    with pytest.raises(InvalidInputError, match="each gate needs its own name"):
        judge_all((twice, twice), evidence(SIZE))
    with pytest.raises(InvalidInputError, match="'at_mots' is not one of the rules"):
        judge_all((GateSpec("a", "at_mots", "size_mb", None, 1.0),), evidence(SIZE))

from dataclasses import replace

import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.by_task import BY_TASK
from smallcraft.gates.policy import (
    BUDGET_MEASUREMENTS,
    LOWER_IS_BETTER,
    budget_specs,
    card_spec,
    custom_specs,
    data_spec,
    default_specs,
    fairness_specs,
    floor_spec,
    judge_all,
    majority_spec,
    privacy_specs,
    robustness_specs,
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
    lower = {name for task in BY_TASK.values() for name in task.names if not task.is_better_higher(name)}
    assert lower == LOWER_IS_BETTER
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
    assert {(s.rule, s.split, s.required) for s in specs} == {("budget", None, True)}


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


# --- gates over slices, audits and parts ---------------------------------------------


def share(name, hits, trials, where, **told):
    base = {"split": "dev", "slice": where, "hits": hits, "trials": trials}
    return Measurement(name, hits / trials, "fraction", trials, "exact", **base | told)


def test_a_gate_over_slices_gives_a_verdict_a_slice():
    spec = GateSpec("by_sex", "at_least", "accuracy", "dev", 0.8, slice="sex=*")
    found = [share("accuracy", 480, 500, "sex=Female"), share("accuracy", 300, 500, "sex=Male")]
    verdicts = judge_all([spec, *budget_specs({"size_mb": 30})], evidence(*found, SIZE))
    assert [(v.gate, v.slice, v.outcome) for v in verdicts] == [
        ("by_sex", "sex=Female", Outcome.PASS),
        ("by_sex", "sex=Male", Outcome.FAIL),
        ("size_mb", "all", Outcome.PASS),
    ]


def test_every_audit_has_its_gates_and_unmeasured_ones_are_undecided():
    specs = (
        *fairness_specs(0.05, flips=True),
        *robustness_specs(0.1),
        *privacy_specs(3.0),
        card_spec(),
        data_spec(0.05, required=False),
    )
    verdicts = judge_all(specs, evidence(SIZE))
    assert {v.outcome for v in verdicts} == {Outcome.UNDECIDED}
    assert [v.gate for v in verdicts] == [
        "fairness_accuracy_gap",
        "fairness_tpr_gap",
        "fairness_fpr_gap",
        "fairness_counterfactual_flips",
        "robustness",
        "privacy_natural",
        "privacy_worst",
        "card",
        "data_quality",
    ]
    assert [v.gate for v in verdicts if v.required] == ["card"]


def test_a_group_beyond_the_tolerance_fails_and_the_others_do_not():
    gap = {"rest_hits": 2700, "rest_trials": 3000}
    found = [
        share("tpr_gap", 450, 500, "sex=Female", **gap),
        share("tpr_gap", 300, 500, "sex=Male", **gap),
    ]
    found = [replace(one, value=one.hits / one.trials - 0.9) for one in found]
    verdicts = judge_all(fairness_specs(0.05, gaps=["tpr_gap"]), evidence(*found))
    assert [v.outcome for v in verdicts] == [Outcome.PASS, Outcome.FAIL]


def parts(*rights, limit=0.9):
    gates = tuple(
        GateSpec(f"p{at}", "at_least", "accuracy", "dev", limit, slice=f"g={at}") for at in range(len(rights))
    )
    spec = GateSpec("whole", "all_of", parts=gates)
    found = [share("accuracy", right, 200, f"g={at}") for at, right in enumerate(rights)]
    (verdict,) = judge_all([spec], evidence(*found))
    return verdict


def test_any_part_may_fail_so_failing_is_corrected_for_the_parts():
    assert parts(195, 196).outcome is Outcome.PASS
    assert parts(172).outcome is Outcome.FAIL
    assert parts(172, 196).outcome is Outcome.UNDECIDED
    assert parts(100, 196).outcome is Outcome.FAIL


def test_gates_of_the_users_own_are_judged_like_the_others():
    specs = custom_specs({"small": {"rule": "budget", "measurement": "size_mb", "limit": 10}})
    assert judge_all(specs, evidence(SIZE))[0].outcome is Outcome.FAIL

"""Every section of the project file becomes gates, and everything measured is there to be judged."""

from __future__ import annotations

import pytest

from smallcraft.errors import ConfigError, InvalidInputError
from smallcraft.gates.policy import judge_all
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.stages.judge import (
    card_measurement,
    declared_gates,
    evidence_to_judge,
    judge_declared,
)
from smallcraft.records import AuditResult, CandidateStatus, Evidence, Measurement, Outcome, Verdict

DATA = '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n'
MAJORITY = Evidence(
    "majority",
    CandidateStatus.MEASURED,
    None,
    (Measurement("macro_f1", 0.1, "fraction", 100, "", low=0.05, high=0.2, split="dev"),),
)


def gates(text, majority=MAJORITY):
    return {gate.name: gate for gate in declared_gates(parse_config(DATA + text), majority)}


def test_each_section_is_a_gate_with_its_own_words():
    found = gates(
        "[budget]\nsize_mb = 30\n[gates.fairness]\ntolerance = 0.02\nmeasure = ['tpr_gap']\nrequired = true\n"
        "[gates.robustness]\nseverity = 2\n[gates.privacy]\ntolerance = 5.0\ncanaries = ['natural']\n"
        "[gates.data]\n[gates.card]\n"
    )
    assert set(found) == {
        *("better_than_majority", "size_mb", "data_quality", "fairness_tpr_gap", "robustness"),
        *("privacy_natural", "card"),
    }
    fair = found["fairness_tpr_gap"]
    assert (fair.rule, fair.limit, fair.required, fair.split) == ("group_gap", 0.02, True, "dev")
    assert found["robustness"].slice == "perturbation=*@2"
    assert (found["privacy_natural"].limit, found["privacy_natural"].slice) == (5.0, "canaries=natural")


def test_by_default_groups_are_compared_by_accuracy_and_two_classes_by_their_errors():
    assert [name for name in gates("[gates.fairness]\n") if "fair" in name] == ["fairness_accuracy_gap"]
    of_two = gates('positive = "yes"\n[gates.fairness]\n')
    assert {"fairness_tpr_gap", "fairness_fpr_gap"} <= set(of_two)


def test_the_confidence_is_that_of_the_project_but_where_a_gate_says_its_own():
    own = '[gates.mine]\nrule = "at_least"\nmeasurement = "recall"\nlimit = 0.5\nslice = "class=*"\n'
    found = gates(f"[quality]\nconfidence = 0.9\n{own}confidence = 0.99\n[gates.fairness]\n")
    assert (found["mine"].confidence, found["fairness_accuracy_gap"].confidence) == (0.99, 0.9)
    assert found["mine"].required is False


def test_a_cost_belongs_to_no_split():
    own = '[gates.quick]\nrule = "budget"\nmeasurement = "p50_ms"\nlimit = 1.0\nsplit = "none"\n'
    assert gates(own)["quick"].split is None


def test_parts_of_a_gate_are_gates():
    parts = (
        '[gates.both]\nrule = "all_of"\n[gates.both.parts.a]\nrule = "at_least"\nmeasurement = "recall"\n'
        "limit = 0.5\n[gates.both.parts.b]\nrule = 'at_most'\nmeasurement = 'ece'\nlimit = 0.1\n"
    )
    assert [part.name for part in gates(parts)["both"].parts] == ["a", "b"]


def test_a_name_that_is_taken_is_refused():
    own = '[gates.size_mb]\nrule = "budget"\nmeasurement = "size_mb"\nlimit = 5.0\nsplit = "none"\n'
    with pytest.raises(ConfigError, match=r"\[gates\.size_mb\] has the name of a gate that there is already"):
        gates(f"[budget]\nsize_mb = 30\n{own}")


def test_without_a_baseline_or_a_gate_there_is_a_refusal():
    with pytest.raises(InvalidInputError, match="a project needs a gate"):
        gates("", majority=None)


def of(name, value, split, slice_name="all"):
    return Measurement(name, value, "fraction", 50, "", split=split, slice=slice_name)


def test_what_ships_comes_before_what_was_measured_on_dev_and_nothing_is_judged_twice():
    released = Evidence("ngram", CandidateStatus.MEASURED, "sha256:1", (of("size_mb", 3.0, None),))
    candidates = [
        Evidence("majority", CandidateStatus.MEASURED, None, (of("recall", 0.0, "dev", "class=a"),)),
        Evidence(
            "ngram",
            CandidateStatus.MEASURED,
            None,
            (
                of("recall", 0.7, "dev", "class=a"),
                of("accuracy", 0.6, "dev", "sex=F"),
                of("size_mb", 9.0, None),
            ),
        ),
    ]
    audits = (AuditResult("fairness", "", (of("accuracy", 0.5, "dev", "sex=F"),)),)
    evidence = evidence_to_judge(released, candidates, chosen="ngram", audits=audits, facts={})
    assert evidence.find("size_mb").value == 3.0
    assert evidence.find("recall", split="dev", slice="class=a").value == 0.7
    assert evidence.find("accuracy", split="dev", slice="sex=F").value == 0.5
    places = [(m.name, m.split, m.slice) for m in evidence.measurements]
    assert len(set(places)) == len(places)
    assert evidence.candidate == "sha256:1"


def test_a_card_is_complete_when_a_person_said_all_that_only_a_person_can_say():
    empty = card_measurement({})
    assert empty.value > 5
    assert "intended use" in empty.detail
    spec = gates("[gates.card]\nrequired = true\n")["card"]
    evidence = Evidence("ngram", CandidateStatus.MEASURED, None, (empty,))
    (verdict,) = judge_all((spec,), evidence)
    assert verdict.outcome is Outcome.FAIL
    assert "intended use" in verdict.reason


PLAN = "[quality]\nfloor = 0.9\n[quality.plan]\nquestions = 50\n"


def test_by_a_plan_nothing_else_judges_quality_on_cert():
    assert gates(PLAN) == {}
    assert set(gates(f"{PLAN}[budget]\nsize_mb = 30\n")) == {"size_mb"}
    own = '[gates.quality_floor]\nrule = "at_least"\nmeasurement = "recall"\nlimit = 0.5\n'
    with pytest.raises(ConfigError, match="has the name of a gate that there is already"):
        gates(PLAN + own)


def test_what_cert_said_stands_behind_what_is_judged_and_may_stand_alone():
    said = (Verdict("quality_floor", Outcome.UNDECIDED, "not shown"),)
    evidence = Evidence(
        "ngram", CandidateStatus.MEASURED, None, (Measurement("size_mb", 10.0, "MB", 1, "bytes"),)
    )
    alone = judge_declared(parse_config(DATA + PLAN), MAJORITY, evidence, from_cert=said)
    assert alone == said
    budget = parse_config(f"{DATA}{PLAN}[budget]\nsize_mb = 30\n")
    size, last = judge_declared(budget, MAJORITY, evidence, from_cert=said)
    assert (size.gate, size.outcome, last) == ("size_mb", Outcome.PASS, said[0])

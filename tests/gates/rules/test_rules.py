"""The contract over all rules, and what each of them does that no other does."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.costs.latency import UNSTEADY
from smallcraft.gates.rules import BUILTIN
from smallcraft.gates.rules.epsilon_at_most import canaries_to_show
from smallcraft.records import GateSpec, Measurement, Outcome, Verdict
from smallcraft.stats.epsilon import epsilon_lower_bound

VALUES = st.floats(0, 1)
MEASURING = [name for name, rule in BUILTIN.items() if rule.takes != "parts"]
ONE_SIDED = ["at_least", "at_most", "flip_rate", "budget", "quality_index"]


def measurement(value, low=None, high=None, **told):
    base = {"name": "accuracy", "unit": "fraction", "n": 300, "method": "exact 95%", "split": "cert"}
    return Measurement(**base | {"value": value, "low": low, "high": high} | told)


def gate(rule, limit=0.5, **told):
    return GateSpec(
        **{"name": "g", "rule": rule, "measurement": "accuracy", "split": "cert", "limit": limit} | told
    )


def judge(rule, found, limit=0.5, **told):
    (verdict,) = BUILTIN[rule].judge(gate(rule, limit, **told), [found])
    return verdict


# --- every rule ----------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILTIN)
def test_a_rule_is_listed_by_its_name(name):
    assert BUILTIN[name].name == name


@pytest.mark.parametrize("name", MEASURING)
@given(limit=st.floats(0, 2), missing=st.sampled_from([[], [measurement(None)], [measurement(math.nan)]]))
def test_what_was_not_measured_never_passes(name, limit, missing):
    (verdict,) = BUILTIN[name].judge(gate(name, limit), missing)
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.needs
    assert verdict.blocks
    assert (verdict.measurement, verdict.slice) == ("accuracy", "all")


@pytest.mark.parametrize("name", MEASURING)
def test_every_declared_slice_has_its_verdict_and_keeps_whether_it_is_required(name):
    found = [measurement(0.0, slice=f"g={at}") for at in "ab"] + [measurement(None, slice="g=c")]
    spec = gate(name, slice="g=*", required=False)
    verdicts = BUILTIN[name].judge(spec, [*found, measurement(0.0)])
    assert [verdict.slice for verdict in verdicts] == ["g=a", "g=b", "g=c"]
    assert verdicts[2].outcome is Outcome.UNDECIDED
    assert not any(verdict.required for verdict in verdicts)


@pytest.mark.parametrize("name", [name for name in MEASURING if BUILTIN[name].measurement])
def test_a_rule_that_knows_its_measurement_need_not_be_told(name):
    found = measurement(0.0, name=BUILTIN[name].measurement)
    (verdict,) = BUILTIN[name].judge(gate(name, measurement=""), [measurement(1.0), found])
    assert verdict.measurement == found.name


@pytest.mark.parametrize("name", [name for name in MEASURING if BUILTIN[name].takes == "limit"])
@pytest.mark.parametrize("limit", [None, math.nan, math.inf])
def test_a_limit_that_is_no_number_is_refused(name, limit):
    with pytest.raises(InvalidInputError, match="limit"):
        judge(name, measurement(0.5), limit)


# --- sides of a limit ----------------------------------------------------------------


@pytest.mark.parametrize("name", ONE_SIDED)
@given(ends=st.lists(VALUES, min_size=3, max_size=3).map(sorted), limit=VALUES)
def test_pass_is_the_whole_interval_inside_and_fail_the_whole_outside(name, ends, limit):
    low, value, high = ends
    verdict = judge(name, measurement(value, low, high), limit)
    is_floor = name in {"at_least", "quality_index"}
    inside = low >= limit if is_floor else high <= limit
    outside = high < limit if is_floor else low > limit
    expected = Outcome.PASS if inside else Outcome.FAIL if outside else Outcome.UNDECIDED
    assert verdict.outcome is expected
    assert (verdict.needs is not None) is (expected is Outcome.UNDECIDED)


@pytest.mark.parametrize("name", ONE_SIDED)
@given(value=VALUES, limit=VALUES)
def test_a_quantity_without_sampling_error_is_compared_as_it_is(name, value, limit):
    holds = value >= limit if name in {"at_least", "quality_index"} else value <= limit
    assert judge(name, measurement(value), limit).outcome is (Outcome.PASS if holds else Outcome.FAIL)


@pytest.mark.parametrize(("name", "bounds"), [("at_least", (None, 0.99)), ("at_most", (0.01, None))])
def test_a_side_without_a_bound_is_not_known(name, bounds):
    assert judge(name, measurement(0.5, *bounds)).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.009, 0.02, Outcome.PASS),
        (-0.02, 0.02, Outcome.UNDECIDED),
        (-0.03, -0.02, Outcome.FAIL),
        (0.2, 0.3, Outcome.PASS),
    ],
)
def test_worse_than_the_incumbent_is_more_than_the_margin_below_zero(low, high, outcome):
    found = measurement((low + high) / 2, low, high, name="accuracy_over_incumbent")
    verdict = judge("not_worse_than", found, 0.01, measurement="accuracy_over_incumbent")
    assert verdict.outcome is outcome
    assert "at least -0.01" in verdict.reason


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.04, 0.04, Outcome.PASS),
        (-0.06, 0.04, Outcome.UNDECIDED),
        (-0.2, 0.2, Outcome.UNDECIDED),
        (0.06, 0.2, Outcome.FAIL),
        (-0.2, -0.06, Outcome.FAIL),
    ],
)
def test_a_gap_is_judged_on_both_sides_of_zero(low, high, outcome):
    verdict = judge("group_gap", measurement((low + high) / 2, low, high), 0.05)
    assert verdict.outcome is outcome


def test_flips_ask_for_rows_that_are_right():
    found = measurement(0.1, name="flip_rate", slice="perturbation=typos@1", hits=10, trials=100)
    verdict = judge("flip_rate", found, 0.08, measurement="", slice="perturbation=*")
    assert verdict.outcome is Outcome.UNDECIDED
    assert "more rows that it gets right under perturbation=typos@1" in verdict.needs


# --- rules with a mind of their own --------------------------------------------------


def test_the_quality_index_is_settled_by_an_audit_of_labels_not_by_rows():
    found = measurement(0.93, 0.93, 0.97, name="data_quality_index", level=0.95)
    verdict = judge("quality_index", found, 0.95, measurement="")
    assert verdict.outcome is Outcome.UNDECIDED
    assert "smallcraft check --audit" in verdict.needs
    assert judge("quality_index", found, 0.93, measurement="").outcome is Outcome.PASS


@pytest.mark.parametrize("place", ["method", "detail"])
def test_a_cost_of_an_unsteady_machine_does_not_gate(place):
    told = {place: "A/A comparison unsteady: 1.3 [1.2, 1.4]"}
    verdict = judge("budget", measurement(9.0, 8.0, 10.0, name="accuracy", **told), 5.0)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "unsteady" in verdict.reason
    assert verdict.needs == "measure again on a quiet machine"
    steady = {place: "A/A comparison 1.0 [0.98, 1.02]"}
    assert judge("budget", measurement(9.0, 8.0, 10.0, **steady), 5.0).outcome is Outcome.FAIL


def test_a_cost_that_keeps_its_limit_in_spite_of_other_work_passes():
    told = {"detail": f"{UNSTEADY} one half costs 1.65 times the other"}
    assert judge("budget", measurement(3.0, 2.0, 4.0, **told), 5.0).outcome is Outcome.PASS
    for value, low, high in ((4.5, 4.0, 6.0), (9.0, 8.0, 10.0)):
        assert judge("budget", measurement(value, low, high, **told), 5.0).outcome is Outcome.UNDECIDED
    compared = {"detail": "A/A comparison unsteady: 1.3 [1.2, 1.4]"}
    assert judge("budget", measurement(3.0, 2.0, 4.0, **compared), 5.0).outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        ("measured:rapl, 5 windows", Outcome.PASS),
        ("estimated:cpu_s", Outcome.UNDECIDED),
        ("", Outcome.UNDECIDED),
    ],
)
def test_energy_gates_only_where_a_counter_measured_it(method, outcome):
    found = measurement(1.0, 0.8, 1.2, name="energy_j_per_1000", method=method)
    verdict = judge("budget", found, 5.0, measurement="energy_j_per_1000")
    assert verdict.outcome is outcome
    assert ("counter" in (verdict.needs or "")) is (outcome is Outcome.UNDECIDED)


def test_an_incomplete_card_names_what_is_missing():
    found = measurement(2.0, name="card_missing", detail="intended use, caveats", split=None)
    verdict = judge("card_complete", found, None, measurement="", split=None)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.endswith("is not 0: intended use, caveats")
    whole = replace(found, value=0.0, detail="")
    assert judge("card_complete", whole, None, measurement="", split=None).outcome is Outcome.PASS


def audit(value, high, n=1000, **told):
    base = {"name": "epsilon_lower_bound", "unit": "epsilon", "n": n, "method": "loss", "low": value}
    return measurement(value, **base | {"high": high, "level": 0.9} | told)


def judge_audit(found, limit=3.0, **told):
    return judge("epsilon_at_most", found, limit, **{"measurement": ""} | told)


def test_an_audit_that_could_have_shown_more_and_did_not_passes_and_never_says_private():
    verdict = judge_audit(audit(0.4, 5.8))
    assert verdict.outcome is Outcome.PASS
    assert verdict.reason == (
        "no evidence of more than epsilon 3 on cert: at least 0.4 shown, 1,000 canaries, attack: loss"
    )
    assert "private" not in verdict.reason


def test_a_bound_above_the_limit_fails():
    verdict = judge_audit(audit(3.2, 5.8))
    assert verdict.outcome is Outcome.FAIL
    assert "epsilon on cert is more than 3: at least 3.2 (1,000 canaries, attack: loss)" in verdict.reason


@pytest.mark.parametrize("high", [None, 2.9, 3.0])
def test_an_audit_without_the_power_to_fail_does_not_pass(high):
    verdict = judge_audit(audit(0.0, high, n=50))
    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.needs.startswith("about ")
    assert verdict.needs.endswith(" canaries")


@pytest.mark.parametrize("limit", [0.5, 1.0, 3.0, 6.0])
def test_so_many_canaries_can_show_more_than_the_limit_and_fewer_cannot(limit):
    n = canaries_to_show(limit, 0.95)
    assert epsilon_lower_bound(n, n, n, delta=0.0) > limit
    assert epsilon_lower_bound(n - 1, n - 1, n - 1, delta=0.0) <= limit


def test_several_audits_in_one_gate_fail_only_at_a_confidence_that_allows_for_all():
    found = [audit(3.2, 5.8, slice="canaries=natural"), audit(0.2, 5.8, slice="canaries=worst")]
    rule, spec = BUILTIN["epsilon_at_most"], gate("epsilon_at_most", 3.0, measurement="", slice="canaries=*")
    first, second = rule.judge(spec, found)
    assert (first.outcome, second.outcome) == (Outcome.UNDECIDED, Outcome.PASS)
    assert first.needs == "audit again at a confidence of 0.975"
    surer = [replace(one, level=0.95) for one in found]
    assert [verdict.outcome for verdict in rule.judge(spec, surer)] == [Outcome.FAIL, Outcome.PASS]


def part(outcome, name="p", needs=None):
    return Verdict(name, outcome, f"{name} said so", needs)


def judge_parts(*parts, **told):
    (verdict,) = BUILTIN["all_of"].judge(gate("all_of", None, measurement="", **told), [], parts)
    return verdict


def test_all_parts_must_pass():
    assert judge_parts(part(Outcome.PASS, "a"), part(Outcome.PASS, "b")).outcome is Outcome.PASS
    undecided = part(Outcome.UNDECIDED, "b", "more rows")
    both = judge_parts(part(Outcome.PASS, "a"), undecided)
    assert (both.outcome, both.needs) == (Outcome.UNDECIDED, "more rows")
    assert both.reason == "1 of 2 parts are undecided: b: b said so"
    failed = judge_parts(undecided, part(Outcome.FAIL, "a"))
    assert failed.outcome is Outcome.FAIL
    assert failed.reason == "1 of 2 parts fail: a: a said so"


def test_an_empty_all_of_is_refused():
    with pytest.raises(InvalidInputError, match="gate 'g' needs parts for its rule 'all_of', got none"):
        judge_parts()

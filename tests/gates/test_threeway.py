import math

import numpy as np
import pytest

from smallcraft.errors import InvalidInputError
from smallcraft.gates.threeway import Doubt, judge_slices, valueless_verdict
from smallcraft.gates.tolerance import around_zero, at_least, at_most
from smallcraft.records import GateSpec, Measurement, Outcome
from smallcraft.stats.intervals import clopper_pearson_interval


def of_share(right, n, **told):
    interval = clopper_pearson_interval(right, n)
    base = {"name": "accuracy", "value": right / n, "unit": "fraction", "n": n, "method": "exact"}
    bounds = {"low": interval.low, "high": interval.high, "level": 0.95, "hits": right, "trials": n}
    return Measurement(**base | bounds | {"split": "cert"} | told)


def gate(limit=0.9, **told):
    return GateSpec(
        **{"name": "g", "rule": "r", "measurement": "accuracy", "split": "cert", "limit": limit} | told
    )


def judge(measurement, limit=0.9, *, is_floor=True, **told):
    spec = gate(limit, measurement=measurement.name, split=measurement.split, slice=measurement.slice, **told)
    (verdict,) = judge_slices(spec, [measurement], (at_least if is_floor else at_most)(spec))
    return verdict


@pytest.mark.parametrize("n", [40, 300, 2000])
@pytest.mark.parametrize("is_floor", [True, False])
def test_the_false_fail_and_false_pass_rates_at_the_limit_are_within_alpha(n, is_floor):
    counts = np.random.default_rng(31).binomial(n, 0.9, size=2000)
    outcomes = {int(k): judge(of_share(int(k), n), is_floor=is_floor).outcome for k in np.unique(counts)}
    seen = [outcomes[int(k)] for k in counts]
    assert seen.count(Outcome.FAIL) / 2000 <= 0.05
    assert seen.count(Outcome.PASS) / 2000 <= 0.05


def slices(*counts):
    return [of_share(right, n, slice=f"g={place}") for place, (right, n) in enumerate(counts)]


def outcomes(found, limit=0.9, tolerance=at_least, **told):
    spec = gate(limit, slice="g=*", **told)
    return [verdict.outcome for verdict in judge_slices(spec, found, tolerance(spec))]


def test_fail_is_corrected_for_the_slices_and_pass_is_not():
    barely = (170, 200)  # its upper bound lies below 0.9 at 95 %, not at 99.5 %
    assert outcomes(slices(barely)) == [Outcome.FAIL]
    many = outcomes(slices(barely, *[(195, 200)] * 9))
    assert many == [Outcome.UNDECIDED] + [Outcome.PASS] * 9
    assert outcomes(slices((195, 200))) == [Outcome.PASS]


def test_what_fails_at_the_first_step_eases_the_next_as_holm_has_it():
    barely = (172, 200)
    assert outcomes(slices(barely, (185, 200))) == [Outcome.UNDECIDED, Outcome.UNDECIDED]
    assert outcomes(slices(barely, (100, 200))) == [Outcome.FAIL, Outcome.FAIL]


def test_a_tolerance_with_two_sides_pays_for_both():
    value, reach = 0.08, 1.645 * 0.017
    low, high = value - reach, value + reach
    found = [
        Measurement(
            "gap", value, "fraction", 5000, "", split="cert", slice="g=0", low=low, high=high, level=0.9
        )
    ]
    told = {"measurement": "gap"}
    assert outcomes(found, 0.05, at_most, **told) == [Outcome.FAIL]
    assert outcomes(found, 0.05, around_zero, **told) == [Outcome.UNDECIDED]
    assert outcomes(found, 0.04, around_zero, **told) == [Outcome.FAIL]


def test_every_slice_has_a_verdict_in_its_order_and_those_without_a_value_say_why():
    empty = of_share(
        1, 2, slice="g=empty", value=None, hits=None, trials=None, detail="3 rows, at least 10 needed"
    )
    found = [*slices((195, 200)), empty, *slices((100, 200))]
    verdicts = judge_slices(gate(slice="g=*"), found, at_least(gate()))
    assert [(v.slice, v.outcome) for v in verdicts] == [
        ("g=0", Outcome.PASS),
        ("g=empty", Outcome.UNDECIDED),
        ("g=0", Outcome.FAIL),
    ]
    assert verdicts[1].reason == "accuracy on cert for g=empty has no value: 3 rows, at least 10 needed"
    assert verdicts[1].needs == "3 rows, at least 10 needed"
    assert {v.measurement for v in verdicts} == {"accuracy"}


def test_slices_without_a_value_do_not_count_in_the_correction():
    barely = slices((170, 200))
    empty = [of_share(1, 2, slice=f"g=e{at}", value=None, hits=None, trials=None) for at in range(9)]
    assert outcomes([*barely, *empty])[0] is Outcome.FAIL


def test_the_stated_confidence_is_what_is_asked():
    found = of_share(170, 200)
    assert judge(found).outcome is Outcome.FAIL
    assert judge(found, confidence=0.999).outcome is Outcome.UNDECIDED


def test_undecided_names_the_rows_that_would_settle_it():
    told = {"low": 0.88, "high": 0.95, "hits": None, "trials": None, "level": 0.9}
    verdict = judge(of_share(276, 300, **told))
    assert verdict.needs == "about 900 more labelled rows"
    assert verdict.reason == (
        "accuracy 0.92 [0.88, 0.95] (n=300) on cert is not shown to be, nor shown not to be, at least 0.9"
    )


def test_a_slice_is_named_with_what_it_was_corrected_for():
    spec = gate(slice="g=*")
    first = judge_slices(spec, slices((100, 200), (195, 200)), at_least(spec))[0]
    assert first.reason == (
        "accuracy 0.5 [0.4287, 0.5713] (n=200) on cert for g=0 is not at least 0.9 (corrected for 2 slices)"
    )
    assert first.needs is None


def test_bounds_of_unknown_level_are_taken_as_they_are_and_it_is_said():
    told = {"name": "p95_ms", "split": None, "value": 4.8, "unit": "ms", "level": None}
    found = of_share(200, 200, **told | {"hits": None, "trials": None, "low": 4.1, "high": 5.3})
    verdict = judge(found, limit=5.0, is_floor=False)
    assert verdict.needs == "about 1,100 more measured requests"
    assert "p95_ms 4.8 [4.1, 5.3] ms (n=200) is not shown" in verdict.reason
    assert verdict.reason.endswith("at most 5 (bounds as measured)")


def test_a_doubt_keeps_a_value_from_being_judged():
    spec = gate()
    (verdict,) = judge_slices(
        spec, [of_share(300, 300)], at_least(spec), doubt=lambda _: Doubt("odd", "again")
    )
    assert (verdict.outcome, verdict.needs) == (Outcome.UNDECIDED, "again")
    assert verdict.reason == "accuracy 1 on cert does not gate: odd"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_no_value_never_passes(value):
    assert judge(of_share(300, 300, value=value)).outcome is Outcome.UNDECIDED


def test_gates_that_nothing_could_answer_are_refused():
    spec = gate(measurement="")
    with pytest.raises(InvalidInputError, match="gate 'g' must name the measurement it judges, got none"):
        judge_slices(spec, [], at_least(spec))
    for confidence in (0.5, 1.0, 95):
        spec = gate(confidence=confidence)
        with pytest.raises(InvalidInputError, match=r"confidence of gate 'g' must be in \(0.5, 1\)"):
            judge_slices(spec, [], at_least(spec))


def test_what_would_bring_a_value_is_told_apart_from_why_there_is_none():
    gate = GateSpec("fair", "group_gap", "accuracy_gap", "dev", 0.05)
    empty = Measurement(
        "accuracy_gap", None, "fraction", 0, "", split="dev", detail="no group is declared; name one"
    )
    verdict = valueless_verdict(gate, empty)
    assert verdict.reason == "accuracy_gap on dev has no value: no group is declared"
    assert verdict.needs == "name one"

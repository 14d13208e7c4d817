import math
from dataclasses import fields, replace

import numpy as np
import pytest
from tests.serve.rollout.sticky_keys import roll_out_keys
from tests.serve.rollout.two_arms import (
    CLASSES,
    CONFIDENT,
    Arm,
    draw_counts,
    latency_law,
    nothing,
    seen_before,
)

from smallcraft.errors import InvalidInputError
from smallcraft.serve.rollout.counts import LATENCY_BINS, ArmCounts
from smallcraft.serve.rollout.evidence import (
    GUARDRAILS,
    PARTS,
    Baseline,
    Step,
    StepRatios,
    Weigher,
    start_weights,
    weigh,
)
from smallcraft.serve.rollout.plan import RolloutPlan, Weights

PLAN = RolloutPlan()
ROLLOUTS = 400
LIMIT = math.log(1 / PLAN.wrong_rollback)
STAGES = [*zip(PLAN.stages, PLAN.mature_requests, strict=True)]


def roll_out(seed, *, canary=None, looks=6, incident=None, rollouts=ROLLOUTS, stages=STAGES):
    """All looks of many rollouts that go through all stages whatever is seen; yields evidence."""
    rng = np.random.default_rng(seed)
    weigher = Weigher(PLAN, seen_before())
    plans, done, look_number = [("shadow", 0.0)], [], 0
    done.append(weigher.look(Step(0.0, "shadow", nothing(rollouts=rollouts)), settled=0.0))
    for share, canary_requests in stages:
        counts = nothing(rollouts=rollouts)
        plans.append(("canary", share))
        for _ in range(looks):
            stable, other = (incident or (lambda _: (None, canary)))(look_number)
            requests = canary_requests / share / looks
            counts += draw_counts(rng, requests, share, rollouts=rollouts, stable=stable, canary=other)
            look_number += 1
            ratios = weigher.look(Step(share, "canary", counts), settled=plans[-2][1])
            yield weigher.join(plans, [*done, ratios])
        done.append(ratios)


def worst_of(evidences, name="combined"):
    return np.max([getattr(evidence, name) for evidence in evidences], axis=0)


def test_looking_at_the_worst_time_rolls_a_release_back_wrongly_no_more_often_than_stated():
    evidences = list(roll_out(1))
    assert (worst_of(evidences) >= LIMIT).mean() <= PLAN.wrong_rollback
    assert (worst_of(evidences, "mismatch") >= math.log(1 / PLAN.mismatch)).mean() <= 0.005
    for name in ("errors", "latency", "drift"):
        worst = np.max([evidence.guardrails[name].against for evidence in evidences], axis=0)
        assert (worst >= LIMIT).mean() <= PLAN.wrong_rollback


def test_an_incident_that_strikes_both_arms_alike_rolls_nothing_back():
    struck = Arm(errors=0.2, latency=latency_law(0.08))

    def incident(look):
        return (struck, None) if 3 <= look < 9 else (None, None)

    assert (worst_of(roll_out(2, incident=incident)) >= LIMIT).mean() <= PLAN.wrong_rollback


@pytest.mark.parametrize(
    ("canary", "guardrail"),
    [
        (Arm(errors=0.03), "errors"),
        (Arm(latency=latency_law(tail_times=2.0)), "latency"),
        (Arm(latency=latency_law(0.025)), "latency"),
        (Arm(classes=np.array([0.15, 0.65, 0.15, 0.03, 0.02])), "drift"),
        (Arm(confidence=np.roll(CONFIDENT, -4)), "drift"),
    ],
)
def test_a_regression_is_noticed_by_its_own_guardrail(canary, guardrail):
    *_, last = roll_out(3, canary=canary, rollouts=40)
    assert (last.combined >= LIMIT).all()
    loudest = max(
        GUARDRAILS,
        key=lambda name: -math.inf if last.guardrails[name] is None else last.guardrails[name].against.mean(),
    )
    assert loudest == guardrail


def test_two_percent_more_errors_cost_about_ten_bad_requests():
    """At 50 requests a second and a share of 5 %, looked at every 40 requests of the canary."""
    stages = [(0.05, 1600)]
    evidences = roll_out(4, canary=Arm(errors=0.03), looks=40, stages=stages, rollouts=200)
    noticed = np.full(200, 1600.0)
    for number, evidence in enumerate(evidences, start=1):
        noticed = np.where((evidence.combined >= LIMIT) & (noticed == 1600), 40.0 * number, noticed)
    assert 0.02 * noticed.mean() < 11.5


def test_a_regression_that_begins_late_is_noticed_though_the_first_stages_speak_for_the_release():
    def late(look):
        return None, Arm(errors=0.03) if look >= 12 else None

    *_, last = roll_out(5, incident=late, rollouts=60)
    assert (last.combined >= LIMIT).mean() > 0.95


def test_a_release_that_is_no_worse_is_shown_to_be_and_a_worse_one_is_not():
    *_, fine = roll_out(6, rollouts=100)
    for name in ("errors", "latency", "drift"):
        assert (fine.guardrails[name].non_inferior >= math.log(PLAN.shown)).mean() > 0.8
    *_, worse = roll_out(7, canary=Arm(errors=0.02, latency=latency_law(tail_times=1.6)), rollouts=100)
    assert (worse.guardrails["errors"].non_inferior >= math.log(PLAN.shown)).mean() <= 0.05
    assert (worse.guardrails["latency"].non_inferior >= math.log(PLAN.shown)).mean() <= 0.05


def test_a_service_without_any_errors_can_be_shown_to_have_none():
    quiet = Arm(errors=0.0)
    *_, last = roll_out(8, incident=lambda _: (quiet, quiet), rollouts=10)
    assert (last.guardrails["errors"].non_inferior >= math.log(PLAN.shown)).all()


def test_without_counts_nothing_is_said_for_or_against():
    evidence = weigh([Step(0.05, "canary", nothing())], PLAN, seen_before(disagreement=0.1, escalation=0.2))
    for weighed in (*evidence.guardrails.values(), *evidence.parts.values()):
        assert weighed.against == pytest.approx(0, abs=1e-12)
        assert weighed.non_inferior == pytest.approx(0, abs=1e-12)
        assert weighed.observed.tolist() == [0, 0]
    assert evidence.combined == pytest.approx(0, abs=1e-12)
    assert evidence.mismatch == 0


def test_what_a_rollout_cannot_have_is_none_and_leaves_its_weight_to_the_others():
    seen = seen_before()
    bare = Baseline(latency=seen.latency)
    counts = draw_counts(np.random.default_rng(0), 20000, 0.05, rollouts=1, canary=Arm(errors=0.05))
    evidence = weigh([Step(0.05, "canary", counts)], PLAN, bare)
    assert [name for name in GUARDRAILS if evidence.guardrails[name] is not None] == ["errors", "latency"]
    assert {name for name, part in evidence.parts.items() if part is None} == {
        *("disagreement", "classes", "confidence", "escalation")
    }
    errors, latency = (np.exp(evidence.guardrails[name].against) for name in ("errors", "latency"))
    assert np.exp(evidence.combined) == pytest.approx((0.4 * errors + 0.35 * latency) / 0.75)


def test_the_combination_is_the_weighted_mean_of_the_guardrails():
    plan = replace(PLAN, weights=Weights(errors=0.1, latency=0.2, drift=0.3, router_health=0.4))
    seen = replace(seen_before(), escalation=0.1, stable_escalation=0.1)
    counts = draw_counts(np.random.default_rng(0), 4000, 0.25, rollouts=3)
    evidence = weigh([Step(0.25, "canary", counts)], plan, seen)
    parts = [np.exp(evidence.guardrails[name].against) for name in GUARDRAILS]
    assert np.exp(evidence.combined) == pytest.approx(np.array([0.1, 0.2, 0.3, 0.4]) @ np.stack(parts))


def test_counts_may_be_added_up_in_any_order():
    rng = np.random.default_rng(0)
    pieces = [draw_counts(rng, 900, 0.1, rollouts=2) for _ in range(5)]
    seen = seen_before()

    def of(counts):
        total = counts[0]
        for piece in counts[1:]:
            total += piece
        return weigh([Step(0.1, "canary", total)], PLAN, seen)

    assert of(pieces).combined.tolist() == of(pieces[::-1]).combined.tolist()


def test_many_rollouts_at_once_get_what_each_alone_gets():
    counts = draw_counts(np.random.default_rng(0), 2000, 0.1, rollouts=4)
    together = weigh([Step(0.1, "canary", counts)], PLAN, seen_before())
    for row in range(4):
        one = ArmCounts(*(getattr(counts, field.name)[row] for field in fields(counts)))
        alone = weigh([Step(0.1, "canary", one)], PLAN, seen_before())
        assert alone.combined == pytest.approx(together.combined[row], rel=1e-12)
        assert alone.guardrails["latency"].non_inferior == pytest.approx(
            together.guardrails["latency"].non_inferior[row], rel=1e-12
        )


def worst_of_keys(weigher, steps, *, as_keyed):
    """The largest evidence at any look, through all steps."""
    plans, done, worst, settled = [], [], -math.inf, 0.0
    blank = nothing(rollouts=len(steps[0].every.compared))
    for weight, keyed in zip(PLAN.stages, steps, strict=True):
        step = (
            Step(weight, "canary", blank, keyed=keyed.once)
            if as_keyed
            else Step(weight, "canary", keyed.every)
        )
        ratios = weigher.look(step, settled=settled)
        plans.append(("canary", weight))
        worst = max(worst, weigher.join(plans, [*done, ratios]).combined.max())
        done.append(at_last_look(ratios))
        settled = weight
    return worst


def at_last_look(ratios):
    def last(values):
        return np.broadcast_to(values[-1:], values.shape)

    return StepRatios(
        {name: last(values) for name, values in ratios.ratios.items()},
        {name: last(values) for name, values in ratios.observed.items()},
        last(ratios.mismatch),
    )


def test_senders_that_keep_their_arm_and_differ_roll_nothing_back():
    """Counted once a step, while not settled; counted at every request, most releases would go back."""
    runs = [roll_out_keys(np.random.default_rng((6, run)), PLAN.stages, 5000, 8) for run in range(100)]
    weigher = Weigher(PLAN, seen_before())
    once = np.array([worst_of_keys(weigher, steps, as_keyed=True) for steps in runs])
    assert (once >= LIMIT).mean() <= PLAN.wrong_rollback
    every = np.array([worst_of_keys(weigher, steps, as_keyed=False) for steps in runs[:30]])
    assert (every >= LIMIT).mean() > 0.5


def test_requests_with_keys_are_weighed_by_the_share_of_those_not_settled():
    """Of keys not below the earlier weight of 10 %, those below 25 % are dealt with chance 1 in 6."""
    rng = np.random.default_rng(0)
    counts = draw_counts(rng, 4000, 1 / 6, rollouts=1)
    seen, empty = seen_before(), nothing(rollouts=1)
    keyed = weigh([Step(0.1, "canary", empty), Step(0.25, "canary", empty, keyed=counts)], PLAN, seen)
    plain = weigh([Step(0.1, "canary", empty), Step(1 / 6, "canary", counts)], PLAN, seen)
    assert keyed.combined == pytest.approx(plain.combined, rel=1e-9)
    assert keyed.mismatch == pytest.approx(plain.mismatch, rel=1e-6)
    both = weigh([Step(0.1, "canary", empty), Step(0.25, "canary", counts, keyed=counts)], PLAN, seen)
    assert both.guardrails["errors"].observed.tolist() == (2 * counts.subjects).tolist()


def test_a_weight_that_was_had_before_settles_all_keys():
    counts = draw_counts(np.random.default_rng(0), 4000, 0.1, rollouts=1)
    steps = [Step(0.1, "canary", nothing(rollouts=1)), Step(0.1, "canary", nothing(rollouts=1), keyed=counts)]
    evidence = weigh(steps, PLAN, seen_before())
    assert evidence.combined == pytest.approx(0, abs=1e-12)
    assert evidence.guardrails["errors"].observed.tolist() == [[0, 0]]


def test_disagreement_is_seen_in_shadow_alone():
    def step(kind, weight):
        return Step(weight, kind, replace(nothing(), compared=np.array(100), disagreed=np.array(40)))

    seen = seen_before(disagreement=0.1)
    shadow = weigh([step("shadow", 0.0)], PLAN, seen)
    assert shadow.parts["disagreement"].against > LIMIT
    assert shadow.parts["disagreement"].observed.tolist() == [100, 100]
    assert shadow.guardrails["errors"].against == pytest.approx(0, abs=1e-12)
    assert shadow.combined >= LIMIT
    elsewhere = weigh([step("canary", 0.05)], PLAN, seen)
    assert elsewhere.parts["disagreement"].against == pytest.approx(0, abs=1e-12)
    assert weigh([step("shadow", 0.0)], replace(PLAN, disagreement=0.5), seen).combined < 0.7


def test_escalation_is_compared_with_what_both_releases_declared():
    rows, escalated = np.array([20000, 5000]), np.array([2000, 1000])
    counts = replace(nothing(), rows=rows, escalated=escalated, subjects=rows, requests=rows)

    def against(**declared):
        seen = replace(seen_before(), **declared)
        return float(weigh([Step(0.2, "canary", counts)], PLAN, seen).guardrails["router_health"].against)

    assert against(escalation=0.1, stable_escalation=0.1) > LIMIT
    assert against(escalation=0.2, stable_escalation=0.1) < 0
    assert against(escalation=0.1, stable_escalation=None) > LIMIT
    assert against(escalation=0.2, stable_escalation=None) < 0
    assert weigh([Step(0.2, "canary", counts)], PLAN, seen_before()).guardrails["router_health"] is None


def test_shadow_needs_no_baseline():
    blank = Baseline(np.zeros(LATENCY_BINS, int), np.zeros(len(CLASSES) + 1, int), np.zeros(20, int))
    evidence = weigh([Step(0.0, "shadow", nothing())], PLAN, blank)
    assert evidence.combined == pytest.approx(0, abs=1e-12)


def test_a_baseline_of_other_bins_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match=r"latency must have shape \(\d+,\), got \(3,\); use zeros"):
        weigh([Step(0.0, "shadow", nothing())], PLAN, Baseline(np.zeros(3, int)))
    with pytest.raises(InvalidInputError, match="abstentions"):
        Weigher(PLAN, replace(seen_before(), classes=np.zeros(0, int)))


def test_starts_follow_the_stages_and_add_up_to_one():
    steps = [
        ("shadow", 0.0),
        ("canary", 0.05),
        ("canary", 0.1),
        ("canary", 0.25),
        ("canary", 0.5),
        ("watch", 0.95),
    ]
    assert start_weights(steps, stages=4) == pytest.approx([0, 0.4, 0.2, 0.2, 0.2, 0])
    assert start_weights([("canary", 0.2), ("watch", 0.95)], stages=1) == [1.0, 0.0]
    assert start_weights(steps[:2], stages=2) == [0.0, 0.4]


def test_every_part_belongs_to_one_guardrail():
    assert tuple(PARTS) == GUARDRAILS
    names = [name for parts in PARTS.values() for name in parts]
    assert len(names) == len(set(names)) == 6

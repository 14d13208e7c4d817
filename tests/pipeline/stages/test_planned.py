"""A plan's looks: PASS means that the floor holds though many asked; nothing else is told."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import beta
from tests.pipeline.stages.test_confirm import Case

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import MeteredError
from smallcraft.evaluate.meter.ledger import open_ledger
from smallcraft.evaluate.meter.terms import PassPlan
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.stages.confirm import CERT_GATE, INCUMBENT_GATE
from smallcraft.pipeline.stages.incumbent import Incumbent
from smallcraft.pipeline.stages.looks import pass_plan
from smallcraft.pipeline.stages.planned import FloorQuestion, ask_floor, confidence_of_all, floor_verdict
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Measurement, Outcome

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PROJECT = '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n[quality]\n'
QUALITY = 'metric = "accuracy"\nfloor = {}\n[quality.plan]\nquestions = {}\npasses = {}'


def config(floor=0.8, questions=50, passes=1):
    return parse_config(PROJECT + QUALITY.format(floor, questions, passes))


def share(hits, n):
    return Measurement("accuracy", hits / n, "fraction", n, "exact", hits=float(hits), trials=float(n))


def asked(ledger, name, measured, settings):
    plan = pass_plan(settings)
    question = FloorQuestion(name, plan, "cert", measured.n)
    return ask_floor(ledger, question, lambda: measured, settings, now=NOW)


def needed(n, *, floor, confidence):
    """The fewest hits whose exact lower bound reaches the floor."""
    return next(h for h in range(1, n + 1) if beta.ppf(1 - confidence, h, n - h + 1) >= floor)


def test_a_pass_needs_the_exact_bound_at_the_confidence_of_all_questions(tmp_path):
    hits = needed(1000, floor=0.8, confidence=1 - 0.05 / 51)
    assert hits > needed(1000, floor=0.8, confidence=0.95)
    ledger = open_ledger(tmp_path / "l.jsonl")
    assert not asked(ledger, "a", share(hits - 1, 1000), config()).plan.passed
    assert asked(ledger, "b", share(hits, 1000), config()).plan.passed


def test_looks_before_the_plan_make_a_pass_harder_and_looks_of_the_plan_do_not(tmp_path):
    hits = needed(1000, floor=0.8, confidence=1 - 0.05 / 51)
    ledger = open_ledger(tmp_path / "l.jsonl")
    ledger.ask("x", "p", "cert", lambda: {"accuracy": 0.5}, bits=10, now=NOW)
    assert not asked(ledger, "a", share(hits, 1000), config()).plan.passed
    harder = needed(1000, floor=0.8, confidence=1 - 0.05 / 51 / 2**10)
    for number in range(3):
        assert not asked(ledger, f"b{number}", share(harder - 1, 1000), config()).plan.passed
    assert asked(ledger, "c", share(harder, 1000), config()).plan.passed


def test_under_fifty_adaptive_questions_a_false_pass_is_rarer_than_the_project_allows(tmp_path):
    seed, runs, n, floor = 20261128, 400, 300, 0.8
    print("seed", seed)
    rng = np.random.default_rng(seed)
    limit = needed(n, floor=floor, confidence=confidence_of_all(0.95, math.log2(51)))
    naive = needed(n, floor=floor, confidence=0.95)
    # 50 candidates a run, each exactly at the floor; the first PASS ends the series.
    best = rng.binomial(n, floor, (runs, 50)).max(axis=1)
    assert (best >= limit).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert (best >= naive).mean() > 0.5
    for run in range(2):
        ledger = open_ledger(tmp_path / f"{run}.jsonl")
        assert asked(ledger, "a", share(int(best[run]), n), config()).plan.passed == (best[run] >= limit)


def test_where_lower_is_better_the_upper_bound_must_stay_below(tmp_path):
    settings = parse_config(PROJECT + QUALITY.format(0.5, 4, 1).replace("accuracy", "log_loss"))
    ledger = open_ledger(tmp_path / "l.jsonl")
    loss = Measurement("log_loss", 0.4, "nats", 500, "t", low=0.33, high=0.47, level=0.95)
    assert not asked(ledger, "a", replace(loss, high=0.49), settings).plan.passed
    assert asked(ledger, "b", replace(loss, high=0.45), settings).plan.passed


@pytest.mark.parametrize("lack", [{"value": None}, {"hits": None, "trials": None}])
def test_without_a_value_or_a_bound_nothing_passes(tmp_path, lack):
    ledger = open_ledger(tmp_path / "l.jsonl")
    assert not asked(ledger, "a", replace(share(300, 300), **lack), config()).plan.passed


def test_the_question_over_the_plan_is_refused_and_the_labels_stay_closed(tmp_path):
    ledger = open_ledger(tmp_path / "l.jsonl")
    settings = config(questions=2)
    asked(ledger, "a", share(10, 300), settings)
    second = asked(ledger, "b", share(10, 300), settings)
    assert (second.plan.question, second.plan.questions) == (2, 2)
    assert "used up" in second.wear
    question = FloorQuestion("c", pass_plan(settings), "cert", 300)
    with pytest.raises(MeteredError, match="allows 2 questions, this would be the 3rd"):
        ask_floor(ledger, question, lambda: pytest.fail("opened"), settings, now=NOW)
    assert asked(ledger, "a", share(300, 300), settings).plan.question == 1


def test_the_confidence_is_part_of_what_may_not_change():
    laxer = config().model_copy(update={"quality": config().quality.model_copy(update={"confidence": 0.6})})
    assert pass_plan(laxer).metric == "accuracy at confidence 0.6"
    assert pass_plan(config()) == PassPlan("accuracy at confidence 0.95", 0.8, questions=50, passes=1)
    assert pass_plan(parse_config(PROJECT)) is None


def test_what_is_left_of_the_plan_is_told(tmp_path):
    ledger = open_ledger(tmp_path / "l.jsonl")
    told = asked(ledger, "a", share(10, 300), config(questions=50, passes=2))
    assert told.wear == "of the plan, 49 questions and 2 passes are left"
    told = asked(ledger, "b", share(300, 300), config(questions=50, passes=2))
    assert told.wear == "of the plan, 48 questions and 1 pass are left"


def test_a_pass_and_its_absence_are_verdicts_of_the_quality_gate(tmp_path):
    ledger = open_ledger(tmp_path / "l.jsonl")
    no = floor_verdict(asked(ledger, "a", share(10, 300), config()).plan)
    yes = floor_verdict(asked(ledger, "b", share(300, 300), config()).plan)
    assert (no.gate, no.outcome, no.blocks) == ("quality_floor", Outcome.UNDECIDED, True)
    assert "accuracy at least 0.8 is not shown on cert" in no.reason
    assert no.needs
    assert (yes.outcome, yes.blocks) == (Outcome.PASS, False)
    assert "(question 2 of 50)" in yes.reason


PLANNED = "floor = {}\n[quality.plan]\nquestions = {}\n"


def test_a_planned_look_tells_no_score_and_is_free_the_second_time(tiny):
    case = Case(tiny, PLANNED.format(0.3, 4))
    first = case.ask()
    assert (first.answer.measurements, first.answer.plan.passed) == ((), True)
    assert first.answer.bits == 1.0
    assert case.entries[0].answer == {"passed": True}
    again = case.ask()
    assert again.answer == replace(first.answer, is_repeated=True)
    assert again.verdicts == first.verdicts


def test_a_planned_look_skips_the_incumbent_and_says_so(tiny):
    case = Case(tiny, PLANNED.format(0.3, 4))
    incumbent = Incumbent("rows@1", open_bundle(next(Workspace(tiny).bundles.glob("majority-*"))))
    floor, skipped = case.ask(incumbent=incumbent).verdicts
    assert (floor.outcome, skipped.gate, skipped.blocks) == (Outcome.PASS, INCUMBENT_GATE, False)
    assert "not compared with rows@1" in skipped.reason


def test_after_the_plans_last_pass_nothing_is_answered_and_nothing_passes(tiny):
    case = Case(tiny, PLANNED.format(0.3, 4))
    case.ask()
    refused = case.ask("majority")
    cert, floor = refused.verdicts
    assert (cert.gate, floor.gate) == (CERT_GATE, "quality_floor")
    assert cert.blocks
    assert floor.blocks
    assert "the plan allows 1 pass, and entry 1 was the 1st" in cert.reason
    assert refused.answer.plan is None
    assert len(case.entries) == 1

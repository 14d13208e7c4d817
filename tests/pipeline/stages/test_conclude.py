"""What follows once cert has spoken: quality, price and verdicts, from what was found alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.stages import conclude
from smallcraft.pipeline.stages.conclude import with_money
from smallcraft.records import Evidence, Measurement, Outcome

pytestmark = pytest.mark.usefixtures("fixed_costs")
PRICES = {"id": "list of May", "as_of": "2026-05-01", "per_cpu_hour": 0.05, "currency": "EUR"}


def test_a_price_stands_beside_the_cost_only_where_prices_are_declared(tiny):
    config = load_config(tiny)
    result = build(config)
    told = (Measurement("told", 1.0, "", 1, "counted"),)
    bare = Evidence(result.released.rung, result.released.status, result.released.candidate)
    cost = tuple(m for m in result.released.measurements if m.name == "cpu_s_per_1000")
    evidence = replace(bare, measurements=cost)
    assert with_money(config, evidence, told).measurements == (*cost, *told)
    priced = type(config).model_validate({**config.model_dump(exclude_unset=True), "prices": PRICES})
    names = [m.name for m in with_money(priced, evidence, told).measurements]
    assert names[: len(cost) + 1] == ["cpu_s_per_1000", "told"]
    assert len(names) > len(cost) + 1


def test_a_build_is_judged_by_what_it_found_and_what_cert_said(tiny, monkeypatch):
    seen = {}
    real = conclude.judge_declared

    def spy(config, majority, evidence, *, from_cert):
        seen.update(majority=majority, evidence=evidence, from_cert=from_cert)
        return real(config, majority, evidence, from_cert=from_cert)

    monkeypatch.setattr(conclude, "judge_declared", spy)
    result = build(load_config(tiny))
    assert result.outcome is Outcome.PASS
    assert seen["majority"].rung == "majority"
    assert {m.split for m in seen["evidence"].measurements} >= {"dev", "cert"}
    assert set(seen["from_cert"]) <= set(result.verdicts)


def test_the_accuracy_that_cert_told_stands_in_the_state_of_the_data(tiny, monkeypatch):
    seen = {}
    real = conclude.assess_project

    def spy(config, prepared, judged, *, model_accuracy, listener):
        seen["accuracy"] = model_accuracy
        return real(config, prepared, judged, model_accuracy=model_accuracy, listener=listener)

    monkeypatch.setattr(conclude, "assess_project", spy)
    result = build(load_config(tiny))
    told = next(m for m in result.cert.measurements if m.name == "accuracy")
    assert seen["accuracy"] == told

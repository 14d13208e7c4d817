"""What the choice rests on: a claim for each other candidate, the front, and what each part adds."""

from __future__ import annotations

import json

import jsonschema
import pytest
from tests.conftest import ROOT
from tests.projects import person_rows, write_project, write_rows

from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.records import Outcome

pytestmark = pytest.mark.usefixtures("fixed_costs")


def test_every_other_candidate_has_a_claim_and_every_candidate_a_place(tiny):
    result = build(load_config(tiny))
    weighed = result.weighed
    assert [claim.over for claim in weighed.claims] == ["majority"]
    assert weighed.claims[0].is_shown
    assert weighed.claims[0].difference.value > 0
    assert set(weighed.front.front) | set(weighed.front.dominated) == {"majority", "ngram"}
    assert result.release.facts["claims"] == [weighed.claims[0].sentence]


def test_parts_of_the_winner_are_measured_on_dev_with_what_could_have_been_seen(tiny):
    result = build(load_config(tiny))
    parts = {part.slice.partition("=")[2]: part for part in result.weighed.ablations}
    assert "calibration" in parts
    (ngram,) = [evidence for evidence in result.candidates if evidence.rung == "ngram"]
    dev_rows = ngram.find("accuracy", split="dev").n
    assert all((part.n, part.split) == (dev_rows, "dev") for part in parts.values())
    shown = result.weighed.ablations[0]
    assert shown.low <= shown.value <= shown.high
    assert result.release.facts["ablations"] == [part.detail for part in result.weighed.ablations]


def test_the_object_for_scripts_keeps_to_its_schema(tiny):
    told = json.loads(json.dumps(build(load_config(tiny)).as_json()))
    schema = json.loads((ROOT / "docs" / "schemas" / "build.json").read_text())
    jsonschema.validate(told, schema)
    assert told["pareto"]["front"]
    assert told["claims"][0]["over"] == "majority"
    assert told["ablations"][0]["part"] == "calibration"
    assert {audit["audit"] for audit in told["audits"]} >= {"robustness", "failures"}


@pytest.mark.slow
@pytest.mark.backbone
def test_a_rung_of_two_blocks_is_taken_apart(tmp_path):
    folder = write_project(tmp_path / "p", rungs='rungs = ["majority", "fast"]')
    result = build(load_config(folder))
    parts = {part.slice for part in result.weighed.ablations if part.name == "macro_f1_without"}
    assert parts == {"ablation=n-grams", "ablation=token embeddings", "ablation=calibration"}
    assert all(part.value is not None for part in result.weighed.ablations)


@pytest.mark.slow
def test_a_winner_that_is_not_the_best_is_measured_against_it_and_a_gate_may_judge_that(tmp_path):
    gate = '[gates.near_the_best]\nrule = "not_worse_than"\nmeasurement = "macro_f1_over_best"\nlimit = 0.4\n'
    folder = write_rows(
        tmp_path / "p",
        person_rows(300),
        data='features = ["age", "job", "insured"]\nlabel = "bought"',
        more=f"[quality]\nmargin = 0.3\n{gate}",
    )
    result = build(load_config(folder))
    assert (result.decision.chosen, result.decision.best) == ("linear", "distilled")
    over_best = result.weighed.over_best
    assert (over_best.name, over_best.split) == ("macro_f1_over_best", "dev")
    assert over_best.low < over_best.value < 0
    assert result.released.find("macro_f1_over_best", split="dev") == over_best
    (verdict,) = [verdict for verdict in result.verdicts if verdict.gate == "near_the_best"]
    assert verdict.outcome is Outcome.PASS


def test_a_winner_that_is_the_best_has_no_gap_to_it(tiny):
    assert build(load_config(tiny)).weighed.over_best is None

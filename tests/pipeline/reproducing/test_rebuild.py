from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.pipeline.reproducing.test_origin import origin_of

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.reproducing.origin import MovedConfig, Origin
from smallcraft.pipeline.reproducing.rebuild import Rebuilt, costs_beside, rebuild
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.train import open_workshop

pytestmark = pytest.mark.usefixtures("fixed_costs")


def rebuilt(project: Path, workspace: Path, origin: Origin) -> Rebuilt:
    listener = SilentListener()
    config = MovedConfig.of(origin.config, workspace=workspace, data=project)
    prepared = prepare_data(config, listener)
    workshop = open_workshop(config, prepared.splits, progress=listener.progress)
    return rebuild(config, origin, prepared, workshop, listener=listener)


def with_cost(origin: Origin, rung: str, value: float) -> Origin:
    """The record with another cost of a rung."""
    evidence = origin.candidates[rung]
    measurements = tuple(
        replace(m, value=value) if m.name == "cpu_s_per_1000" else m for m in evidence.measurements
    )
    changed = replace(evidence, measurements=measurements)
    return replace(origin, candidates={**origin.candidates, rung: changed})


def test_the_choice_is_made_by_the_costs_on_record(tiny_built, tmp_path):
    origin = with_cost(origin_of(tiny_built), "ngram", 123.0)
    found = rebuilt(tiny_built, tmp_path, origin)
    ngram = next(c.evidence for c in found.candidates if c.attempt.rung == "ngram")
    cost = ngram.find("cpu_s_per_1000")
    assert cost is not None
    assert cost.value == 123.0
    beside = next(c for c in costs_beside(origin, found) if c.name == "cpu_s_per_1000")
    assert (beside.recorded, beside.now) == (123.0, pytest.approx(0.102))
    assert found.released.attempt.digest == origin.bundle


def test_the_recorded_rung_is_rebuilt_whatever_was_the_better_choice(tiny_built, tmp_path):
    origin = origin_of(tiny_built)
    facts = {**origin.facts, "decision": {**origin.facts["decision"], "chosen": "majority"}}
    found = rebuilt(tiny_built, tmp_path, replace(origin, facts=facts))
    assert found.decision.chosen == "ngram"
    assert found.winner.attempt.rung == found.released.attempt.rung == "majority"


@pytest.mark.parametrize(
    ("chosen", "why"), [("frozen", "it is not on the ladder"), ("cascade", "it is not on the ladder")]
)
def test_a_rung_that_cannot_be_built_here_stops_it_with_the_reason(tiny_built, tmp_path, chosen, why):
    origin = origin_of(tiny_built)
    facts = {**origin.facts, "decision": {**origin.facts["decision"], "chosen": chosen}}
    with pytest.raises(InvalidInputError, match=f"rows@1 is a {chosen}, which cannot be built here: {why}"):
        rebuilt(tiny_built, tmp_path, replace(origin, facts=facts))

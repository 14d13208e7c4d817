"""Candidates are bundles measured on dev; the cheapest good one wins and is trained once more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.pipeline.conftest import FIXED
from tests.projects import MESSAGES, write_messages

from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages import measure
from smallcraft.pipeline.stages.climb import choose_winner, climb_ladder, refit_winner, split_of
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.train import open_workshop


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """The project, its rows, its workshop and two candidates."""
    config = load_config(write_messages(tmp_path_factory.mktemp("climb") / "p", data=MESSAGES))
    prepared = prepare_data(config, SilentListener())
    workshop = open_workshop(config, prepared.splits, progress=lambda step, share: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
        return config, prepared, workshop, climb_ladder(config, prepared, workshop, SilentListener())


def test_a_split_carries_its_rows_and_their_digest(climbed):
    _, prepared, _, _ = climbed
    dev = split_of(prepared, "dev")
    assert (dev.name, dev.frame.height) == ("dev", dev.ref.rows)
    assert dev.ref == prepared.splits.refs["dev"]


def test_every_rung_is_a_bundle_measured_on_dev(climbed):
    _, prepared, _, measured = climbed
    assert [candidate.attempt.rung for candidate in measured] == ["majority", "ngram"]
    for candidate in measured:
        assert open_bundle(candidate.attempt.bundle).digest == candidate.evidence.candidate
        assert candidate.evidence.find("accuracy", split="dev").n == split_of(prepared, "dev").frame.height
        assert candidate.evidence.find("accuracy", split="cert") is None


def test_each_loser_has_its_reason_and_those_that_crashed_too(climbed):
    config, _, _, measured = climbed
    crashed = replace(
        measured[0], attempt=replace(measured[0].attempt, rung="fast", reason="no memory"), predictions=None
    )
    decision = choose_winner(config, [*measured, crashed])
    assert decision.chosen == "ngram"
    assert set(decision.lost) == {"majority", "fast"}
    assert decision.lost["fast"].endswith("no memory")


def test_without_a_single_candidate_every_reason_is_told(climbed):
    config, _, _, measured = climbed
    failed = [
        replace(one, attempt=replace(one.attempt, reason=f"reason of {one.attempt.rung}"), predictions=None)
        for one in measured
    ]
    with pytest.raises(InvalidInputError, match=r"reason of majority; ngram .*reason of ngram"):
        choose_winner(config, failed)


def test_the_winner_is_trained_on_dev_too_and_its_quality_there_is_not_told(climbed, monkeypatch):
    config, prepared, workshop, measured = climbed
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
    released = refit_winner(config, prepared, workshop, measured[1], SilentListener())
    assert released.attempt.rung == "ngram"
    assert released.evidence.candidate != measured[1].evidence.candidate
    assert released.predictions is None
    assert released.evidence.find("accuracy", split="dev") is None
    assert released.evidence.find("p50_ms") is not None


def test_a_project_that_wants_no_second_training_ships_the_candidate(climbed):
    config, prepared, workshop, measured = climbed
    kept = config.model_copy(update={"ladder": config.ladder.model_copy(update={"refit": False})})
    assert refit_winner(kept, prepared, workshop, measured[1], SilentListener()) is measured[1]

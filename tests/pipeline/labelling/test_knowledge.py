"""What planning knows: blind rows as they were, settled rows, skill, and what other models say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.label.rounds import vote
from tests.pipeline.labelling.projects import LABELS, judged_of, plant, prepared_of

from smallcraft.label.batch import Ask, Batch, Budget
from smallcraft.label.campaign import start_campaign
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.labelling.knowledge import committee_of, gather_knowledge, vectors_of
from smallcraft.pipeline.labelling.project import LabelProject, project_campaigns
from smallcraft.pipeline.stages.train import open_workshop

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC).isoformat()


@pytest.fixture
def project(tmp_path):
    plant(tmp_path / "p", rows=90, wrong=0.0)
    config, prepared = load_config(tmp_path / "p"), prepared_of(tmp_path / "p")
    workshop = open_workshop(config, prepared.splits, progress=SilentListener().progress)
    return LabelProject(config, prepared, judged_of(prepared, classes=LABELS), workshop)


def other(table, row):
    return LABELS[(int(table.seen.truth[row]) + 1) % 3]


def ask_about(project, table, rows, *, arm):
    """A campaign that asked when these rows had another label than now."""
    asks = tuple(
        Ask(table.items[row], row, "relabel", arm, "s", 1, 1.0, 0.0, "", other(table, row), None, None)
        for row in rows
    )
    begun = start_campaign(
        Batch(asks, 1.0), classes=LABELS, budget=Budget(9), strategy="s", created=NOW, seed=0
    )
    project_campaigns(project.config).add(begun)
    return begun


def say(project, campaign, people=("ann",), label=None):
    """Each of them says what stands in the data now."""
    table = project.table(())
    now = dict(zip(table.items, table.seen.truth.tolist(), strict=True))
    votes = [
        vote(ask.item, who, label or LABELS[now[ask.item]], campaign=campaign.id, arm=ask.arm)
        for ask in campaign.asks
        for who in people
    ]
    log = project_campaigns(project.config).log
    with log.locked():
        log.append(votes, source="sha256:00", time=NOW)


def knowledge(project, **told):
    table = project.table(())
    return table, gather_knowledge(project, table, **{"slices": None, "gaps": {}, **told})


def test_before_the_first_votes_nothing_is_known_but_the_labels(project):
    table, told = knowledge(project)
    assert np.array_equal(told.seen.truth, table.seen.truth)
    assert (told.knowledge.audited, told.knowledge.closed, told.knowledge.gold) == (None, frozenset(), [])
    assert told.knowledge.rates.skill.annotator == pytest.approx(project.config.label.skill)


def test_blind_rows_stand_with_the_labels_that_they_had_though_they_were_repaired_since(project):
    table = project.table(())
    say(project, ask_about(project, table, [0, 1, 2], arm="random"))
    say(project, ask_about(project, table, [3, 4], arm="targeted"))
    _, told = knowledge(project)
    assert [LABELS[code] for code in told.seen.truth[:3]] == [other(table, row) for row in range(3)]
    assert told.knowledge.audited[:3].tolist() == table.seen.truth[:3].tolist()
    assert told.seen.truth[3:].tolist() == table.seen.truth[3:].tolist()
    assert set(told.knowledge.audited[3:].tolist()) == {-1}


def test_rows_on_which_all_agree_are_gold_and_how_others_did_on_settled_ones_is_their_skill(project):
    table = project.table(())
    say(project, ask_about(project, table, [0, 1, 2], arm="targeted"), people=("ann", "bob"))
    say(project, ask_about(project, table, [0, 1, 2], arm="gold"), people=("cat",), label="login")
    _, told = knowledge(project)
    agreed = [row for row in range(3) if LABELS[table.seen.truth[row]] == "login"]
    assert told.knowledge.gold == agreed
    assert told.knowledge.closed == {table.items[row] for row in range(3)}
    assert told.knowledge.rates.skill.annotator == pytest.approx((len(agreed) + 18) / 23)


def test_votes_for_a_class_that_is_in_the_data_no_longer_are_not_heard(project):
    table = project.table(())
    say(project, ask_about(project, table, [0, 1], arm="random"), label="returns")
    _, told = knowledge(project)
    assert np.array_equal(told.seen.truth, table.seen.truth)
    assert told.knowledge.audited is None


def test_gaps_are_wanted_by_the_name_of_their_gate_and_empty_ones_are_not(project):
    gaps = {"class=login": np.array([4, 5]), "region=north": np.empty(0, dtype=np.int64)}
    _, told = knowledge(project, gaps=gaps)
    assert told.knowledge.wanted == {"gate class=login": [4, 5]}


@pytest.mark.backbone
def test_with_encoder_weights_each_row_has_a_vector_and_a_committee_of_two(project):
    table = project.table(())
    vectors, committee = vectors_of(project, table), committee_of(project, table)
    assert vectors.shape[0] == committee.shape[1] == len(table.items)
    assert len(committee) == 2
    right = (committee == table.seen.truth).mean(axis=1)
    assert right.min() > 0.5


def test_without_encoder_weights_there_are_neither(project):
    bare = replace(project, workshop=replace(project.workshop, backbone=None))
    table = bare.table(())
    assert vectors_of(bare, table) is None
    assert committee_of(bare, table) is None

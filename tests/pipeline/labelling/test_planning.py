"""The next campaign of a project: what is asked first, what never, and what a kill leaves behind."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.pipeline.labelling.projects import (
    deaths_of,
    filled_in,
    kept_examples,
    lines_of,
    plant,
    prepared_of,
    raise_alarm,
)
from tests.projects import change_project, copy_project, message_rows, save_rows

from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.label.campaigns import Campaigns
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.answers import take_answers
from smallcraft.pipeline.labelling.planning import LabelPlan, propose
from smallcraft.pipeline.labelling.project import asked_rows, project_campaigns

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)
POOL = message_rows(30, seed=5)["message"]
GATE = '[gates.each]\nrule = "at_least"\nmeasurement = "recall"\nslice = "class=login"\nlimit = 0.8\n'


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A project with wrong labels whose rows were judged once; not to be changed."""
    folder = tmp_path_factory.mktemp("planted") / "p"
    truth = plant(folder)
    plan_of(folder, amount=8)
    for path in (folder / ".smallcraft" / "label").glob("*.json"):
        path.unlink()
    return folder, truth


@pytest.fixture
def folder(planted, tmp_path):
    return copy_project(planted[0], tmp_path / "p")


@pytest.fixture
def pooled(tiny):
    """A released project, and rows without a label in a file."""
    save_rows(tiny / "pool.csv", {"message": POOL})
    change_project(tiny, "[ladder]", '[label]\nunlabelled = "pool.csv"\n[ladder]')
    return tiny


def plan_of(folder, **told):
    return propose(load_config(folder), LabelPlan(**told), now=NOW)


def answer(folder, truth, proposed, **told):
    (folder / "a.csv").write_bytes(filled_in(proposed.files[0], truth, **told))
    return take_answers(load_config(folder), folder / "a.csv", now=NOW)


def items_of(proposed):
    return {ask.item for ask in proposed.campaign.asks}


def test_what_is_asked_goes_out_as_it_stands_in_the_campaign(folder):
    proposed = plan_of(folder, amount=40)
    assert [path.parent.name for path in proposed.files] == ["labels", "labels"]
    lines = lines_of(proposed.files[0])
    assert Counter(line["item_id"] for line in lines) == {
        ask.item: ask.votes for ask in proposed.campaign.asks
    }
    assert {line["campaign"] for line in lines} == {proposed.campaign.id}
    assert project_campaigns(load_config(folder)).find(proposed.campaign.id) == proposed.campaign


@pytest.mark.parametrize("strategy", ["random", "relabel_value"])
def test_the_cost_keeps_to_the_budget_and_only_rows_of_train_are_asked(folder, strategy):
    within_budget(folder, strategy)


@pytest.mark.backbone
@pytest.mark.parametrize("strategy", ["coverage_first", "disagreement"])
def test_strategies_that_look_at_meaning_and_at_several_models_get_them(folder, strategy):
    within_budget(folder, strategy)


def within_budget(folder, strategy):
    train = set(prepared_of(folder).splits.frames["train"]["message"])
    proposed = plan_of(folder, amount=24, strategy=strategy)
    assert proposed.campaign.cost <= 24
    assert len(items_of(proposed)) == len(proposed.campaign.asks) > 20
    assert {ask.strategy for ask in proposed.campaign.asks} == {strategy, "random"}
    assert {line["text"] for line in lines_of(proposed.files[0])} <= train


def test_labels_that_are_wrong_are_asked_about_more_often_than_chance_would(folder, planted):
    truth = planted[1]
    proposed = plan_of(folder, amount=40)
    texts = {line["item_id"]: line["text"] for line in lines_of(proposed.files[0])}
    arms = {
        arm: [ask.given != truth[texts[ask.item]] for ask in proposed.campaign.asks if ask.arm == arm]
        for arm in ("targeted", "random")
    }
    assert np.mean(arms["targeted"]) > 3 * 0.15
    rows = len(prepared_of(folder).splits.frames["train"])
    (chance,) = {ask.chance for ask in proposed.campaign.asks if ask.arm == "random"}
    assert chance == pytest.approx(len(arms["random"]) / rows)


def test_a_row_that_was_asked_about_is_not_asked_again_until_its_campaign_is_stopped(folder):
    first = plan_of(folder, amount=40)
    second = plan_of(folder, amount=40)
    assert items_of(first).isdisjoint(items_of(second))
    project_campaigns(load_config(folder)).move(first.campaign.id, "stopped")
    assert items_of(plan_of(folder, amount=40)) & items_of(first)


def test_rows_that_two_people_settled_are_asked_of_others_as_gold(folder, planted):
    first = plan_of(folder, amount=40)
    answer(folder, planted[1], first, people=("ann", "bob"))
    gold = [ask.item for ask in plan_of(folder, amount=60).campaign.asks if ask.arm == "gold"]
    assert gold
    assert set(gold) <= items_of(first)


def test_rows_that_votes_left_open_go_to_an_adjudicator(folder, planted):
    first = plan_of(folder, amount=40)
    taken = answer(folder, planted[1], first, people=("ann", "bob", "cat"), right=0.4)
    assert len(taken.merged.queue)
    actions = {ask.item: ask.action for ask in plan_of(folder, amount=60).campaign.asks if ask.arm != "gold"}
    assert "adjudicate" in {actions[item] for item in actions.keys() & items_of(first)}


def test_rows_of_an_undecided_gate_are_asked_first_up_to_half_the_batch(pooled):
    change_project(pooled, "[label]", f"{GATE}[label]")
    proposed = plan_of(pooled, amount=20)
    assert list(proposed.gaps) == ["class=login"]
    wanted = [ask for ask in proposed.campaign.asks if ask.slice == "gate class=login"]
    targeted = [ask for ask in proposed.campaign.asks if ask.arm == "targeted"]
    aimed = [ask for ask in wanted if ask.arm == "targeted"]
    assert len(aimed) == min(proposed.gaps["class=login"], len(targeted) // 2)
    assert min(ask.priority for ask in aimed) >= max(
        ask.priority for ask in targeted if ask.slice != "gate class=login"
    )
    assert {ask.given for ask in wanted} == {None}
    assert "gate class=login" in proposed.campaign.sources


def test_new_rows_are_asked_and_kept_until_their_answers_come(pooled):
    proposed = plan_of(pooled, amount=30, strategy="entropy")
    (kept,) = asked_rows(load_config(pooled))
    assert set(kept.frame["message"]) <= set(POOL)
    assert kept.frame.height == sum(ask.given is None for ask in proposed.campaign.asks) > 0


def test_new_rows_before_the_first_release_are_refused_with_the_next_step(folder):
    save_rows(folder / "pool.csv", {"message": POOL})
    change_project(folder, "[ladder]", '[label]\nunlabelled = "pool.csv"\n[ladder]')
    with pytest.raises(InvalidInputError, match="`smallcraft build` first"):
        plan_of(folder)
    assert statuses_of(folder) == ()


def statuses_of(folder):
    return project_campaigns(load_config(folder)).all()


def test_a_budget_that_pays_for_nothing_is_refused_and_leaves_nothing(folder):
    with pytest.raises(InvalidInputError, match="pays for one row at least"):
        plan_of(folder, amount=0.5)
    assert not (folder / "labels" / "x").exists()
    assert statuses_of(folder) == ()


def test_an_unknown_format_or_strategy_is_refused_before_the_rows_are_read(folder):
    (folder / "rows.csv").unlink()
    with pytest.raises(InvalidInputError, match="'prodigy' is not one of the formats"):
        plan_of(folder, format_name="prodigy")


@pytest.fixture
def alarmed(tiny):
    """A release that answered new messages, and an alarm about them."""
    kept = [
        *kept_examples(POOL[:20], answer="login", arm="random"),
        *kept_examples(POOL[20:], answer="login", arm="drifted"),
    ]
    return tiny, raise_alarm(tiny, kept, release="rows@1", size=20)


def test_an_alarms_batch_is_asked_as_it_was_drawn_and_blind(alarmed):
    folder, alarm = alarmed
    batch = {row["item_id"]: row for row in map(json.loads, Path(alarm.review).read_bytes().splitlines())}
    proposed = plan_of(folder, alarm=alarm)
    assert len(proposed.campaign.asks) == len(batch) == 20
    texts = {line["item_id"]: line["text"] for line in lines_of(proposed.files[0])}
    drawn = {row["values"]["message"]: row for row in batch.values()}
    for ask in proposed.campaign.asks:
        row = drawn[texts[ask.item]]
        assert (ask.slice, ask.suggestion, ask.given) == (row["arm"], None, None)
        is_random = row["arm"] == "random"
        assert (ask.arm, ask.chance) == (("random", row["inclusion"]) if is_random else ("targeted", 1.0))
    assert proposed.campaign.sources == (f"alarm {alarm.id}",)
    assert proposed.campaign.model == "rows@1"


def test_of_half_an_alarms_batch_each_blind_row_had_half_the_chance(alarmed):
    folder, alarm = alarmed
    whole = plan_of(copy_project(folder, folder.parent / "whole"), alarm=alarm)
    half = plan_of(folder, alarm=alarm, amount=10)
    assert len(half.campaign.asks) == 10
    chance = {ask.item: ask.chance for ask in whole.campaign.asks}
    blind = [ask for ask in half.campaign.asks if ask.arm == "random"]
    assert [ask.chance for ask in blind] == [pytest.approx(chance[ask.item] / 2) for ask in blind]
    rest = plan_of(folder, alarm=alarm)
    assert items_of(rest) | items_of(half) == items_of(whole)
    with pytest.raises(InvalidInputError, match=r"no row of alarm .* is left to ask about"):
        plan_of(folder, alarm=alarm)


def test_an_alarm_without_a_batch_is_refused_before_the_rows_are_read(alarmed):
    folder, alarm = alarmed
    (folder / "rows.csv").unlink()
    (folder / ".smallcraft/watch/reviews").rename(folder / "gone")
    with pytest.raises(NotFoundError, match="is gone"):
        plan_of(folder, alarm=alarm)


def test_killed_anywhere_the_same_command_goes_on_and_asks_no_row_twice(pooled, tmp_path):
    with deaths_of(pooled, tmp_path) as copies:
        plan_of(pooled, amount=20)
    assert len(copies) >= 4
    for copy in copies:
        there = Campaigns(copy / ".smallcraft" / "label").all()
        for campaign in there:
            assert (copy / "labels" / f"{campaign.id}.csv").exists()
        again = plan_of(copy, amount=20)
        asked = Counter(ask.item for one in (*there, again.campaign) for ask in one.asks)
        assert max(asked.values()) == 1
        config = load_config(copy)
        new = {text for rows in asked_rows(config) for text in rows.frame["message"]}
        texts = {line["text"] for one in (*there, again.campaign) for line in sheet_of(copy, one)}
        assert new == texts & set(POOL)


def sheet_of(folder, campaign):
    return lines_of(folder / "labels" / f"{campaign.id}.csv")

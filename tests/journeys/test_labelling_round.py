"""Two rounds of labelling from doubts to an outcome, the folder opened anew before each step."""

from __future__ import annotations

import numpy as np
import pytest
from tests.label.label_tools import exported_argilla, exported_label_studio
from tests.label.rounds import CLASSES, NOW, probabilities, texts_of

from smallcraft.label.batch import Budget
from smallcraft.label.campaigns import Campaigns
from smallcraft.label.concluding import audited_rows, conclude_campaign
from smallcraft.label.formats import BUILTIN
from smallcraft.label.importing import import_answers
from smallcraft.label.merging import agreement_of, gold_records
from smallcraft.label.proposing import Knowledge, propose_campaign
from smallcraft.records import Predictions

ROWS = 900
ITEMS = [f"t{row}" for row in range(ROWS)]
GOLD = list(range(60))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, ROWS)
    given = np.where(rng.random(ROWS) < 0.15, (truth + rng.integers(1, 3, ROWS)) % 3, truth)
    given[GOLD] = truth[GOLD]
    return truth, given, probabilities(truth, rng=rng, k=3)


def answer(campaign, truth, *, right, seed):
    """Ann answers everything, bob what is wanted twice; each is right so often."""
    rng = np.random.default_rng(seed)

    def say(row):
        return CLASSES[truth[row] if rng.random() < right else (truth[row] + 1) % 3]

    return {ask.item: [(who, say(ask.row)) for who in ("ann", "bob")[: ask.votes]] for ask in campaign.asks}


def test_two_rounds_repair_labels_and_the_second_asks_nothing_twice(table, tmp_path):
    truth, given, probs = table
    folder = tmp_path / "label"
    seen = Predictions(CLASSES, given, probs)
    first = propose_campaign(
        ITEMS, seen, Knowledge(gold=GOLD), budget=Budget(200), created=NOW, seed=0, model="tickets@1"
    ).campaign
    Campaigns(folder).add(first)

    tasks = BUILTIN["label_studio"].write(first.sheet(texts_of(first)))[0].data
    export = exported_label_studio(tasks, answer(first, truth, right=0.95, seed=1))
    told = {"format_name": "label-studio", "source": "export.json", "time": NOW}
    assert import_answers(Campaigns(folder), export, **told).added == first.votes_wanted == 200
    assert import_answers(Campaigns(folder), export, **told).added == 0

    log = Campaigns(folder).log
    votes = log.votes(campaign=first.id)
    done = conclude_campaign(first, votes, items=ITEMS, given=given, model=seen, votes_head=log.head())
    Campaigns(folder).move(first.id, "measured")
    assert (done.merged.label == truth).sum() > (given == truth).sum() + 50
    assert done.outcome.arms.difference.low > 0
    assert agreement_of(votes, CLASSES).items == sum(ask.votes == 2 for ask in first.asks)
    (ann,) = gold_records(votes, {ITEMS[row]: CLASSES[truth[row]] for row in GOLD})
    assert ann.interval.low <= 0.95 <= ann.interval.high

    known = Knowledge(
        closed=Campaigns(folder).asked_items(),
        queue=done.merged.queue,
        audited=audited_rows(votes, done.merged, ITEMS),
    )
    again = Predictions(CLASSES, done.merged.label, probs)
    second = propose_campaign(ITEMS, again, known, budget=Budget(60), created=NOW, seed=1).campaign
    Campaigns(folder).add(second)
    queued = {ITEMS[row] for row in done.merged.queue.tolist()}
    asked = {ask.item for ask in first.asks if ask.arm != "gold"}
    assert {ask.item for ask in second.asks} & asked <= queued
    records = BUILTIN["argilla"].write(second.sheet(texts_of(second)))[0].data
    answers = answer(second, truth, right=0.95, seed=2)
    submitted = {item: [(who, label, "submitted") for who, label in said] for item, said in answers.items()}
    import_answers(
        Campaigns(folder),
        exported_argilla(records, submitted),
        format_name="argilla",
        source="second.json",
        time=NOW,
    )
    everything = Campaigns(folder).log.votes()
    last = conclude_campaign(
        second, everything, items=ITEMS, given=given, model=seen, votes_head=Campaigns(folder).log.head()
    )
    assert (last.merged.label == truth).sum() > (done.merged.label == truth).sum()
    states = {one.id: one.state for one in Campaigns(folder).all()}
    assert states == {first.id: "measured", second.id: "imported"}

import json
from dataclasses import replace

import pytest
from tests.label.rounds import CLASSES, NOW, small_campaign, texts_of

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.label.batch import Batch, Budget
from smallcraft.label.campaign import encode_campaign, parse_campaign, start_campaign


def test_a_campaign_reads_back_as_it_was():
    campaign = small_campaign(sources=("check", "alarm a1"), data="sha256:00")
    assert parse_campaign(encode_campaign(campaign), source="x") == campaign
    assert encode_campaign(parse_campaign(encode_campaign(campaign), source="x")) == encode_campaign(campaign)


def test_the_same_round_has_the_same_id_in_every_state():
    one, other = small_campaign(), small_campaign()
    assert one.id == other.id
    assert one.moved("imported").id == one.id
    assert small_campaign(seed=1).id != one.id


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ((), "measured"),
        (("imported",), "open"),
        (("imported", "measured"), "open"),
        (("stopped",), "imported"),
    ],
)
def test_states_only_go_forward(path, refused):
    campaign = small_campaign()
    for state in path:
        campaign = campaign.moved(state)
    with pytest.raises(InvalidInputError, match="what may follow is"):
        campaign.moved(refused)


def test_votes_may_come_in_after_others_and_after_a_measurement():
    campaign = small_campaign().moved("imported").moved("imported").moved("measured").moved("imported")
    assert campaign.moved("stopped", note="the budget is spent").note == "the budget is spent"


def test_a_changed_file_is_refused():
    document = json.loads(encode_campaign(small_campaign()))
    document["asks"][0]["arm"] = "random" if document["asks"][0]["arm"] != "random" else "gold"
    with pytest.raises(IntegrityError, match=r"its content does not make its id"):
        parse_campaign(json.dumps(document).encode(), source="c.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "budget": {}}'])
def test_something_else_is_refused(data):
    with pytest.raises(IntegrityError, match=r"c.json is no campaign"):
        parse_campaign(data, source="c.json")


def test_a_sheet_has_every_ask_with_its_text_in_order():
    campaign = small_campaign()
    texts = texts_of(campaign)
    sheet = campaign.sheet(texts)
    assert sheet.texts == tuple(texts[ask.item] for ask in sheet.asks)
    assert (sheet.campaign, sheet.classes, sheet.model) == (campaign.id, CLASSES, "m@1")
    del texts[campaign.asks[0].item]
    with pytest.raises(InvalidInputError, match=r"1 rows of campaign .* have no text"):
        campaign.sheet(texts)


def test_votes_wanted_counts_repeats():
    campaign = small_campaign()
    assert campaign.votes_wanted == len(campaign.asks) + sum(ask.votes == 2 for ask in campaign.asks)
    assert campaign.ask_of(campaign.asks[0].item) == campaign.asks[0]
    assert campaign.ask_of("nobody") is None


def test_a_round_that_asks_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="one row at least"):
        start_campaign(
            Batch((), 0.0), classes=CLASSES, budget=Budget(1), strategy="margin", created=NOW, seed=0
        )


def test_an_unknown_state_is_refused():
    odd = replace(small_campaign(), state="odd")
    with pytest.raises(IntegrityError):
        parse_campaign(encode_campaign(odd), source="c.json")

"""A vote from a form is a vote of the log: at once, once, of whoever gave it, blind if nothing was shown."""

from __future__ import annotations

import pytest
from tests.dashboard.watched import LABELS, campaign_of, csrf_of, signed_in, visitor, votes_of

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.voting import give_vote, settle
from smallcraft.errors import DataError, InvalidInputError
from smallcraft.label.campaigns import Campaigns


def voted(folder, item, label, who="ann", **more):
    asked = Asked({"campaign": campaign_of(folder).id}, {"item": item, "label": label, "who": who, **more})
    return give_vote(Sources(folder), asked)


def log_of(folder):
    return Campaigns(folder / ".smallcraft/label").log


def test_a_vote_is_in_the_log_before_the_next_row_is_named(watched):
    first, second = (ask.item for ask in campaign_of(watched).asks[:2])
    assert voted(watched, first, LABELS[1]) == f"/label/{campaign_of(watched).id}?who=ann&item={second}"
    (vote,) = log_of(watched).votes()
    assert (vote.item, vote.label, vote.annotator, vote.tool) == (first, LABELS[1], "ann", "dashboard")
    assert (vote.arm, vote.chance) == (campaign_of(watched).asks[0].arm, campaign_of(watched).asks[0].chance)
    assert campaign_of(watched).state == "imported"


def test_the_same_vote_twice_counts_once_and_from_two_people_both(watched):
    item = campaign_of(watched).asks[0].item
    for who in ("ann", "ann", "bob"):
        voted(watched, item, "parcel", who)
    assert votes_of(watched) == {(item, "ann"): "parcel", (item, "bob"): "parcel"}
    assert len(log_of(watched).imports()) == 2


def test_another_answer_counts_instead_and_the_first_stays_in_the_log(watched):
    item = campaign_of(watched).asks[0].item
    voted(watched, item, "parcel")
    voted(watched, item, "billing")
    assert votes_of(watched) == {(item, "ann"): "billing"}
    assert [one.votes[0].label for one in log_of(watched).imports()] == ["parcel", "billing"]


def test_a_vote_is_blind_unless_the_suggestion_was_shown(watched):
    shown = next(ask for ask in campaign_of(watched).asks if ask.suggestion is not None)
    voted(watched, shown.item, "parcel", "ann")
    voted(watched, shown.item, "parcel", "bob", suggest="1")
    assert [vote.suggestion for vote in log_of(watched).votes()] == [None, shown.suggestion]


@pytest.mark.parametrize(
    ("told", "kept"), [("4.26", 4.3), ("", None), ("soon", None), ("-1", None), ("nan", None)]
)
def test_a_time_that_is_none_is_not_measured(watched, told, kept):
    voted(watched, campaign_of(watched).asks[0].item, "parcel", seconds=told)
    assert log_of(watched).votes()[0].lead_time_s == kept


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"who": " "}, InvalidInputError, "write who answers"),
        ({"who": "x" * 81}, InvalidInputError, "1 to 80 characters"),
        ({"who": "a\x00b"}, InvalidInputError, "write who answers"),
        ({"label": ""}, InvalidInputError, "choose one, or skip"),
        ({"label": "weather"}, DataError, "none of the 3 labels"),
        ({"item": "nothing"}, DataError, "did not ask about"),
    ],
)
def test_what_cannot_be_a_vote_is_refused_in_words_and_nothing_is_written(watched, change, error, says):
    fine = {"item": campaign_of(watched).asks[0].item, "label": "parcel", "who": "ann"}
    with pytest.raises(error, match=says):
        give_vote(Sources(watched), Asked({"campaign": campaign_of(watched).id}, {**fine, **change}))
    assert votes_of(watched) == {}


def test_a_campaign_that_was_stopped_takes_no_vote(watched):
    Campaigns(watched / ".smallcraft/label").move(campaign_of(watched).id, "stopped", note="enough")
    with pytest.raises(DataError, match="was stopped"):
        voted(watched, campaign_of(watched).asks[0].item, "parcel")


def test_after_the_last_row_nobody_is_sent_on(watched):
    asks = campaign_of(watched).asks
    for ask in asks[:-1]:
        voted(watched, ask.item, "parcel")
    assert voted(watched, asks[-1].item, "parcel") == f"/label/{campaign_of(watched).id}?who=ann"


def test_without_the_token_nothing_is_written(watched):
    campaign = campaign_of(watched)
    form = {"item": campaign.asks[0].item, "label": "parcel", "who": "ann", "csrf": "guessed"}
    for token in (None, "let me in"):
        answer = visitor(watched, token=token).post(f"/label/{campaign.id}/vote", data=form)
        assert answer.status_code == 403
    assert signed_in(watched).post(f"/label/{campaign.id}/vote", data=form).status_code == 403
    assert votes_of(watched) == {}


def test_the_form_without_scripts_leads_to_the_next_row(watched):
    campaign, browser = campaign_of(watched), signed_in(watched)
    page = browser.get(f"/label/{campaign.id}", params={"who": "ann"})
    form = {"item": campaign.asks[0].item, "label": LABELS[1], "who": "ann", "csrf": csrf_of(page.text)}
    answer = browser.post(f"/label/{campaign.id}/vote", data=form)
    assert answer.status_code == 200
    assert f'value="{campaign.asks[1].item}"' in answer.text
    assert votes_of(watched) == {(campaign.asks[0].item, "ann"): LABELS[1]}


@pytest.mark.slow
def test_votes_become_the_next_data_and_the_page_says_which(watched):
    campaign = campaign_of(watched)
    for who in ("ann", "bob"):
        for ask in campaign.asks:
            voted(watched, ask.item, LABELS[1], who, second="1")
    told = settle(Sources(watched), Asked({"campaign": campaign.id}))
    page = signed_in(watched).get(told).text
    assert "labels/version-2/rows*.csv" in page
    assert (watched / "labels/version-2/rows.csv").is_file()

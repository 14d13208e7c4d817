"""The labelling page: the row as a sheet would show it, and nothing that leans on whoever answers."""

from __future__ import annotations

import html

import pytest
from tests.dashboard.watched import UGLY, campaign_of, signed_in, visitor
from tests.label.rounds import vote
from tests.pipeline.labelling.projects import lines_of

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import labelling
from smallcraft.errors import InvalidInputError, NotFoundError
from smallcraft.label.campaigns import Campaigns


def shown(folder, **query):
    return labelling.read(Sources(folder), Asked({"campaign": campaign_of(folder).id}, query))


def add_votes(folder, *votes):
    """Item, person and label each, in imports of their own."""
    log, campaign = Campaigns(folder / ".smallcraft/label").log, campaign_of(folder).id
    with log.locked():
        for item, who, label in votes:
            log.append(
                [vote(item, who, label, campaign=campaign)], source="test", time="2026-01-01T00:00:00Z"
            )


def test_each_row_reads_as_in_the_sheet_that_was_handed_out(watched_once):
    campaign = campaign_of(watched_once)
    texts = {line["item_id"]: line["text"] for line in lines_of(watched_once / f"labels/{campaign.id}.csv")}
    sources = Sources(watched_once)
    for ask in campaign.asks:
        asked = Asked({"campaign": campaign.id}, {"who": "ann", "item": ask.item})
        assert labelling.read(sources, asked).asking.value.text == texts[ask.item]


def test_the_random_arm_shows_no_suggestion(watched_once):
    campaign, sources = campaign_of(watched_once), Sources(watched_once)
    assert {ask.arm for ask in campaign.asks} >= {"random", "targeted"}
    for ask in campaign.asks:
        for suggest in ("", "1"):
            asked = Asked({"campaign": campaign.id}, {"who": "ann", "item": ask.item, "suggest": suggest})
            found = labelling.read(sources, asked).asking.value.suggestion
            assert found == (ask.suggestion if suggest and ask.arm == "targeted" else None)


def test_pages_of_two_arms_differ_in_the_row_alone(watched_once):
    campaign, browser = campaign_of(watched_once), signed_in(watched_once)
    pages = []
    for arm in ("random", "targeted"):
        ask = next(ask for ask in campaign.asks if ask.arm == arm)
        view = shown(watched_once, who="ann", item=ask.item)
        page = browser.get(f"/label/{campaign.id}", params={"who": "ann", "item": ask.item}).text
        for own in (html.escape(view.asking.value.text), ask.item, view.asking.value.skip):
            page = page.replace(own, "")
        pages.append(page.replace(f"Row {view.asking.value.number} of", "Row of"))
    assert pages[0] == pages[1]
    assert "targeted" not in pages[0]
    assert "suggests" not in pages[0]


def test_whoever_has_not_shown_the_token_sees_how_far_it_is_and_no_row(watched):
    campaign = campaign_of(watched)
    item = campaign.asks[0].item
    add_votes(watched, (item, "ann", "parcel"))
    text = shown(watched, who="bob", item=item).asking.value.text
    for browser in (visitor(watched), visitor(watched, token=None)):
        page = browser.get(f"/label/{campaign.id}", params={"who": "bob", "item": item}).text
        assert "1 of 40 that are wanted" in page
        assert html.escape(text) not in page
        assert "<form" not in page
    assert (
        html.escape(text)
        in signed_in(watched).get(f"/label/{campaign.id}", params={"who": "bob", "item": item}).text
    )


def test_back_is_the_answer_before_and_says_what_it_was(watched):
    first, second, third = (ask.item for ask in campaign_of(watched).asks[:3])
    add_votes(watched, (first, "ann", "parcel"), (second, "bob", "parcel"), (second, "ann", "billing"))
    now = shown(watched, who="ann")
    assert (now.asking.value.item, now.asking.value.back) == (third, second)
    before = shown(watched, who="ann", item=second).asking.value
    assert (before.said, before.back) == ("billing", first)
    assert shown(watched, who="ann", item=first).asking.value.back == ""


def test_agreement_is_told_where_two_people_answered_the_same_rows(watched):
    assert shown(watched).alpha == ""
    items = [ask.item for ask in campaign_of(watched).asks[:12]]
    labels = ["parcel", "billing", UGLY] * 4
    add_votes(
        watched, *((item, who, label) for item, label in zip(items, labels, strict=True) for who in "ab")
    )
    view = shown(watched)
    assert (view.shared, view.alpha[:4]) == (12, "1.00")
    assert [(person.name, person.votes) for person in view.people] == [("a", 12), ("b", 12)]


def test_classes_that_people_mix_up_are_named(watched):
    items = [ask.item for ask in campaign_of(watched).asks[:6]]
    add_votes(watched, *((item, who, {"a": "parcel", "b": "billing"}[who]) for item in items for who in "ab"))
    page = visitor(watched).get(f"/label/{campaign_of(watched).id}").text
    assert "billing and parcel" in page


def test_a_label_that_is_a_script_is_text(watched_once):
    page = signed_in(watched_once).get(f"/label/{campaign_of(watched_once).id}", params={"who": UGLY}).text
    assert UGLY not in page
    assert page.count(html.escape(UGLY)) >= 2


def test_a_row_that_is_gone_is_told_and_the_others_go_on(watched):
    ask = campaign_of(watched).asks[0]
    text = shown(watched, who="ann", item=ask.item).asking.value.text
    rows = watched / "rows.csv"
    rows.write_text(rows.read_text("utf-8").replace(text, "something else entirely"), "utf-8")
    view = shown(watched, who="ann", item=ask.item)
    assert not view.asking.is_there
    assert "no longer" in view.asking.problem
    assert shown(watched, who="ann", item=campaign_of(watched).asks[1].item).asking.is_there


@pytest.mark.parametrize(
    ("query", "error", "says"),
    [
        ({"who": "ann", "item": "nothing"}, NotFoundError, "did not ask about row 'nothing'"),
        ({"who": "x" * 100}, InvalidInputError, "1 to 80"),
    ],
)
def test_what_was_not_asked_is_told(watched_once, query, error, says):
    with pytest.raises(error, match=says):
        shown(watched_once, **query)


def test_a_campaign_that_is_not_there_is_told(watched_once):
    page = visitor(watched_once).get("/label/c000")
    assert page.status_code == 404
    assert "there is no campaign" in page.text

"""Label: each campaign with how far it is, and what it bought."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.dashboard.watched import campaign_of, visitor
from tests.registry.memory.test_rounds import BARE

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import campaigns
from smallcraft.label.campaigns import Campaigns
from smallcraft.label.outcome import encode_outcome
from smallcraft.pipeline.workspace import open_registry


def shown(folder):
    return campaigns.read(Sources(folder), Asked()).campaigns


def test_each_campaign_stands_with_how_far_it_is(watched_once):
    ((status, bought),) = shown(watched_once)
    assert (status.campaign, status.votes, bought) == (campaign_of(watched_once), 0, "")
    page = visitor(watched_once).get("/label").text
    assert f"0 of {status.campaign.votes_wanted} votes by 0 people" in page
    assert f'href="/label/{status.campaign.id}"' in page


def test_what_a_campaign_bought_is_told_as_the_log_tells_it(watched):
    campaign = campaign_of(watched)
    outcome = {**vars(BARE), "campaign": campaign.id}
    registry = open_registry(watched)
    registry.record_trials("rows", [encode_outcome(type(BARE)(**outcome))], now=datetime.now(UTC))
    ((_, bought),) = shown(watched)
    assert f"labelled: campaign {campaign.id} " in bought
    assert "labelled: campaign" in visitor(watched).get("/label").text


def test_a_stopped_campaign_says_why(watched):
    Campaigns(watched / ".smallcraft/label").move(
        campaign_of(watched).id, "stopped", note="money <b>ran</b> out"
    )
    page = visitor(watched).get("/label").text
    assert "money &lt;b&gt;ran&lt;/b&gt; out" in page


def test_without_a_campaign_the_next_step_is_told(tmp_path):
    page = visitor(tmp_path).get("/label")
    assert page.status_code == 200
    assert "smallcraft label next" in page.text


def test_a_changed_campaign_is_told_on_the_page(watched):
    (path,) = (watched / ".smallcraft/label").glob("*.campaign.json")
    path.write_bytes(path.read_bytes().replace(b'"seed":0', b'"seed":1'))
    page = visitor(watched).get("/label")
    assert page.status_code == 500
    assert "put it back from a copy" in page.text

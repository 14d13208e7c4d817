import pytest
from tests.label.rounds import NOW, small_campaign, vote

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.label.campaigns import Campaigns


@pytest.fixture
def campaigns(tmp_path):
    return Campaigns(tmp_path / "label")


def test_several_campaigns_stand_side_by_side_and_survive_a_restart(campaigns):
    rounds = [small_campaign(seed=seed) for seed in range(3)]
    for campaign in rounds:
        campaigns.add(campaign)
    again = Campaigns(campaigns.folder)
    assert set(again.all()) == set(rounds)
    assert again.find(rounds[1].id) == rounds[1]


def test_a_folder_that_is_not_there_holds_none(campaigns):
    assert campaigns.all() == ()
    assert campaigns.asked_items() == frozenset()


def test_the_same_round_again_changes_nothing_and_never_takes_back_a_state(campaigns):
    campaign = small_campaign()
    campaigns.add(campaign)
    campaigns.add(campaign)
    campaigns.move(campaign.id, "imported")
    with pytest.raises(InvalidInputError, match="is there already and is imported"):
        campaigns.add(campaign)
    assert campaigns.find(campaign.id).state == "imported"


def test_an_unknown_id_is_told_with_those_there_are(campaigns):
    campaign = small_campaign()
    campaigns.add(campaign)
    with pytest.raises(NotFoundError, match=campaign.id):
        campaigns.find(campaign.id[:-1] + "x")
    with pytest.raises(NotFoundError, match="letters and digits"):
        campaigns.find("../../secrets")


def test_a_changed_file_is_refused(campaigns):
    campaign = small_campaign()
    campaigns.add(campaign)
    path = next(campaigns.folder.glob("*.campaign.json"))
    path.write_bytes(path.read_bytes().replace(b'"seed":0', b'"seed":1'))
    with pytest.raises(IntegrityError):
        campaigns.find(campaign.id)


def test_a_write_cut_short_leaves_the_campaign_as_it_was(campaigns, monkeypatch):
    campaign = small_campaign()
    campaigns.add(campaign)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        campaigns.move(campaign.id, "imported")
    monkeypatch.undo()
    assert campaigns.all() == (campaign,)
    assert [path.suffix for path in campaigns.folder.iterdir()] == [".json"]


def test_rows_of_an_open_campaign_and_rows_answered_are_not_asked_again(campaigns):
    campaign = small_campaign()
    campaigns.add(campaign)
    asked = {ask.item for ask in campaign.asks if ask.arm != "gold"}
    assert campaigns.asked_items() == asked
    answered = next(iter(sorted(asked)))
    with campaigns.log.locked():
        campaigns.log.append([vote(answered, "ann", "card", campaign=campaign.id)], source="s", time=NOW)
    campaigns.move(campaign.id, "stopped")
    assert campaigns.asked_items() == {answered}


def test_status_counts_votes_people_and_rows(campaigns):
    campaign = small_campaign()
    campaigns.add(campaign)
    items = [ask.item for ask in campaign.asks[:3]]
    votes = [vote(item, who, "card", campaign=campaign.id) for item in items for who in ("ann", "bob")]
    with campaigns.log.locked():
        campaigns.log.append(votes, source="s", time=NOW)
    status = campaigns.status(campaign.id)
    assert (status.votes, status.annotators, status.rows_answered) == (6, 2, 3)

import csv
import io
import json

import pytest
from tests.label.label_tools import exported_label_studio
from tests.label.rounds import CLASSES, NOW, small_campaign, texts_of

from smallcraft.errors import DataError, InvalidInputError
from smallcraft.label.campaigns import Campaigns
from smallcraft.label.formats import BUILTIN
from smallcraft.label.importing import add_answers, find_format, import_answers
from smallcraft.label.sheets import Answer


@pytest.fixture
def campaigns(tmp_path):
    found = Campaigns(tmp_path / "label")
    found.add(small_campaign())
    return found


@pytest.fixture
def campaign(campaigns):
    return campaigns.all()[0]


def lines(campaign, answers, *, named=True):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["item_id", "annotator", "label", *(["campaign"] if named else [])])
    writer.writerows([*one, *([campaign.id] if named else [])] for one in answers)
    return out.getvalue().encode()


def take(campaigns, data, name="csv", **told):
    return import_answers(campaigns, data, format_name=name, source="f.csv", time=NOW, **told)


def three(campaign, who="ann"):
    return [(ask.item, who, CLASSES[place]) for place, ask in enumerate(campaign.asks[:3])]


def test_votes_come_in_with_the_design_of_their_campaign(campaigns, campaign):
    tasks = BUILTIN["label_studio"].write(campaign.sheet(texts_of(campaign)))[0].data
    answers = {ask.item: [("ann", "card")] for ask in campaign.asks}
    done = take(campaigns, exported_label_studio(tasks, answers), "label-studio")
    assert (done.added, done.repeated, done.skipped) == (len(campaign.asks), 0, 0)
    assert campaigns.find(campaign.id).state == "imported"
    for vote in campaigns.log.votes(campaign=campaign.id):
        ask = campaign.ask_of(vote.item)
        assert (vote.arm, vote.chance, vote.suggestion) == (ask.arm, ask.chance, ask.suggestion)
        assert (vote.tool, vote.guideline, vote.lead_time_s) == ("label_studio", "1", 4.25)


def test_importing_twice_is_importing_once(campaigns, campaign):
    data = lines(campaign, three(campaign))
    first, second = take(campaigns, data), take(campaigns, data)
    assert (first.added, second.added, second.repeated) == (3, 0, 3)
    assert len(campaigns.log.imports()) == 1
    assert second.campaigns == ()


def test_a_crash_between_votes_and_state_is_mended_by_the_same_file(campaigns, campaign):
    data = lines(campaign, three(campaign))
    path = campaigns.folder / f"{campaign.id}.campaign.json"
    before = path.read_bytes()
    take(campaigns, data)
    path.write_bytes(before)
    assert take(campaigns, data).added == 0
    assert campaigns.find(campaign.id).state == "imported"


def test_a_longer_export_adds_only_what_is_new(campaigns, campaign):
    take(campaigns, lines(campaign, three(campaign)))
    done = take(campaigns, lines(campaign, three(campaign) + three(campaign, "bob")))
    assert (done.added, done.repeated) == (3, 3)
    assert campaigns.status(campaign.id).annotators == 2


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (("i99999", "ann", "card"), "item 'i99999', which campaign .* did not ask about"),
        (("ITEM", "ann", "crad"), "says 'crad', which is none of the 3 labels - did you mean 'card'"),
    ],
)
def test_one_bad_answer_lets_nothing_in(campaigns, campaign, bad, message):
    item = campaign.asks[5].item if bad[0] == "ITEM" else bad[0]
    with pytest.raises(DataError, match=message):
        take(campaigns, lines(campaign, [*three(campaign), (item, *bad[1:])]))
    assert campaigns.log.imports() == ()
    assert campaigns.find(campaign.id).state == "open"


def test_votes_of_an_unknown_campaign_are_refused(campaigns, campaign):
    data = lines(campaign, three(campaign)).replace(campaign.id.encode(), b"c0000000000")
    with pytest.raises(DataError, match=r"of a campaign that is not here"):
        take(campaigns, data)
    assert campaigns.log.imports() == ()


def test_a_file_that_names_no_campaign_takes_the_one_passed_beside_it(campaigns, campaign):
    data = lines(campaign, three(campaign), named=False)
    with pytest.raises(DataError, match="does not say its campaign"):
        take(campaigns, data)
    assert take(campaigns, data, campaign=campaign.id).added == 3


def test_half_a_file_imports_nothing(campaigns, campaign):
    tasks = BUILTIN["label_studio"].write(campaign.sheet(texts_of(campaign)))[0].data
    data = exported_label_studio(tasks, {ask.item: [("ann", "card")] for ask in campaign.asks})
    for cut in (0, 1, len(data) // 2, len(data) - 1):
        with pytest.raises(DataError):
            take(campaigns, data[:cut], "label_studio")
    assert campaigns.log.imports() == ()


def test_a_changed_answer_is_refused_unless_a_revision_is_asked_for(campaigns, campaign):
    take(campaigns, lines(campaign, three(campaign)))
    item, who, _ = three(campaign)[0]
    changed = lines(campaign, [(item, who, "refund")])
    with pytest.raises(DataError, match=r"said 'billing' of item .* before and says 'refund' now"):
        take(campaigns, changed)
    done = take(campaigns, changed, revise=True)
    assert (done.added, done.revised) == (1, 1)
    assert next(vote.label for vote in campaigns.log.votes() if vote.item == item) == "refund"


def test_two_answers_of_one_person_on_one_row_in_one_file_are_refused(campaigns, campaign):
    item, who, _ = three(campaign)[0]
    with pytest.raises(DataError, match="says both 'billing' and 'refund'"):
        take(campaigns, lines(campaign, [(item, who, "billing"), (item, who, "refund")]))


def test_one_answer_twice_in_one_file_counts_once(campaigns, campaign):
    one = three(campaign)[0]
    done = take(campaigns, lines(campaign, [one, one]))
    assert (done.added, done.repeated) == (1, 1)


def test_skips_are_counted_and_are_no_votes(campaigns, campaign):
    tasks = BUILTIN["label_studio"].write(campaign.sheet(texts_of(campaign)))[0].data
    first, second = campaign.asks[0].item, campaign.asks[1].item
    data = exported_label_studio(tasks, {first: [("ann", None)], second: [("ann", "card")]})
    done = take(campaigns, data, "label_studio")
    assert (done.added, done.skipped) == (1, 1)


def test_a_stopped_campaign_takes_no_votes(campaigns, campaign):
    campaigns.move(campaign.id, "stopped")
    with pytest.raises(DataError, match="which was stopped"):
        take(campaigns, lines(campaign, three(campaign)))


def test_one_file_may_hold_votes_of_two_campaigns(campaigns, campaign):
    other = small_campaign(seed=4)
    campaigns.add(other)
    both = lines(campaign, three(campaign)) + lines(other, three(other)).split(b"\r\n", 1)[1]
    assert set(take(campaigns, both).campaigns) == {campaign.id, other.id}


def test_a_format_is_found_by_either_spelling_and_an_unknown_one_is_told():
    assert find_format("label-studio") is find_format("label_studio")
    with pytest.raises(InvalidInputError, match="'prodigy' is not one of the formats"):
        find_format("prodigy")


def test_json_of_the_wrong_kind_is_refused(campaigns):
    with pytest.raises(DataError):
        take(campaigns, json.dumps({"tasks": []}).encode(), "label_studio")


@pytest.mark.parametrize("is_blind", [True, False])
def test_answers_given_without_a_suggestion_are_blind_votes(campaigns, campaign, is_blind):
    shown = next(ask for ask in campaign.asks if ask.suggestion is not None)
    answer = Answer(shown.item, "ann", CLASSES[0], NOW, 2.0, campaign.id, "the form")
    told = {"tool": "form", "source": "form", "digest": "sha256:0", "time": NOW, "is_blind": is_blind}
    assert add_answers(campaigns, [answer], **told).added == 1
    (vote,) = campaigns.log.votes()
    assert (vote.suggestion, vote.tool) == (None if is_blind else shown.suggestion, "form")

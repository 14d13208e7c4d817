"""Votes become labels: once, all or none, and where a kill came between, the same file goes on."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from tests.pipeline.labelling.projects import (
    HOUR,
    deaths_of,
    filled_in,
    kept_examples,
    plant,
    raise_alarm,
)
from tests.projects import change_project, copy_project, message_rows

from smallcraft.data.load import read_source
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.labelling.answers import measure, take_answers
from smallcraft.pipeline.labelling.planning import LabelPlan, propose
from smallcraft.pipeline.labelling.project import project_campaigns
from smallcraft.pipeline.workspace import open_registry
from smallcraft.registry.telling import tell_registry

NOW = datetime(2026, 11, 29, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Wrong labels, a campaign about 60 rows, and the answers to it; not to be changed."""
    folder = tmp_path_factory.mktemp("asked") / "p"
    truth = plant(folder)
    proposed = propose(load_config(folder), LabelPlan(amount=60), now=NOW)
    (folder / "ann.csv").write_bytes(filled_in(proposed.files[0], truth, people=("ann",)))
    (folder / "two.csv").write_bytes(filled_in(proposed.files[0], truth, people=("ann", "bob"), right=0.9))
    return folder, truth, proposed.campaign


@pytest.fixture
def folder(asked, tmp_path):
    return copy_project(asked[0], tmp_path / "p")


def take(folder, name="ann.csv", **told):
    return take_answers(load_config(folder), folder / name, **{"now": NOW, **told})


def labels_at(folder, path):
    frame = read_source(folder / path, None).frame
    return dict(zip(frame["message"], frame["intent"], strict=True))


def test_answers_repair_the_labels_that_are_wrong_and_break_none(folder, asked):
    _, truth, campaign = asked
    taken = take(folder)
    assert taken.imported.added == len(campaign.asks)
    before, after = labels_at(folder, "rows.csv"), labels_at(folder, taken.version.path)
    assert list(before) == list(after)
    changed = [text for text in before if before[text] != after[text]]
    assert len(changed) == taken.version.relabelled > 10
    assert all(after[text] == truth[text] for text in changed)
    assert project_campaigns(load_config(folder)).find(campaign.id).state == "imported"


def test_the_same_file_twice_counts_once_and_tells_the_same_version(folder):
    first, second = take(folder), take(folder)
    assert (second.imported.added, second.imported.repeated) == (0, first.imported.added)
    assert second.version == first.version
    assert len(list((folder / "labels").glob("version-*"))) == 1


def test_a_version_that_was_taken_over_is_not_written_again(folder):
    version = take(folder).version
    change_project(folder, 'path = "rows.csv"', f'path = "{version.path}"')
    assert take(folder).version is None


def test_a_refused_file_leaves_no_vote_and_no_version(folder, asked):
    data = (folder / "ann.csv").read_bytes()
    lines = data.split(b"\r\n")
    bad = {
        "half.csv": data[: data.rindex(b",")],
        "label.csv": data.replace(b"billing", b"biling"),
        "item.csv": b"\r\n".join([*lines[:-1], b"0123456789abcdef,ann,login,,,", b""]),
        "empty.csv": b"",
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
        with pytest.raises(DataError):
            take(folder, name)
    campaigns = project_campaigns(load_config(folder))
    assert campaigns.log.votes() == ()
    assert campaigns.find(asked[2].id).state == "open"
    assert not list((folder / "labels").glob("version-*"))


def test_a_file_that_is_not_there_or_is_a_folder_is_told(folder):
    with pytest.raises(NotFoundError, match=r"there is no file .*export the answers"):
        take(folder, "gone.csv")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        take(folder, "labels")


def test_two_people_are_compared_and_their_quarrels_stay_open_or_are_outvoted(folder, asked):
    taken = take(folder, "two.csv")
    assert taken.imported.added == 2 * len(asked[2].asks)
    after, truth = labels_at(folder, taken.version.path), asked[1]
    right = [after[text] == truth[text] for text in after]
    before = labels_at(folder, "rows.csv")
    assert np.mean(right) > np.mean([before[text] == truth[text] for text in before])
    outcome = measure(load_config(folder), asked[2].id, seeds=(0,), now=NOW).outcome
    assert (outcome.annotators, outcome.alpha is not None) == (2, True)


def test_killed_anywhere_the_same_file_goes_on_to_the_same_votes_and_version(folder, tmp_path):
    with deaths_of(folder, tmp_path) as copies:
        whole = take(folder)
    assert len(copies) >= 4
    votes = project_campaigns(load_config(folder)).log.votes()
    for copy in copies:
        half = list((copy / "labels").glob("version-*"))
        assert [len(read_source(path / "rows.csv", None).frame) for path in half] == [240] * len(half)
    for copy in copies:
        again = take(copy)
        campaigns = project_campaigns(load_config(copy))
        assert campaigns.log.votes() == votes
        assert (again.version, len(campaigns.log.imports())) == (whole.version, 1)
        assert {one.state for one in campaigns.all()} == {"imported"}
        assert labels_at(copy, again.version.path) == labels_at(folder, whole.version.path)
        assert not list((copy / "labels").glob(".*"))


def test_rows_that_left_train_are_told_and_their_votes_kept(folder):
    rows = pl.read_csv(folder / "rows.csv")
    rows.head(180).write_csv(folder / "rows.csv")
    taken = take(folder)
    assert taken.unheard > 0
    assert len(project_campaigns(load_config(folder)).log.votes()) == taken.imported.added


@pytest.fixture(scope="module")
def measured(asked, tmp_path_factory):
    """The round, measured before its labels stand in the data."""
    folder = copy_project(asked[0], tmp_path_factory.mktemp("measured") / "p")
    taken = take(folder)
    return folder, taken, measure(load_config(folder), asked[2].id, seeds=(0, 1), now=NOW)


def test_what_a_round_bought_is_measured_on_dev_against_the_labels_before_it(measured):
    _, taken, done = measured
    outcome = done.outcome
    assert outcome.changed == taken.version.relabelled
    assert outcome.overall.after > outcome.overall.before
    assert outcome.overall.interval.low <= outcome.overall.value <= outcome.overall.interval.high
    assert outcome.arms.targeted > outcome.arms.random
    assert len(outcome.overall.of_seed) == 2


def test_the_log_tells_the_round_and_measuring_again_adds_nothing(measured, asked):
    folder, _, done = measured
    campaign = asked[2].id
    assert project_campaigns(load_config(folder)).find(campaign).state == "measured"
    entries = len(open_registry(folder).log().entries)
    measure(load_config(folder), campaign, seeds=(0, 1), now=NOW)
    assert len(open_registry(folder).log().entries) == entries
    story = tell_registry(open_registry(folder))
    told = [event for event in story.before if campaign in event]
    assert len(told) == 1
    assert f"{done.outcome.votes} votes changed {done.outcome.changed} labels" in told[0]


def test_a_round_is_measured_from_the_labels_before_it_though_its_own_stand_now(measured, asked, tmp_path):
    _, taken, _ = measured
    folder = copy_project(measured[0], tmp_path / "p")
    version = read_source(folder / taken.version.path, None).frame
    version.write_csv(folder / "rows.csv")
    after = measure(load_config(folder), asked[2].id, seeds=(0,), now=NOW).outcome
    assert 0 < after.changed <= taken.version.relabelled


def test_a_round_without_answers_is_not_measured(folder, asked):
    with pytest.raises(
        InvalidInputError, match="has no answers yet; import some with `smallcraft label import"
    ):
        measure(load_config(folder), asked[2].id, now=NOW)
    with pytest.raises(NotFoundError, match="there is no campaign 'c0'"):
        measure(load_config(folder), "c0", now=NOW)


def test_where_a_point_has_a_worth_the_next_round_is_advised(folder, asked):
    change_project(folder, "[ladder]", "[label]\nworth = 0.0001\n[ladder]")
    take(folder)
    outcome = measure(load_config(folder), asked[2].id, seeds=(0,), now=NOW).outcome
    assert outcome.advice == "stop"
    assert "its cost of" in outcome.reason


@pytest.fixture
def alarmed(tiny):
    """A release that answered `login` to everything, an alarm about it, a campaign, and the truth."""
    found = message_rows(40, seed=5)
    truth = dict(zip(found["message"], found["intent"], strict=True))
    kept = [
        *kept_examples(found["message"][:30], answer="login", arm="random"),
        *kept_examples(found["message"][30:], answer="login", arm="drifted"),
    ]
    alarm = raise_alarm(tiny, kept, release="rows@1")
    proposed = propose(load_config(tiny), LabelPlan(alarm=alarm), now=NOW)
    (tiny / "ann.csv").write_bytes(filled_in(proposed.files[0], truth))
    return tiny, truth, proposed.campaign


def test_answers_about_an_alarm_are_losses_of_its_blind_rows_and_new_rows_of_the_data(alarmed):
    folder, truth, campaign = alarmed
    taken = take(folder)
    blind = [ask for ask in campaign.asks if ask.arm == "random"]
    (losses,) = taken.losses.values()
    assert (list(taken.losses), len(losses)) == (["rows@1"], len(blind))
    assert {row.start_s for row in losses} == {HOUR}
    wrong = sum(truth[text] != "login" for text in labels_at(folder, taken.version.path) if text in truth)
    assert 0 < sum(row.loss for row in losses) <= wrong
    assert (taken.version.relabelled, taken.version.added) == (0, len(campaign.asks))
    after = labels_at(folder, taken.version.path)
    assert np.mean([after[text] == truth[text] for text in truth if text in after]) > 0.9


def test_rows_of_an_alarm_that_became_rows_of_the_data_are_no_losses_again(alarmed):
    folder, _, _ = alarmed
    version = take(folder).version
    change_project(folder, 'path = "rows.csv"', f'path = "{version.path}"')
    assert take(folder).losses == {}

"""Home shows the newest few, and no damaged or missing part takes it down."""

from __future__ import annotations

import re

import pytest
from tests.dashboard.projects import break_facts, pages, release_bare, write_last_build
from tests.projects import write_messages
from tests.registry.decided import DAYS

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import home
from smallcraft.pipeline.workspace import Workspace, open_registry


def shown(folder):
    return home.read(Sources(folder), Asked())


def test_an_empty_folder_says_how_to_begin(tmp_path):
    view = shown(tmp_path)
    assert view.step.command == "smallcraft init DATA"
    page = pages(tmp_path).get("/")
    assert page.status_code == 200
    assert "smallcraft init DATA" in page.text
    assert 'role="alert"' not in page.text


def test_a_project_that_never_built_is_told_to_build(tmp_path):
    assert shown(write_messages(tmp_path / "p")).step.command == "smallcraft build"


def test_the_newest_few_stand_newest_first_with_their_number(tmp_path):
    registry = release_bare(tmp_path, 10)
    registry.set_alias("rows", "stable", 9, now=DAYS[1])
    line = shown(tmp_path).line.value
    assert [one.label for one in line.shown] == [f"rows@{number}" for number in range(10, 2, -1)]
    assert (line.total, line.newest) == (10, "rows@10")
    assert {one.label: one.aliases for one in line.shown if one.aliases} == {"rows@9": ("stable",)}


def test_an_old_release_that_is_damaged_is_not_even_read(tmp_path):
    registry = release_bare(tmp_path, 10)
    break_facts(registry, "rows@1")
    assert all(one.line.is_there for one in shown(tmp_path).line.value.shown)


def test_a_new_release_that_is_damaged_is_told_in_its_place_and_the_others_stand(tmp_path):
    registry = release_bare(tmp_path, 3)
    break_facts(registry, "rows@2")
    told = {one.label: one.line for one in shown(tmp_path).line.value.shown}
    assert [label for label, line in told.items() if not line.is_there] == ["rows@2"]
    assert "rows@2" in told["rows@2"].problem
    assert pages(tmp_path).get("/").status_code == 200


def test_a_release_that_is_retired_is_not_the_newest_in_use(tmp_path):
    folder = write_messages(tmp_path / "p")
    release_bare(folder, 2).retire("rows", 2, now=DAYS[1], erase=True)
    view = shown(folder)
    assert view.line.value.newest == "rows@1"
    assert "erased" in view.line.value.shown[0].line.problem
    assert view.step.command == "smallcraft serve"


def test_a_release_that_came_since_the_last_load_is_there(tmp_path):
    registry, browser = release_bare(tmp_path, 1), pages(tmp_path)
    assert "rows@2" not in browser.get("/").text
    registry.publish("rows", {"card.md": b"# more"}, {"chosen": "tiny"}, now=DAYS[1])
    assert "rows@2" in browser.get("/").text


def test_an_alarm_of_a_release_that_a_newer_one_followed_is_open_and_outlived(watched):
    before = shown(watched).watching.value
    assert (before.n_open, before.outlived) == (1, 0)
    open_registry(watched).publish("rows", {"card.md": b"# more"}, {"chosen": "tiny"}, now=DAYS[1])
    after = shown(watched).watching.value
    assert (after.n_open, after.outlived) == (1, 1)


DAMAGED = {
    "log": lambda space: (space.registry / "log" / "checkpoint").write_bytes(b"not a note\n"),
    "last build": lambda space: space.last_build.write_bytes(b"{"),
    "last build of another form": lambda space: space.last_build.write_bytes(b"[1]"),
    "journal": lambda space: write_journal(space, b"no database at all" * 400),
    "campaign": lambda space: write_campaign(space, b'{"format":1}'),
    "campaign that is no text": lambda space: write_campaign(space, b"\xff\xfe"),
}


def write_journal(space, data):
    folder = Sources(space.project).places.root
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "watch.db").write_bytes(data)


def write_campaign(space, data):
    folder = space.root / "label"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c1.campaign.json").write_bytes(data)


@pytest.mark.parametrize("part", DAMAGED)
def test_a_damaged_part_is_told_and_takes_no_other_with_it(tmp_path, part):
    folder = write_messages(tmp_path / "p")
    release_bare(folder, 2)
    DAMAGED[part](Workspace(folder))
    page = pages(folder).get("/")
    assert page.status_code == 200
    assert page.text.count('role="alert"') == 1
    assert "smallcraft verify" in page.text
    sections = re.findall(r'data-part="(\w+)"', page.text)
    assert {"next", "serving", "releases", "gates", "alarms", "data"} <= set(sections)
    assert ("rows@2" in page.text) == (part != "log")


@pytest.mark.parametrize(
    ("outcome", "command"), [("FAIL", "smallcraft gate"), ("UNDECIDED", "smallcraft label next")]
)
def test_a_build_that_released_nothing_leads_to_what_would_settle_it(tmp_path, outcome, command):
    folder = write_messages(tmp_path / "p")
    write_last_build(folder, outcome)
    view = shown(folder)
    assert view.gates.value.blockers == (outcome,)
    assert view.step.command == command
    assert "It released nothing." in pages(folder).get("/").text


STATUS = {
    "models": {
        "rows": {
            "stable": {"label": "rows@1"},
            "weight": 0.2,
            "rollout": {"id": "r1", "phase": "canary", "canary": {"release": {"label": "rows@2"}}},
        }
    }
}


def test_a_server_in_a_rollout_splits_the_requests_between_two_releases():
    [served] = home.tell_serving(STATUS)
    assert [(arm.release, arm.share, arm.is_canary) for arm in served.arms] == [
        ("rows@1", 0.8, False),
        ("rows@2", 0.2, True),
    ]
    assert (served.rollout, served.phase, served.canary) == ("r1", "canary", "rows@2")


def test_a_server_without_a_rollout_answers_with_its_stable_release_alone():
    told = {"models": {"rows": {"stable": {"label": "rows@1"}, "weight": 0.0, "rollout": None}}}
    [served] = home.tell_serving(told)
    assert [(arm.release, arm.share) for arm in served.arms] == [("rows@1", 1.0)]


def test_without_a_server_nobody_answers():
    assert home.tell_serving(None) == ()

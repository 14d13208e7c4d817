"""Where watching stands: exit codes for scripts, and what is told of releases that are done or unknown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from tests.observe.conftest import alarm, draw_rows, reference, store_window  # noqa: F401 - fixtures

from smallcraft.observe.alarms import Closing, Harm, HarmVerdict
from smallcraft.observe.journal import Journal, Weighed
from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore
from smallcraft.pipeline.watching.telling import ReleaseStatus, WatchStatus, tell_watch

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
SCHEMA = json.loads((SCHEMAS / "watch.json").read_text(encoding="utf-8"))


def release(label: str, outcome: str | None, *, last: int | None = 3600) -> ReleaseStatus:
    return ReleaseStatus(label, 1, last, outcome, "", 0.0, 0)


def code(*releases: ReleaseStatus, alarms=(), **more) -> int:
    return WatchStatus(releases, tuple(alarms), 0.1, 8.9, **more).exit_code


def test_the_schema_of_alarms_is_the_one_that_webhooks_have():
    alone = json.loads((SCHEMAS / "alarm.json").read_text(encoding="utf-8"))
    alone.pop("$schema")
    parts = alone.pop("$defs")
    assert SCHEMA["$defs"] == {"alarm": alone, **parts}


@pytest.mark.parametrize("outcome", ["quiet", "alarm", "recovered", "empty"])
def test_nothing_open_is_a_pass(outcome):
    assert code(release("a@1", outcome)) == 0


@pytest.mark.parametrize(
    "releases",
    [
        (),
        (release("a@1", "undecided"),),
        (release("a@1", None, last=None),),
        (release("a@1", "quiet"), release("b@1", "undecided")),
        (release("a@1", "quiet"), release("a@2", "undecided")),
        (release("a@1", "quiet"), release("a@2", "undecided", last=7200)),
    ],
    ids=["no_windows", "too_few", "not_weighed", "two_models", "two_arms", "after_a_rollout"],
)
def test_before_an_alarm_is_possible_it_is_undecided(releases):
    assert code(*releases) == 3


def test_a_release_that_answers_no_more_is_not_waited_for():
    assert code(release("a@1", "undecided"), release("a@2", "quiet", last=7200)) == 0
    assert code(release("a@2", "quiet"), unwatched={"a@1": "it has no reference"}) == 0
    assert code(release("a@2", "quiet"), unwatched={"b@1": "it has no reference"}) == 3


@pytest.mark.parametrize(
    ("verdict", "closing", "expected"),
    [
        (HarmVerdict.UNKNOWN, None, 2),
        (HarmVerdict.HARMFUL, None, 2),
        (HarmVerdict.BENIGN, None, 0),
        (HarmVerdict.HARMFUL, Closing(1, "Ada"), 0),
    ],
)
def test_an_open_alarm_fails_a_script_unless_it_is_benign(verdict, closing, expected, alarm):  # noqa: F811
    one = replace(alarm, harm=Harm(verdict, "so"), closing=closing)
    assert code(release("a@1", "quiet"), alarms=[one]) == expected


def test_a_refused_file_is_an_error_but_an_alarm_is_more(alarm):  # noqa: F811
    assert code(release("a@1", "quiet"), refused=("x",)) == 1
    assert code(release("a@1", "undecided"), refused=("x",)) == 1
    assert code(release("a@1", "quiet"), refused=("x",), alarms=[alarm]) == 2


def test_what_scripts_read_keeps_to_its_schema(tmp_path, alarm, store_window):  # noqa: F811
    store = WindowStore(tmp_path / "windows")
    for label in ("a@1", "a@2", "b@1"):
        store.append(store_window(3, n=20, release=label))
    with Journal(tmp_path) as journal:
        with journal.transaction():
            journal.mark_weighed(Weighed("a@1", "all", 3600, "undecided", None, "more"))
            journal.mark_weighed(Weighed("a@1", "north", 7200, "quiet", 1.0))
            journal.mark_weighed(Weighed("a@1", "all", 7200, "quiet", 2.0))
            journal.add_alarm(alarm)
        told = tell_watch(
            journal, store, WatchSettings(), unwatched={"b@1": "no reference"}, refused=("x.csv",)
        )
    form = json.loads(json.dumps(told.as_json(), allow_nan=False))
    jsonschema.validate(form, SCHEMA)
    assert form["releases"] == [
        {
            "release": "a@1",
            "windows": 2,
            "last_start_s": 7200,
            "outcome": "quiet",
            "needs": "",
            "log_e": 2.0,
            "open_alarms": 1,
        },
        {
            "release": "a@2",
            "windows": 0,
            "last_start_s": None,
            "outcome": None,
            "needs": "",
            "log_e": None,
            "open_alarms": 0,
        },
    ]
    assert (form["unwatched"], form["refused"]) == ({"b@1": "no reference"}, ["x.csv"])
    assert [one["id"] for one in form["alarms"]] == [alarm.id]

"""A deployment for others: the rollout that is known says what it goes from, to, and by which lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.serve.rolling import DECLARED, PLAN
from tests.serving_projects import moment

from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.deploying import deployment_of
from smallcraft.pipeline.serving import served_project
from smallcraft.pipeline.workspace import open_registry
from smallcraft.serve.controller import Controller
from smallcraft.serve.exports.manifests import check_deployment
from smallcraft.serve.rollout.named_release import NamedRelease

OLD = NamedRelease("rows@0", "sha256:" + "0" * 64)
STRICT = replace(PLAN, wrong_rollback=0.01)


def deployment(project, **changes):
    asked = {
        "image": "img:1",
        "rollout": "",
        "namespace": "ns",
        "server": "",
        "prometheus": "http://p:9090",
        "asks": False,
    }
    return deployment_of(project, open_registry(project).find("rows@1"), **(asked | changes))


def roll_out(project, label: str) -> str:
    """A rollout of that release that a server has written down."""
    controller = Controller(served_project(project).state / "rows", stable=OLD, now=0.0)
    canary = NamedRelease(label, "sha256:" + "1" * 64)
    controller.start(canary, STRICT, DECLARED, salt="9f3c21aa04d7", at=moment())
    controller.close()
    return f"{label.replace('@', '-')}-9f3c21aa"


def test_a_system_that_does_not_ask_needs_no_rollout_and_gets_the_projects_plan(tiny):
    found = deployment(tiny, server="http://s/", image="img:2")
    assert (found.name, found.namespace, found.image) == ("rows", "ns", "img:2")
    assert (found.stable, found.canary) == ("rows@1", "rows@1")
    assert found.plan == load_config(tiny).rollout.plan()
    assert (found.address, found.prometheus) == ("http://s", "http://p:9090")
    check_deployment(found)


def test_the_stable_release_is_what_stable_means(tiny):
    assert deployment(tiny).stable == "rows@1"
    open_registry(tiny).set_alias("rows", "stable", 1, now=datetime.now(UTC), reason=None)
    assert deployment(tiny).stable == "rows@1"


def test_who_asks_without_a_rollout_is_told_to_name_one(tiny):
    with pytest.raises(InvalidInputError, match=r"none has begun here; name it with --rollout"):
        deployment(tiny, asks=True)
    # Its server may keep its state elsewhere.
    assert deployment(tiny, asks=True, rollout="rows-1-elsewhere").rollout == "rows-1-elsewhere"


def test_who_asks_is_told_the_releases_and_lines_of_the_rollout_as_it_began(tiny):
    rollout = roll_out(tiny, "rows@1")
    for named in ("", rollout):
        found = deployment(tiny, asks=True, rollout=named)
        assert (found.stable, found.canary, found.rollout) == ("rows@0", "rows@1", rollout)
        assert found.plan == STRICT
    assert deployment(tiny, asks=False).plan != STRICT


def test_a_rollout_of_another_release_is_refused(tiny):
    rollout = roll_out(tiny, "rows@2")
    with pytest.raises(InvalidInputError, match=f"rollout {rollout} is of rows@2, got rows@1"):
        deployment(tiny, asks=True)
    assert deployment(tiny, asks=False).canary == "rows@1"


@pytest.mark.parametrize(
    ("name", "expected"), [("Help_Desk.v2", "help-desk-v2"), ("a" * 39 + "..b", "a" * 39), ("-x-", "x")]
)
def test_the_name_of_a_release_becomes_one_that_kubernetes_takes(name, expected, tiny):
    stored = open_registry(tiny).find("rows@1")
    named = replace(stored, entry=replace(stored.entry, name=name))
    found = deployment_of(
        tiny, named, image="i", rollout="", namespace="ns", server="", prometheus="p", asks=False
    )
    assert found.name == expected
    check_deployment(found)

"""What an alarm sets off: a batch, a page that is waited for, a rollout of its own model that is held."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.observe.conftest import alarm, draw_rows, store_window  # noqa: F401 - fixtures
from tests.pipeline.paged import receiving
from tests.serve.rolling import CANARY, DECLARED, PLAN, STABLE
from tests.serving_projects import moment, taking_orders

from smallcraft.observe.settings import WatchSettings
from smallcraft.observe.store import WindowStore
from smallcraft.pipeline.serving import served_project
from smallcraft.pipeline.watching.actions import WatchActions
from smallcraft.pipeline.watching.project import WatchPlaces
from smallcraft.serve.state.opening import find_receipts


@pytest.fixture
def make(tmp_path):
    opened = []

    def actions(*, webhook=None):
        places = WatchPlaces(tmp_path)
        made = WatchActions(
            tmp_path,
            places,
            WindowStore(places.store),
            settings=WatchSettings(),
            webhook=webhook,
            clock=lambda: 1000.0,
        )
        opened.append(made)
        return made

    yield actions
    for each in opened:
        each.close()


@pytest.fixture
def own(alarm):  # noqa: F811
    """An alarm of the model that is served."""
    return replace(alarm, id="helpdesk@3/all/x", release="helpdesk@3")


def test_a_batch_holds_rows_of_the_windows_since_the_change(make, alarm, store_window, tmp_path):  # noqa: F811
    actions = make()
    for hour in range(6):
        WindowStore(WatchPlaces(tmp_path).store).append(store_window(hour))
    path = Path(actions.by_trigger["review"](alarm))
    assert path.parent == WatchPlaces(tmp_path).reviews
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) > 10


def test_a_page_is_waited_for_and_without_a_webhook_there_is_none(make, alarm, monkeypatch):  # noqa: F811
    assert "page" not in make().by_trigger
    assert make().wait(timeout_s=0.0)
    monkeypatch.delenv("SMALLCRAFT_WEBHOOK_SECRET", raising=False)
    with receiving() as receiver:
        actions = make(webhook=receiver.url)
        page = actions.by_trigger["page"]
        assert page(alarm) is None
        assert actions.wait(timeout_s=30.0)
        assert page(alarm) == "arrived"
        (post,) = receiver.got
        actions.close()
    assert "webhook-signature" not in post.headers
    assert post.headers["webhook-timestamp"] == "1000"


def test_the_rollout_under_way_of_the_alarms_model_is_held_and_says_why(make, own, tmp_path):
    freeze = make().by_trigger["freeze"]
    with taking_orders(served_project(tmp_path).state, helpdesk=STABLE, other=STABLE) as here:

        def begin(name: str) -> None:
            model = here.models[name]
            model.controller.start(CANARY, PLAN, DECLARED, salt="9f3c21aa04d7", at=moment())
            model.loaded()

        for name in ("helpdesk", "other"):
            here.run(lambda name=name: begin(name))
        assert freeze(own) == "frozen"
        states = {name: model.controller.state for name, model in here.models.items()}
        assert (states["helpdesk"].phase, states["other"].phase) == ("frozen", "shadow")
        (*_, receipt) = find_receipts(served_project(tmp_path).state / "helpdesk", states["helpdesk"].id)
        assert f"alarm {own.id}" in receipt.cause
        assert freeze(own).startswith("nothing to freeze: ")


def test_without_a_rollout_or_a_server_there_is_nothing_to_freeze(make, own, tmp_path):
    freeze = make().by_trigger["freeze"]
    assert "no server is running" in freeze(own)
    with taking_orders(served_project(tmp_path).state, helpdesk=STABLE):
        assert freeze(own).startswith("nothing to freeze: ")
        assert freeze(replace(own, release="elsewhere@1")).startswith("nothing to freeze: ")

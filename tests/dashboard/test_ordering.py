"""Orders from the page: to the running server alone, with the reason, none but those there are."""

from __future__ import annotations

import pytest
from tests.dashboard.showing import CANARY, STABLE
from tests.serve import rolling
from tests.serving_projects import moment, taking_orders

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.ordering import order_rollout
from smallcraft.dashboard.sources import Sources
from smallcraft.errors import InvalidInputError, NotFoundError


def asked(rollout="x", **fields):
    return Asked({"rollout": rollout}, fields)


def test_an_order_that_is_none_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(InvalidInputError, match="freeze, resume, promote, abort"):
        order_rollout(Sources(tmp_path), asked(order="stop"))


def test_without_a_server_nobody_can_be_ordered(tmp_path):
    with pytest.raises(NotFoundError, match="no server is running"):
        order_rollout(Sources(tmp_path), asked(order="abort"))


def test_an_order_reaches_the_rollout_with_its_reason_and_leads_to_its_page(tmp_path):
    with taking_orders(tmp_path / ".smallcraft/serving", rows=STABLE) as here:
        controller = here.models["rows"].controller
        here.run(
            lambda: controller.start(CANARY, rolling.PLAN, rolling.DECLARED, salt="0123456789ab", at=moment())
        )
        here.run(here.models["rows"].loaded)
        rollout = controller.state.id
        leads_to = order_rollout(Sources(tmp_path), asked(rollout, order="freeze", reason="lunch"))
        assert leads_to == f"/rollout/{rollout}"
        assert controller.state.phase == "frozen"
        told = Sources(tmp_path).rollouts(rollout)
        assert told.receipts[-1].cause == "a person asked to freeze: lunch"

"""Where rollouts stand: from the running server, or from what the last one wrote, and told as such."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from tests.serve.rolling import CANARY, DECLARED, PLAN, STABLE
from tests.serving_projects import moment, taking_orders

from smallcraft.errors import NotFoundError
from smallcraft.pipeline.rollout_telling import Told, tell_rollouts
from smallcraft.pipeline.serving import served_project
from smallcraft.serve.controller import Controller
from smallcraft.serve.rollout.standing import Order

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "rollout_status.json").read_text(encoding="utf-8")
)


def kept(project, *orders: str, salt: str = "9f3c21aa04d7") -> str:
    """What a server that has ended wrote of a rollout and of what it was told; the rollout's id."""
    controller = Controller(served_project(project).state / "helpdesk", stable=STABLE, now=0.0)
    controller.start(CANARY, PLAN, DECLARED, salt=salt, at=moment())
    controller.report_loaded(CANARY.digest)
    controller.tick(moment())
    for kind in orders:
        controller.order(Order(kind, "because"), at=moment())
    controller.close()
    return f"helpdesk-4-{salt[:8]}"


def checked(told: Told) -> dict:
    """As scripts read it."""
    form = json.loads(json.dumps(told.as_json(), allow_nan=False))
    jsonschema.validate(form, SCHEMA)
    return form


def test_before_any_server_there_is_nothing_to_tell(tmp_path):
    with pytest.raises(NotFoundError, match="no server has kept anything"):
        tell_rollouts(served_project(tmp_path))


def test_what_a_stopped_server_wrote_is_told_without_a_server(tmp_path):
    rollout = kept(tmp_path)
    told = tell_rollouts(served_project(tmp_path))
    assert (told.server, told.rollout["id"], told.rollout["phase"]) == (None, rollout, "shadow")
    # Nobody sends it anything now, whatever it was meant to get.
    assert told.rollout["served_weight"] == 0.0
    assert told.rollout["last_cause"] == told.receipts[-1].cause
    assert checked(told)["receipts"] == [f"{rollout}/1", f"{rollout}/2"]


@pytest.mark.parametrize(
    ("orders", "phase", "code"),
    [
        ((), "shadow", 0),
        (("abort",), "rolled_back", 2),
        (("freeze",), "frozen", 3),
        (("freeze", "resume"), "shadow", 0),
        (("promote",) * 4, "done", 0),
    ],
)
def test_the_exit_code_tells_a_script_how_it_ended(orders, phase, code, tmp_path):
    kept(tmp_path, *orders)
    told = tell_rollouts(served_project(tmp_path))
    assert (told.rollout["phase"], told.exit_code) == (phase, code)
    checked(told)


def test_an_earlier_rollout_is_told_by_its_id_and_the_last_one_without(tmp_path):
    first, last = kept(tmp_path, "abort"), None
    controller = Controller(served_project(tmp_path).state / "helpdesk", stable=STABLE, now=0.0)
    controller.start(CANARY, PLAN, DECLARED, salt="00000000aaaa", at=moment(), unsafe_repeat=True)
    controller.close()
    last = "helpdesk-4-00000000"
    served = served_project(tmp_path)
    assert tell_rollouts(served).rollout["id"] == last
    assert tell_rollouts(served, first).rollout["phase"] == "rolled_back"
    assert [receipt.rollout for receipt in tell_rollouts(served, first).receipts] == [first] * 3
    with pytest.raises(NotFoundError, match="there is no rollout 'helpdesk-4-x' here"):
        tell_rollouts(served, "helpdesk-4-x")


def test_a_running_server_is_told_with_its_rollout_and_without_one(tmp_path):
    served = served_project(tmp_path)
    with taking_orders(served.state, helpdesk=STABLE) as here:
        nothing = tell_rollouts(served)
        assert (nothing.rollout, nothing.receipts, nothing.exit_code) == (None, (), 0)
        assert checked(nothing)["server"]["models"]["helpdesk"]["stable"]["label"] == "helpdesk@3"
        with pytest.raises(NotFoundError, match="no rollout 'nosuch'"):
            tell_rollouts(served, "nosuch")

        def begin() -> str:
            model = here.models["helpdesk"]
            model.controller.start(CANARY, PLAN, DECLARED, salt="9f3c21aa04d7", at=moment())
            model.loaded()
            model.controller.order(Order("promote", "because"), at=moment())
            return model.controller.state.id

        rollout = here.run(begin)
        for named in (None, rollout):
            told = tell_rollouts(served, named)
            assert (told.rollout["id"], told.rollout["served_weight"]) == (rollout, PLAN.stages[0])
            assert [receipt.number for receipt in told.receipts] == [1, 2, 3]
            assert checked(told)["rollout"] == told.server["models"]["helpdesk"]["rollout"]


def test_of_several_models_the_rollout_under_way_is_told(tmp_path):
    served = served_project(tmp_path)
    with taking_orders(served.state, one=STABLE, two=STABLE, three=STABLE) as here:

        def begin() -> None:
            for number, name in enumerate(here.models):
                model = here.models[name]
                salt = f"{number}f3c21aa04d7"
                model.controller.start(CANARY, PLAN, DECLARED, salt=salt, at=moment())
                if name != "two":
                    model.controller.order(Order("abort", "because"), at=moment())

        here.run(begin)
        told = tell_rollouts(served)
        assert (told.rollout["id"], told.rollout["phase"]) == ("helpdesk-4-1f3c21aa", "loading")
        assert tell_rollouts(served, "helpdesk-4-2f3c21aa").rollout["phase"] == "rolled_back"

"""Orders to a running server: read, obeyed, answered; what is not understood is refused."""

from __future__ import annotations

import json

import pytest
from tests.serve.rolling import DECLARED, PLAN, STABLE, moment

from smallcraft.errors import InvalidInputError
from smallcraft.serve.controller import Controller
from smallcraft.serve.loading.source import ModelSource
from smallcraft.serve.processes.orders import obey, start_message


class Model:
    """A model without processes: its controller, and what it was told to begin."""

    def __init__(self, folder) -> None:
        self.controller = Controller(folder, stable=STABLE, now=0.0)
        self.begun = []

    def begin(self, beginning, *, at) -> str:
        self.begun.append(beginning)
        return "begun"

    def tick(self, at) -> None:
        self.controller.tick(at)


@pytest.fixture
def models(tmp_path):
    made = {name: Model(tmp_path / name) for name in ("helpdesk", "triage")}
    yield made
    for model in made.values():
        model.controller.close()


def source(tmp_path) -> ModelSource:
    return ModelSource("helpdesk", "4", tmp_path, "sha256:4")


def test_an_order_to_start_is_read_as_it_was_written(models, tmp_path):
    message = json.loads(json.dumps(start_message(source(tmp_path), PLAN, DECLARED, unsafe_repeat=True)))
    assert obey(message, models, at=moment(1.0)) == {"rollout": "begun"}
    [beginning] = models["helpdesk"].begun
    assert (beginning.source, beginning.plan, beginning.declared) == (source(tmp_path), PLAN, DECLARED)
    assert beginning.unsafe_repeat
    assert len(beginning.salt) == 32
    assert models["triage"].begun == []


def test_salts_differ(models, tmp_path):
    for _ in range(2):
        obey(start_message(source(tmp_path), PLAN, DECLARED), models, at=moment(1.0))
    one, other = models["helpdesk"].begun
    assert one.salt != other.salt


def test_the_status_is_told_of_every_model(models):
    told = obey({"command": "status"}, models, at=moment(1.0))
    assert told["models"]["helpdesk"]["stable"]["label"] == STABLE.label
    assert set(told["models"]) == {"helpdesk", "triage"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({}, "an order is one of"),
        ({"command": "promot"}, "did you mean 'promote'"),
        ({"command": "abort"}, "helpdesk, triage"),
        ({"command": "abort", "model": "helpdsk"}, "did you mean 'helpdesk'"),
        ({"command": "abort", "model": "helpdesk"}, "needs a rollout"),
        ({"command": "start", "model": "helpdesk"}, "of one version"),
        (
            {"command": "start", "model": "helpdesk", "source": {}, "plan": {}, "declared": {}},
            "of one version",
        ),
    ],
)
def test_what_is_not_understood_or_does_not_fit_is_refused(models, message, told):
    with pytest.raises(InvalidInputError, match=told):
        obey(message, models, at=moment(1.0))


def test_where_one_model_is_served_it_need_not_be_named(models):
    with pytest.raises(InvalidInputError, match="needs a rollout"):
        obey({"command": "abort"}, {"helpdesk": models["helpdesk"]}, at=moment(1.0))

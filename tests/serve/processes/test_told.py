"""What only the supervisor knows: metrics of all routers, the verdict on a rollout."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.rolling import CANARY, DECLARED, PLAN, SALT, STABLE, moment

from smallcraft.serve.controller import Controller
from smallcraft.serve.metrics.totals import Totals
from smallcraft.serve.processes.told import answer


class Model:
    """A model without processes."""

    def __init__(self, folder) -> None:
        self.controller = Controller(folder, stable=STABLE, now=0.0)

    def workers(self):
        return ()

    def restarts(self):
        return ()


@pytest.fixture
def models(tmp_path):
    made = {name: Model(tmp_path / name) for name in ("first", "second")}
    made["second"].controller.start(CANARY, PLAN, DECLARED, salt=SALT, at=moment(0.0))
    yield made
    for model in made.values():
        model.controller.close()


def ask(models, **message):
    return answer({"number": 5, **message}, models, Totals(), alarms=("disk",), now=1.0)


def test_metrics_are_a_page_that_prometheus_reads(models):
    told = ask(models, goal="metrics", accept="text/plain")
    assert (told["number"], told["status"]) == (5, 200)
    samples = {
        (sample.name, sample.labels.get("alarm") or sample.labels.get("phase")): sample.value
        for family in text_string_to_metric_families(told["body"])
        for sample in family.samples
    }
    assert samples["smallcraft_alarm_active", "disk"] == 1
    assert samples["smallcraft_rollout_phase", "loading"] == 1


def test_a_scraper_may_have_the_newer_form(models):
    told = ask(models, goal="metrics", accept="application/openmetrics-text; version=1.0.0")
    assert told["type"].startswith("application/openmetrics-text")
    assert told["body"].endswith("# EOF\n")


def test_the_verdict_is_told_of_the_rollout_that_is_named(models):
    state = models["second"].controller.state
    told = ask(models, goal="verdict", rollout=state.id)
    assert told["status"] == 200
    assert json.loads(told["body"])["rollout"] == state.id
    assert json.loads(told["body"])["outcome"] == "UNDECIDED"


def test_a_rollout_that_is_not_there_is_told(models):
    told = ask(models, goal="verdict", rollout="other")
    assert told["status"] == 404
    assert "no rollout 'other'" in json.loads(told["body"])["error"]

import re

import pytest
from tests.serve.exports.deployments import resources

from smallcraft.serve.metrics.verdict import RolloutVerdict
from smallcraft.serve.protocol.routes import Route, find_route
from smallcraft.serve.rollout.plan import RolloutPlan


def metrics(**changes):
    found = resources("argo", "analysis-templates.yaml", **changes)
    assert {template["kind"] for template in found} == {"AnalysisTemplate"}
    return {
        template["metadata"]["name"]: (template["spec"]["metrics"][0], template["spec"]["args"])
        for template in found
    }


def test_success_and_failure_are_the_lines_of_the_plan():
    guard, _ = metrics()["helpdesk-guard"]
    assert guard["successCondition"].endswith("result.e_value < 5")
    assert guard["failureCondition"].endswith("result.e_value >= 20")
    other, _ = metrics(plan=RolloutPlan(wrong_rollback=0.01, advance_below=3.0))["helpdesk-guard"]
    assert other["successCondition"].endswith("result.e_value < 3")
    assert other["failureCondition"].endswith("result.e_value >= 100")
    assert guard["failureLimit"] == 0


def test_only_a_rollout_that_is_done_is_promoted():
    promotion, _ = metrics()["helpdesk-promotion"]
    assert promotion["successCondition"] == 'result.outcome == "PASS"'
    assert promotion["failureCondition"] == 'result.outcome == "FAIL"'
    # Without a count it goes on until one of them holds.
    assert "count" not in promotion
    assert promotion["consecutiveSuccessLimit"] == 1


@pytest.mark.parametrize("name", ["helpdesk-guard", "helpdesk-promotion"])
def test_conditions_read_fields_that_a_verdict_has(name):
    metric, _ = metrics()[name]
    read = set(re.findall(r"result\.(\w+)", metric["successCondition"] + metric["failureCondition"]))
    assert read <= set(RolloutVerdict.__slots__)


def test_evidence_that_there_is_none_of_is_compared_with_no_number():
    guard, _ = metrics()["helpdesk-guard"]
    for condition in (guard["successCondition"], guard["failureCondition"]):
        assert condition.startswith("result.e_value != nil && ")


@pytest.mark.parametrize("name", ["helpdesk-guard", "helpdesk-promotion"])
def test_the_url_is_one_that_the_server_answers(name):
    metric, arguments = metrics(server="https://models.example.com/")[name]
    url = metric["provider"]["web"]["url"]
    for argument in arguments:
        url = url.replace(f"{{{{ args.{argument['name']} }}}}", argument["value"])
    assert url == "https://models.example.com/v2/rollouts/r1/verdict"
    assert find_route("GET", url.removeprefix("https://models.example.com")) == Route("verdict", rollout="r1")


def test_undecided_is_waited_for_as_long_as_was_asked():
    promotion, _ = metrics(patience_h=2)["helpdesk-promotion"]
    assert promotion["interval"] == "10s"
    assert promotion["inconclusiveLimit"] == 720

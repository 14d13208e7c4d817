import re

import pytest
from tests.serve.exports.deployments import resources

from smallcraft.serve.metrics.families import FAMILIES
from smallcraft.serve.rollout.plan import RolloutPlan


def templates():
    return resources("flagger", "metric-templates.yaml")


def analysis(**changes):
    (canary,) = resources("flagger", "canary.yaml", **changes)
    return canary["spec"]["analysis"]


def test_queries_name_metrics_that_are_served_with_labels_that_they_have():
    for template in templates():
        assert template["kind"] == "MetricTemplate"
        assert template["spec"]["provider"]["type"] == "prometheus"
        ((name, matchers),) = re.findall(r"(smallcraft_\w+)\{(.*)\}", template["spec"]["query"])
        assert set(re.findall(r"(\w+)=", matchers)) <= set(FAMILIES[name].labels)


def test_queries_are_promql_once_flagger_has_filled_them_in():
    parser = pytest.importorskip("promql_parser")
    for template in templates():
        query = template["spec"]["query"].replace("{{ variables.rollout }}", "r1")
        assert "{{" not in query
        parser.parse(query)


def test_each_check_refers_to_a_template_that_there_is_and_names_the_rollout():
    known = {template["metadata"]["name"] for template in templates()}
    checks = analysis()["metrics"]
    assert {check["templateRef"]["name"] for check in checks} == known
    assert all(check["templateVariables"] == {"rollout": "r1"} for check in checks)
    assert all(re.fullmatch(r"[0-9]+(m|s)", check["interval"]) for check in checks)


def test_pods_follow_only_when_the_rollout_is_done():
    ranges = {check["name"]: check["thresholdRange"] for check in analysis()["metrics"]}
    assert ranges == {"helpdesk-e-value": {"max": 20.0}, "helpdesk-done": {"min": 1}}
    strict = analysis(plan=RolloutPlan(wrong_rollback=0.01))["metrics"][0]["thresholdRange"]
    assert strict == {"max": 100.0}


def test_failed_checks_wait_as_long_as_was_asked():
    found = analysis(patience_h=2)
    assert (found["interval"], found["threshold"]) == ("30s", 240)


def test_flagger_does_not_split_what_smallcraft_splits():
    (canary,) = resources("flagger", "canary.yaml")
    assert canary["spec"]["provider"] == "kubernetes"
    # Of the three kinds of analysis exactly one may be given.
    assert {"iterations", "stepWeight", "stepWeights"} & set(canary["spec"]["analysis"]) == {"iterations"}
    assert canary["spec"]["targetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "helpdesk"}

import re

import pytest
import yaml
from tests.serve.exports.deployments import deployment, resources

from smallcraft.serve.exports.kserve import KServe
from smallcraft.serve.rollout.plan import RolloutPlan


def services(file, **changes):
    return [found for found in resources("kserve", file, **changes) if found["kind"] == "InferenceService"]


@pytest.mark.parametrize("file", ["inference-service.yaml", "canary.yaml", "canary-knative.yaml"])
def test_kserve_asks_the_one_container_of_its_name_on_the_one_port(file):
    (service,) = services(file, port=9000)
    assert service["apiVersion"] == "serving.kserve.io/v1beta1"
    spec = service["spec"]
    for predictor in [spec["predictor"], *[canary["predictor"] for canary in spec.get("canary", [])]]:
        (container,) = predictor["containers"]
        assert container["name"] == "kserve-container"
        assert [port["containerPort"] for port in container["ports"]] == [9000]
        assert container["args"][container["args"].index("--port") + 1] == "9000"
        assert container["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": 9000}


def test_where_smallcraft_splits_there_is_one_pod_with_a_disk():
    claim, service = resources("kserve", "inference-service.yaml")
    predictor = service["spec"]["predictor"]
    assert "canary" not in service["spec"]
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 1)
    assert predictor["deploymentStrategy"] == {"type": "Recreate"}
    (volume,) = predictor["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (container,) = predictor["containers"]
    assert container["volumeMounts"] == [{"name": "state", "mountPath": "/var/lib/smallcraft"}]
    assert container["args"][:2] == ["serve", "helpdesk@3"]
    assert container["args"][-2:] == ["--state", "/var/lib/smallcraft"]


def test_the_newer_field_names_the_canary_and_its_whole_percents():
    (service,) = services("canary.yaml", plan=RolloutPlan(stages=(0.07, 0.5)))
    (canary,) = service["spec"]["canary"]
    assert (canary["trafficPercent"], canary["predictor"]["name"]) == (7, "v4")
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    assert canary["predictor"]["containers"][0]["args"][1] == "helpdesk@4"
    assert service["spec"]["predictor"]["containers"][0]["args"][1] == "helpdesk@3"


def test_the_older_field_stands_in_the_predictor_of_the_new_release():
    (service,) = services("canary-knative.yaml")
    predictor = service["spec"]["predictor"]
    assert predictor["canaryTrafficPercent"] == 5
    assert predictor["containers"][0]["args"][1] == "helpdesk@4"
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Knative"}


def test_a_pod_that_is_not_roots_may_write_to_its_new_disk():
    _, service = resources("kserve", "inference-service.yaml")
    predictor = service["spec"]["predictor"]
    assert predictor["containers"][0]["securityContext"]["runAsNonRoot"]
    assert predictor["securityContext"]["fsGroup"] > 0


def test_of_one_release_nothing_is_split():
    files = {file.name: file.text for file in KServe().write(deployment(stable="helpdesk@4"))}
    assert set(files) == {"inference-service.yaml", "README.md"}
    assert "smallcraft rollout start RELEASE" in files["README.md"]


def test_the_command_that_is_told_begins_a_rollout_with_the_folders_of_the_pod():
    files = {file.name: file.text for file in KServe().write(deployment(namespace="support"))}
    (command,) = re.findall(r"^  `kubectl (.*)`\.$", files["README.md"], re.MULTILINE)
    service = yaml.safe_load_all(files["inference-service.yaml"])
    (container,) = list(service)[1]["spec"]["predictor"]["containers"]
    pod, _, inside = command.partition(" -- ")
    assert pod == "exec -n support deploy/helpdesk-predictor"
    assert inside.startswith("smallcraft rollout start helpdesk@4 ")
    for option in ("--project", "--state"):
        assert f"{option} {container['args'][container['args'].index(option) + 1]}" in inside
    assert "http://helpdesk-predictor.support/v2/rollouts/ID/verdict" in files["README.md"]

"""Exports beside what the systems themselves publish of their resources: every field known, of its type.

Argo Rollouts: models made from its CRDs (npm). KServe and Kubernetes: the models of their own clients (PyPI).
Flagger publishes its CRDs in no package; `test_flagger` holds what they ask for.
"""

from __future__ import annotations

import copy
import json
import subprocess

import pytest
from benchmarks.peers import KSERVE
from tests.conftest import require
from tests.serve.exports.deployments import resources
from tests.typescript import run_node, type_errors, why_no_types

TEMPLATE = "@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1/AnalysisTemplate"
TYPED = """
import type {{ IAnalysisTemplate }} from "./node_modules/{template}";
export const templates: IAnalysisTemplate[] = {templates};
"""
VALIDATED = """
const {{ AnalysisTemplate }} = require("./node_modules/{template}.js");
for (const one of {templates}) new AnalysisTemplate(one).validate();
"""
# Walks a resource beside the models of the clients, each of which names its fields and their types.
WALKED = """
import json, re, sys
import kserve.models as ours
import kubernetes.client.models as theirs

PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}

def faults(value, kind, path):
    listed = re.fullmatch(r"[lL]ist\\[(.*)\\]", kind)
    mapped = re.fullmatch(r"[dD]ict[(\\[]str, (.*)[)\\]]", kind)
    if listed:
        if not isinstance(value, list):
            return [f"{path}: a list was wanted, got {value!r}"]
        return [found for at, one in enumerate(value) for found in faults(one, listed[1], f"{path}[{at}]")]
    if mapped:
        return [found for name, one in value.items() for found in faults(one, mapped[1], f"{path}.{name}")]
    if kind == "object":
        return []
    if kind in PLAIN:
        is_right = isinstance(value, PLAIN[kind]) and (kind == "bool") == isinstance(value, bool)
        return [] if is_right else [f"{path}: {kind} was wanted, got {value!r}"]
    kind = re.sub(r"^K8sIoApi[A-Z][a-z]+", "", kind)
    model = getattr(ours, kind, None) or getattr(theirs, kind)
    types = {written: model.openapi_types[name] for name, written in model.attribute_map.items()}
    unknown = [f"{path}.{name}: {kind} has no such field" for name in value if name not in types]
    known = [(name, one) for name, one in value.items() if name in types]
    deeper = [found for name, one in known for found in faults(one, types[name], f"{path}.{name}")]
    return unknown + deeper

KINDS = {"InferenceService": "V1beta1InferenceService"}
print(json.dumps([
    [
        found for one in resources
        for found in faults(one, KINDS.get(one["kind"], f"V1{one['kind']}"), one["kind"])
    ]
    for resources in json.load(sys.stdin)
]))
"""


def argo_faults(templates, folder):
    """Of types and unknown fields, then of the schema of the CRD."""
    told = json.dumps(templates)
    found = type_errors(TYPED.format(template=TEMPLATE, templates=told), folder)
    (folder / "validate.cjs").write_text(
        VALIDATED.format(template=TEMPLATE, templates=told), encoding="utf-8"
    )
    return found + run_node(["validate.cjs"], folder).stderr


def kserve_faults(python, files):
    """Faults of each file; all of them in one process, which takes long to load its clients."""
    done = subprocess.run(
        [str(python), "-c", WALKED], input=json.dumps(files), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_analysis_templates_are_what_argo_says_they_are(tmp_path):
    require(why_no_types("@kubernetes-models/argo-rollouts", "kubernetes-models"))
    templates = resources("argo", "analysis-templates.yaml")
    assert argo_faults(templates, tmp_path) == ""
    misspelt = copy.deepcopy(templates)
    metric = misspelt[0]["spec"]["metrics"][0]
    metric["sucessCondition"] = metric.pop("successCondition")
    assert "sucessCondition" in argo_faults(misspelt, tmp_path)
    typed = copy.deepcopy(templates)
    typed[0]["spec"]["metrics"][0]["failureLimit"] = True
    assert "failureLimit" in argo_faults(typed, tmp_path)


@pytest.mark.peer
@pytest.mark.slow
def test_services_have_only_fields_that_kserve_and_kubernetes_know(peer_python):
    found = [
        resources("kserve", file) for file in ("inference-service.yaml", "canary.yaml", "canary-knative.yaml")
    ]
    misspelt = copy.deepcopy(found)
    for one in misspelt:
        predictor = one[-1]["spec"]["predictor"]
        predictor["minReplica"] = 1
        predictor["containers"][0]["readinessProbe"]["periodSeconds"] = "5"
    faults = kserve_faults(peer_python(KSERVE), [*found, *misspelt])
    assert faults[:3] == [[], [], []]
    path = "InferenceService.spec.predictor"
    assert faults[3:] == 3 * [
        [
            f"{path}.minReplica: V1beta1PredictorSpec has no such field",
            f"{path}.containers[0].readinessProbe.periodSeconds: int was wanted, got '5'",
        ]
    ]

"""Resources as YAML: what was written comes back, and what no cluster would take is refused with the rule."""

import importlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.serve.exports.deployments import deployment, resources

from smallcraft.errors import InvalidInputError, MissingPartError
from smallcraft.serve.exports import BUILTIN
from smallcraft.serve.exports.manifests import (
    check_deployment,
    container,
    number_of,
    percents,
    state_claim,
    state_volume,
    to_yaml,
)
from smallcraft.serve.rollout.plan import RolloutPlan

REFUSED = [
    ({"name": "Help_desk"}, "lower-case letters"),
    ({"name": "h" * 41}, "at most 40"),
    ({"name": ""}, "lower-case letters"),
    ({"namespace": "a b"}, "the namespace"),
    ({"canary": "helpdesk"}, "named in full, such as helpdesk@4"),
    ({"stable": "helpdesk@latest"}, "named in full"),
    ({"port": 0}, "1 to 65535"),
    ({"port": 65536}, "1 to 65535"),
    ({"image": ""}, "name of an image"),
    ({"rollout": ""}, "id of a rollout"),
    ({"rollout": 'r1"} or vector(0) #'}, "id of a rollout"),
    ({"rollout": "../../metrics"}, "id of a rollout"),
    ({"patience_h": 0}, "at least 1 hour"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_what_no_cluster_takes_is_refused_with_the_rule(change, said):
    with pytest.raises(InvalidInputError, match=said):
        check_deployment(deployment(**change))


@pytest.mark.parametrize("name", BUILTIN)
def test_every_export_refuses_it_before_it_writes(name):
    with pytest.raises(InvalidInputError, match="the namespace"):
        BUILTIN[name].write(deployment(namespace="a b"))


@pytest.mark.parametrize("name", ["h", "h" * 40, "help-desk-2"])
def test_names_that_a_cluster_takes_are_taken(name):
    check_deployment(deployment(name=name))


@pytest.mark.parametrize("stages", [(0.025, 0.5), (0.001,), (0.5, 0.996)])
def test_a_share_that_is_no_whole_percent_is_refused_where_others_split(stages):
    with pytest.raises(InvalidInputError, match="whole percents"):
        percents(deployment(plan=RolloutPlan(stages=stages)))
    with pytest.raises(InvalidInputError, match="whole percents"):
        resources("kserve", "canary.yaml", plan=RolloutPlan(stages=stages))


def test_where_smallcraft_splits_any_share_will_do():
    plan = RolloutPlan(stages=(0.001, 0.5))
    assert resources("argo", "analysis-templates.yaml", plan=plan)
    assert resources("flagger", "canary.yaml", plan=plan)
    assert resources("kserve", "inference-service.yaml", plan=plan, stable="helpdesk@4")


@given(st.lists(st.integers(1, 99), min_size=1, max_size=5))
def test_whole_percents_are_told_exactly(shares):
    plan = RolloutPlan(stages=tuple(share / 100 for share in shares))
    assert percents(deployment(plan=plan)) == tuple(shares)


@pytest.mark.parametrize("release", ["helpdesk", "helpdesk@", "@", "helpdesk@latest", "helpdesk@-1"])
def test_a_release_without_a_number_is_refused(release):
    with pytest.raises(InvalidInputError, match="named in full, such as helpdesk@4"):
        number_of(release)


def test_a_name_with_an_at_sign_keeps_its_number():
    assert number_of("a@b@12") == "12"


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["yes", "no", "null", "1e3", "0x10", "- a", "a: b", '"', "#", "{{ args.server }}", "é", "12:30:00"]
)


@given(st.lists(st.dictionaries(texts, texts | st.integers() | st.lists(texts), max_size=4), min_size=1))
def test_what_was_written_comes_back_whatever_stands_in_it(found):
    text = to_yaml(found, about="what it is\nand what to do")
    assert text.startswith("# what it is\n# and what to do\n---\n")
    assert list(yaml.safe_load_all(text)) == found


def test_without_the_extra_the_command_that_installs_it_is_told(monkeypatch):
    def import_none(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", import_none)
    with pytest.raises(MissingPartError, match=r"pip install 'smallcraft\[serve\]'"):
        to_yaml([{}], about="")


def test_text_that_yaml_would_misread_comes_back_as_it_was():
    odd = 'r1: "#{yes}" \n- no é'
    for file in ("inference-service.yaml", "canary.yaml", "canary-knative.yaml"):
        service = resources("kserve", file, image=odd)[-1]
        assert service["spec"]["predictor"]["containers"][0]["image"] == odd


def test_only_a_container_that_runs_rollouts_keeps_a_state_on_the_claimed_disk():
    plain = container(deployment(), "helpdesk@3", name="c")
    keeps = container(deployment(), "helpdesk@3", name="c", has_state=True)
    assert "volumeMounts" not in plain
    assert "--state" not in plain["args"]
    (mount,) = keeps["volumeMounts"]
    assert keeps["args"][-2:] == ["--state", mount["mountPath"]]
    volume = state_volume(deployment())
    assert volume["name"] == mount["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == state_claim(deployment())["metadata"]["name"]

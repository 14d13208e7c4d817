"""What holds for every export: the same files each time, whole resources, words on what to do with them."""

import re

import pytest
import yaml
from tests.serve.exports.deployments import deployment

from smallcraft.serve.exports import BUILTIN


@pytest.mark.parametrize("name", BUILTIN)
def test_an_export_gives_the_same_files_each_time_and_says_what_to_do_with_them(name):
    files = BUILTIN[name].write(deployment())
    assert files == BUILTIN[name].write(deployment())
    texts = {file.name: file.text for file in files}
    assert len(texts) == len(files)
    readme = texts.pop("README.md")
    assert all(f"`{file}`" in readme or file in readme for file in texts if file != "analysis-templates.yaml")
    assert readme.startswith("# helpdesk ")


@pytest.mark.parametrize("name", BUILTIN)
def test_every_resource_has_a_kind_a_name_and_the_namespace(name):
    for file in BUILTIN[name].write(deployment(namespace="support")):
        if file.name.endswith(".yaml"):
            assert file.text.startswith("# ")
            for resource in yaml.safe_load_all(file.text):
                assert set(resource) == {"apiVersion", "kind", "metadata", "spec"}
                assert resource["metadata"]["namespace"] == "support"
                assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", resource["metadata"]["name"])


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, "http://helpdesk.default:8080"),
        ({"namespace": "support", "port": 9000}, "http://helpdesk.support:9000"),
        ({"server": "https://models.example.com/"}, "https://models.example.com"),
    ],
)
def test_a_server_without_an_address_of_its_own_has_that_of_its_service(changes, address):
    assert deployment(**changes).address == address

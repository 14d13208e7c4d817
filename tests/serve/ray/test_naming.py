"""What is called what on the cluster: one server's names are nobody else's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.serve.running import sources

from smallcraft.serve.ray.naming import controller_name, ingress_name, release_name, server_name


def test_servers_of_two_state_folders_have_nothing_in_common():
    one, other = server_name(Path("/srv/one")), server_name(Path("/srv/other"))
    assert one != other
    assert {controller_name(one), ingress_name(one)}.isdisjoint({controller_name(other), ingress_name(other)})
    assert server_name(Path("/srv/one")) == one


def test_another_bundle_under_the_same_label_is_another_application(tmp_path):
    first, second = sources(tmp_path)
    relabelled = replace(second, version=first.version)
    assert relabelled.label == first.label
    assert release_name("server", first) != release_name("server", relabelled)

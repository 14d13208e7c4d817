from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import ConfigError, InvalidInputError
from smallcraft.pipeline.config import parse_config
from smallcraft.pipeline.registry_section import RegistrySection
from smallcraft.registry.tlog.entry import check_origin

DATA = 'data = {path = "a.csv", text = "m", label = "l"}\n'


def section(text):
    return parse_config(f"{DATA}[registry]\n{text}").registry


def test_by_default_the_log_names_itself_and_a_rule_may_give_the_reason():
    found = parse_config(DATA).registry
    assert (found.origin, found.require_because) == (None, False)


def test_both_can_be_declared():
    found = section('origin = "example.com/models"\nrequire_because = true')
    assert (found.origin, found.require_because) == ("example.com/models", True)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "x" * 201, "größe", "a\\tb"])
def test_a_name_that_no_log_can_have_is_refused_in_the_project_file(origin):
    with pytest.raises(ConfigError, match=r"origin"):
        section(f'origin = "{origin}"')


def test_an_unknown_key_is_refused():
    with pytest.raises(ConfigError, match="require_because"):
        section("requires_because = true")


@given(st.text(st.characters(max_codepoint=255), min_size=1, max_size=30))
def test_what_the_project_file_takes_the_log_takes_too(origin):
    try:
        RegistrySection(origin=origin)
    except ValueError:
        return
    try:
        check_origin(origin)
    except InvalidInputError as error:
        raise AssertionError(f"{origin!r} was taken, and then refused") from error

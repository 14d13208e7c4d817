from __future__ import annotations

import json
from pathlib import Path

import cyclonedx.schema
import pytest

from smallcraft.registry.papers import licenses
from smallcraft.registry.papers.licenses import license_address, license_identifier

SPDX = Path(cyclonedx.schema.__file__).parent / "_res" / "spdx.SNAPSHOT.schema.json"


def test_every_identifier_is_one_of_the_published_list():
    known = {*json.loads(SPDX.read_text(encoding="utf-8"))["enum"]}
    assert {*licenses._IDENTIFIERS} <= known


@pytest.mark.parametrize("text", ["apache-2.0", " Apache-2.0 ", "APACHE-2.0"])
def test_case_and_space_do_not_hide_an_identifier(text):
    assert license_identifier(text) == "Apache-2.0"


@pytest.mark.parametrize("text", ["", "Apache", "MIT or so", "internal use only"])
def test_words_stay_words(text):
    assert license_identifier(text) is None
    assert license_address(text) == text

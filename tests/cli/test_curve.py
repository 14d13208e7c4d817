"""`smallcraft curve`: the table, the sentences, the object and the page."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from tests.conftest import ROOT
from tests.projects import write_messages

from smallcraft.cli.curve import curve, sentences_of
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.learning import draw_curve

SCHEMA = json.loads((ROOT / "docs" / "schemas" / "curve.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_messages(
        tmp_path_factory.mktemp("curve") / "p", rows=200, more='[ladder]\nbackbone = "none"\n'
    )


def test_people_are_told_points_and_what_they_say(project, capsys, tmp_path):
    page = tmp_path / "curve.html"
    assert curve(project, repeats=2, output=page) == 0
    said = " ".join(capsys.readouterr().out.split())
    rows = re.search(r"(\d+) labelled rows instead of (\d+) would raise accuracy of ngram by about", said)
    assert rows is not None, said
    assert int(rows[1]) == 2 * int(rows[2])
    assert "Check of the method: the smaller sizes alone foretold" in said
    assert said.count("foretold") == 3
    assert f"{rows[1]} labelled rows" in page.read_text(encoding="utf-8")


def test_scripts_are_told_one_object(project, capsys):
    assert curve(project, repeats=2, as_json=True) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    jsonschema.validate(told, SCHEMA)
    assert told["rung"] == "ngram"


def test_the_sentence_has_the_numbers_of_the_doubling(project):
    learned = draw_curve(load_config(project), SilentListener(), repeats=2)
    gain = learned.doubling
    buys, checked = sentences_of(learned)
    assert f"by about {100 * gain.value:.2f} points" in buys
    assert f"{100 * gain.low:.2f} to {100 * gain.high:.2f}" in buys
    assert ("inside" in checked) == learned.has_held

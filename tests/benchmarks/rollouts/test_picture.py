import xml.etree.ElementTree as ElementTree

import pytest
from benchmarks.rollouts.kept import KeptCell, Made
from benchmarks.rollouts.picture import render_picture

from smallcraft.serve.simulation.flagger import Flagger
from smallcraft.serve.simulation.scenarios import SCENARIOS
from smallcraft.serve.simulation.simulate import simulate_rule

MADE = Made("", "", "", 0.0, {}, {})
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def kept():
    rules = [
        Flagger("calm & slow", tick_s=30.0),
        Flagger("nervous", tick_s=30.0, threshold=1, least_success=1.0),
    ]
    return {
        name: [
            KeptCell(simulate_rule(rule, SCENARIOS[name], rollouts=10, seed=1, horizon_s=900.0), MADE)
            for rule in rules
        ]
        for name in ("fine", "incident", "errors")
    }


def picture(kept):
    return render_picture(kept, most_false_percent=5.0, most_harm=10.0)


def test_every_rule_is_named_and_a_rule_that_is_wrong_more_often_stands_further_right(kept):
    root = ElementTree.fromstring(picture(kept))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"calm & slow", "nervous"} <= set(texts)
    # Of the discs after those of the legends, the first of each line is `fine`.
    discs = [float(element.get("cx")) for element in root.iter(f"{SVG}circle")][2:]
    calm, nervous = discs[0], discs[2]
    assert kept["fine"][1].cell.rolled_back.share > kept["fine"][0].cell.rolled_back.share
    assert nervous > calm


def test_all_marks_are_inside(kept):
    root = ElementTree.fromstring(picture(kept))
    width, height = (float(value) for value in root.get("viewBox").split()[2:])
    for element in root.iter(f"{SVG}circle"):
        assert 0 < float(element.get("cx")) < width
        assert 0 < float(element.get("cy")) < height


def test_the_picture_names_nothing_outside_itself_and_says_what_it_shows(kept):
    drawn = picture(kept)
    assert drawn.count("http") == 1
    assert "<title" in drawn
    assert "<desc" in drawn
    assert drawn == picture(kept)

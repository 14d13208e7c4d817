from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.pipeline.builds import make_build

from smallcraft.pipeline.charts import (
    COLOUR_NAMES,
    draw_classes,
    draw_costs,
    draw_reliability,
    render_png,
    render_svg,
)
from smallcraft.pipeline.report_parts.points import ClassPoint, CostPoint, class_points, cost_points
from smallcraft.pipeline.report_parts.reliability import describe_reliability
from smallcraft.pipeline.report_parts.tables import find_winner

POINT = CostPoint("fast", "chosen", 0.5, 0.4, 0.6, 0.9, 0.88, 0.92, "fast · macro_f1 0.900")


@pytest.fixture(scope="module")
def result():
    return make_build()


@pytest.fixture(scope="module")
def cost_chart(result):
    return draw_costs(cost_points(result.candidates, result.decision), metric="macro_f1").to_dict()


def rows_of(chart, kind):
    """Rows of the layers of one kind of mark, as Vega-Lite is given them."""
    layers = [layer for layer in chart["layer"] if layer["mark"]["type"] == kind]
    names = [layer.get("data", chart.get("data"))["name"] for layer in layers]
    return [row for name in names for row in chart["datasets"][name]]


def named(chart, kind):
    return {row["rung"]: row for row in rows_of(chart, kind)}


def svg_of(chart, alt="a chart"):
    return ElementTree.fromstring(render_svg(chart, alt=alt))


def tooltips(svg):
    return [title.text for title in svg.iter("title")]


# --- what is drawn is what was measured ----------------------------------------------


def test_the_cost_chart_holds_the_measurements_of_every_measured_candidate(result, cost_chart):
    drawn = named(cost_chart, "point")
    assert set(drawn) == {"majority", "ngram", "fast", "frozen", "cascade"}
    for evidence in result.candidates[:5]:
        quality, cost = evidence.find("macro_f1", split="dev"), evidence.find("cpu_s_per_1000")
        row = drawn[evidence.rung]
        assert (row["quality"], row["low"], row["high"]) == (quality.value, quality.low, quality.high)
        assert (row["cost"], row["cost_low"], row["cost_high"]) == (cost.value, cost.low, cost.high)


def test_points_stand_at_their_value_but_for_those_off_the_axis(cost_chart):
    drawn = named(cost_chart, "point")
    for rung in ("ngram", "fast", "frozen", "cascade"):
        assert drawn[rung]["drawn"] == drawn[rung]["quality"]
    low, high = cost_chart["layer"][1]["encoding"]["y"]["scale"]["domain"]
    assert low < drawn["majority"]["drawn"] < min(row["low"] for row in drawn.values() if not row["is_foot"])
    assert high >= max(row["high"] for row in drawn.values())


def test_a_point_off_the_axis_says_so_with_its_value_and_has_no_interval(cost_chart):
    labels = {row["rung"]: row["label"] for row in rows_of(cost_chart, "text")}
    assert labels.pop("majority") == "majority: 0.021, off the axis"
    assert all(rung == label for rung, label in labels.items())
    assert "majority" not in named(cost_chart, "rule")


def test_every_candidate_is_named_once(cost_chart):
    assert Counter(row["rung"] for row in rows_of(cost_chart, "text")) == Counter(
        list(named(cost_chart, "point"))
    )


def test_winner_tie_and_losers_differ_in_colour_and_in_shape(cost_chart):
    encoding = cost_chart["layer"][1]["encoding"]
    assert encoding["color"]["scale"]["domain"] == ["chosen", "tied", "lost"]
    assert len(set(encoding["color"]["scale"]["range"])) == 3
    assert len(set(encoding["shape"]["scale"]["range"])) == 3


def test_names_of_candidates_of_one_cost_stand_on_different_sides():
    upper = replace(POINT, rung="upper", quality=0.91)
    chart = draw_costs((POINT, upper), metric="macro_f1").to_dict()
    sides = {row["rung"]: row["side"] for row in rows_of(chart, "text")}
    assert sides == {"fast": "below", "upper": "above"}


def test_where_lower_is_better_the_axis_is_turned_round():
    points = (POINT, replace(POINT, rung="other", quality=0.2, low=0.1, high=0.3))
    lower = draw_costs(points, metric="log_loss").to_dict()["layer"][1]["encoding"]["y"]
    higher = draw_costs(points, metric="accuracy").to_dict()["layer"][1]["encoding"]["y"]
    assert lower["scale"]["reverse"] is True
    assert "lower is better" in lower["title"]
    assert higher["scale"]["reverse"] is False
    assert "higher is better" in higher["title"]


def test_the_cost_axis_is_logarithmic_and_holds_every_cost(cost_chart):
    scale = cost_chart["layer"][1]["encoding"]["x"]["scale"]
    assert scale["type"] == "log"
    low, high = scale["domain"]
    assert all(low < row["cost"] < high for row in rows_of(cost_chart, "point"))


def test_the_class_chart_holds_the_measurements_in_their_order(result):
    points = class_points(find_winner(result.candidates, result.decision))
    chart = draw_classes(points).to_dict()
    assert rows_of(chart, "point") == rows_of(chart, "rule") == [asdict(point) for point in points]
    assert chart["layer"][1]["encoding"]["y"]["sort"] is None


# --- the picture ---------------------------------------------------------------------


def test_every_point_of_the_picture_carries_its_numbers_as_a_tooltip(result):
    points = cost_points(result.candidates, result.decision)
    assert tooltips(svg_of(draw_costs(points, metric="macro_f1"))) == [point.hover for point in points]
    classes = class_points(find_winner(result.candidates, result.decision))
    assert tooltips(svg_of(draw_classes(classes))) == [point.hover for point in classes]


def test_the_picture_says_in_words_what_it_shows(result):
    svg = svg_of(draw_costs((POINT,), metric="accuracy"), alt='fast "0.9" <b>')
    assert (svg.get("role"), svg.get("aria-label")) == ("img", 'fast "0.9" <b>')
    assert svg.get("viewBox") is not None
    assert svg.get("width") is None


def test_the_picture_names_nothing_outside_itself(result):
    markup = render_svg(
        draw_costs(cost_points(result.candidates, result.decision), metric="macro_f1"), alt="costs"
    )
    assert "http" not in markup
    assert "xmlns" not in markup
    kinds = {element.tag for element in ElementTree.fromstring(markup).iter()}
    assert kinds <= {"svg", "g", "path", "line", "rect", "text", "title"}


def test_every_colour_of_the_picture_can_be_another_one_in_the_dark(result):
    for chart in (
        draw_costs(cost_points(result.candidates, result.decision), metric="macro_f1"),
        draw_classes(class_points(find_winner(result.candidates, result.decision))),
    ):
        for element in svg_of(chart).iter():
            for attribute in ("fill", "stroke"):
                colour = element.get(attribute)
                assert colour in {None, "none", "transparent", *COLOUR_NAMES}
                if colour in COLOUR_NAMES:
                    assert f"{attribute}-{COLOUR_NAMES[colour]}" in element.get("class").split()


def test_a_candidate_without_an_interval_has_a_point_and_no_line():
    bare = replace(POINT, rung="bare", low=None, high=None)
    lines = [svg_of(draw_costs(points, metric="accuracy")) for points in ((POINT, bare), (POINT, POINT))]
    counts = [sum("chosen" in (line.get("class") or "") for line in svg.iter("line")) for svg in lines]
    assert counts == [1, 2]
    assert len(tooltips(lines[0])) == 2


@pytest.mark.parametrize(
    "word", ["<script>alert(1)</script>", '"]}</svg>', "a.b[c]\\d", "datum.low", "", " "]
)
def test_any_name_is_drawn_as_text(word):
    point = ClassPoint(word, 0.5, 0.4, 0.6, f"{word} · F1 0.500")
    svg = svg_of(draw_classes((point,)))
    assert tooltips(svg) == [point.hover]
    assert word.strip() in "".join(svg.itertext())
    assert "script" not in {element.tag for element in svg.iter()}


def test_the_confidence_chart_holds_the_bins_and_the_line_of_a_model_that_means_it():
    sure, right = np.linspace(0.4, 1, 60), np.arange(60) % 3 > 0
    reliability = describe_reliability(sure, right)
    chart = draw_reliability(reliability).to_dict()
    line, points = rows_of(chart, "line"), rows_of(chart, "point")
    assert all(end["sure"] == end["right"] for end in line)
    assert rows_of(chart, "rule") == points
    assert [(row["sure"], row["right"]) for row in points] == [
        (each.confidence, each.right) for each in reliability.bins
    ]
    low, high = chart["layer"][2]["encoding"]["x"]["scale"]["domain"]
    assert all(low <= row["low"] and row["sure"] <= high for row in points)
    assert tooltips(svg_of(draw_reliability(reliability))) == [each.hover for each in reliability.bins]


def test_a_picture_for_a_card_is_a_png_twice_as_wide_and_always_the_same(result):
    points = class_points(find_winner(result.candidates, result.decision))
    first, second = (render_png(draw_classes(points)) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(first[16:20], "big") > 2 * 600


def test_the_same_points_give_the_same_picture(result):
    points = cost_points(result.candidates, result.decision)
    first, second = (render_svg(draw_costs(points, metric="macro_f1"), alt="a") for _ in range(2))
    assert first == second

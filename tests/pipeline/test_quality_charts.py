from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.quality_reports import CLASSES, consensus, label_issues, row_counts

from smallcraft.pipeline.charts import COLOUR_NAMES, render_svg
from smallcraft.pipeline.quality_charts import (
    MOST_POINTS,
    draw_histogram,
    draw_slices,
    find_histograms,
    find_slices,
    plain_numbers,
)
from smallcraft.records import CheckResult, Measurement, Outcome


def check_of(numbers=None, measurements=()):
    return CheckResult("any", Outcome.PASS, "", numbers or {}, (), tuple(measurements))


def binned(counts, *, start=-2.0, name="margin", tail=""):
    edges = {f"{name}_edge_{place}{tail}": start + place for place in range(len(counts) + 1)}
    return edges | {f"{name}_count_{place}{tail}": count for place, count in enumerate(counts)}


def sliced(name, value, *, of="class=a", low=None, high=None, split=None):
    return Measurement(name, value, "share", 9, "by hand", low=low, high=high, slice=of, split=split)


def svg_of(chart):
    return ElementTree.fromstring(render_svg(chart, alt="a chart"))


def tooltips(svg):
    return [title.text for title in svg.iter("title")]


def rows_of(chart):
    """Rows of every layer, as Vega-Lite is given them."""
    chart = chart.to_dict()
    return [row for rows in chart["datasets"].values() for row in rows]


# --- what can be drawn ---------------------------------------------------------------


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.sampled_from(["", "_dev", "_a_b"]))
def test_a_histogram_is_found_with_every_edge_and_count(counts, tail):
    (found,) = find_histograms(check_of({"rows": 3} | binned(counts, tail=tail)))
    assert [bar.count for bar in found.bars] == counts
    assert [(bar.low, bar.high) for bar in found.bars] == [
        (place - 2.0, place - 1.0) for place in range(len(counts))
    ]
    assert (found.name, found.split) == ("margin", tail[1:] or None)


def test_bins_may_be_told_by_their_own_bounds():
    numbers = {"p_low_0": 0.0, "p_high_0": 0.5, "p_low_1": 0.5, "p_high_1": 1.0}
    (found,) = find_histograms(check_of(numbers | {"p_count_0": 3, "p_count_1": 4}))
    assert [(bar.low, bar.high, bar.count) for bar in found.bars] == [(0.0, 0.5, 3), (0.5, 1.0, 4)]


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"margin_edge_0": -1.0, "margin_edge_1": 1.0},
        {"margin_count_0": 3},
        {"margin_edge_0": -1.0, "margin_count_0": 3},
        {"margin_edge_0": 1.0, "margin_edge_1": 1.0, "margin_count_0": 3},
        {"margin_edge_0": 0.0, "margin_edge_1": 1.0, "margin_count_1": 3},
        {"margin_edge_0": 0.0, "margin_edge_1": None, "margin_count_0": 3},
        {"margin_edge_0": 0.0, "margin_edge_1": float("nan"), "margin_count_0": 3},
        {"margin_edge_0": 0.0, "margin_edge_1": 1.0, "margin_count_0": -3},
        {"p_low_0": 0.0, "p_high_0": 0.4, "p_count_0": 3, "p_low_1": 0.5, "p_high_1": 1.0, "p_count_1": 3},
    ],
)
def test_numbers_that_are_no_whole_histogram_are_not_drawn_and_stay_numbers(numbers):
    assert find_histograms(check_of(numbers)) == ()
    assert plain_numbers(check_of(numbers)) == numbers


def test_numbers_of_a_histogram_are_told_once():
    assert plain_numbers(label_issues()) == {"flagged_train": 40, "flagged_share_train": 40 / 7000}
    assert plain_numbers(row_counts()) == row_counts().numbers


def test_slices_of_one_quantity_and_split_belong_together_worst_first():
    found = find_slices(
        (
            sliced("flagged_share", 0.1, of="class=a", split="train"),
            sliced("flagged_share", None, of="class=b", split="train"),
            sliced("flagged_share", 0.3, of="class=c", split="train"),
            sliced("flagged_share", 0.2, of="class=a", split="dev"),
            sliced("annotator_accuracy", 0.9, of="annotator=x=y"),
            sliced("annotator_accuracy", 0.7, of="annotator=z"),
            sliced("flagged_share", 0.2, of="all", split="train"),
        )
    )
    assert [slices.title for slices in found] == [
        "flagged share by class on train",
        "flagged share by class on dev",
        "annotator accuracy by annotator",
    ]
    assert [m.slice for m in found[0].measurements] == ["class=c", "class=a", "class=b"]
    assert [point.name for point in found[2].points] == ["z", "x=y"]


def test_what_was_not_measured_has_no_point():
    (slices,) = find_slices(consensus().measurements)
    assert len(slices.measurements) == 4
    assert [point.name for point in slices.points] == ["ann_c", "ann_b", "ann_a"]


def test_a_value_or_bound_that_no_axis_has_is_not_drawn():
    nan, infinite = float("nan"), float("inf")
    pair = (sliced("error", nan, of="class=a"), sliced("error", 0.4, of="class=b", low=0.1, high=infinite))
    (slices,) = find_slices(pair)
    assert [(point.name, point.low, point.high) for point in slices.points] == [("b", 0.1, None)]
    assert len(tooltips(svg_of(draw_slices(slices)))) == 1


def test_the_chart_has_the_worst_slices_only():
    many = [sliced("error", place / 100, of=f"class=c{place}") for place in range(MOST_POINTS + 5)]
    (slices,) = find_slices(many)
    assert len(slices.points) == MOST_POINTS
    assert slices.points[0].name == f"c{MOST_POINTS + 4}"


def test_names_that_are_cut_stay_different_lines_of_the_chart():
    names = ["x" * 60 + end for end in "abc"]
    (slices,) = find_slices([sliced("error", 0.5, of=f"class={name}") for name in names])
    assert len({point.name for point in slices.points}) == 3
    assert len(tooltips(svg_of(draw_slices(slices)))) == 3


def test_slices_of_two_columns_are_named_by_both_and_an_ampersand_in_a_value_splits_nothing():
    found = find_slices(
        (
            sliced("accuracy_gap", 0.1, of="sex=F & race=Black"),
            sliced("accuracy_gap", 0.2, of="sex=M & race=White"),
            sliced("f1", 0.2, of="class=R & D"),
        )
    )
    assert [slices.title for slices in found] == ["accuracy gap by sex & race", "f1 by class"]
    assert [[point.name for point in slices.points] for slices in found] == [
        ["F & Black", "M & White"],
        ["R & D"],
    ]


# --- the pictures --------------------------------------------------------------------


def test_the_histogram_draws_the_counts_and_each_bar_tells_them():
    (histogram,) = find_histograms(label_issues())
    chart = draw_histogram(histogram)
    assert [(row["low"], row["high"], row["count"]) for row in rows_of(chart)] == [
        (bar.low, bar.high, bar.count) for bar in histogram.bars
    ]
    assert tooltips(svg_of(chart)) == [bar.hover for bar in histogram.bars]
    assert histogram.bars[0].hover == "-8 to -7 · 3 rows"


def test_bars_below_zero_and_no_others_stand_out():
    (histogram,) = find_histograms(check_of(binned([5, 6, 7, 8], start=-2.5)))
    bars = [
        element
        for element in svg_of(draw_histogram(histogram)).iter("path")
        if element.find("title") is not None
    ]
    assert [bar.get("class").split()[-1] for bar in bars] == [
        *("fill-chosen", "fill-chosen"),
        *("fill-lost", "fill-lost"),
    ]
    assert [bar.is_below_zero for bar in histogram.bars] == [True, True, False, False]


def test_a_histogram_of_no_rows_is_still_a_picture():
    (histogram,) = find_histograms(check_of(binned([0, 0])))
    assert len(tooltips(svg_of(draw_histogram(histogram)))) == 2


def test_the_chart_of_slices_draws_what_was_measured_with_its_interval():
    (slices,) = find_slices(label_issues().measurements)
    rows = {row["name"]: row for row in rows_of(draw_slices(slices))}
    assert set(rows) == set(CLASSES)
    for measurement in slices.measurements:
        row = rows[measurement.slice.removeprefix("class=")]
        assert (row["value"], row["low"], row["high"]) == (
            measurement.value,
            measurement.low,
            measurement.high,
        )


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted), min_size=1, max_size=5)
)
def test_every_point_and_interval_lies_inside_the_axis_and_a_share_within_its_bounds(found):
    measured = [
        sliced("share", value, of=f"class={place}", low=low, high=high)
        for place, (low, value, high) in enumerate(found)
    ]
    (slices,) = find_slices(measured)
    low, high = draw_slices(slices).to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert 0 <= low <= min(values[0] for values in found)
    assert max(values[2] for values in found) <= high <= 1


def test_a_slice_without_an_interval_has_a_point_and_no_line():
    pair = (sliced("error", 0.5, of="class=a"), sliced("error", 0.4, of="class=b", low=0.3, high=0.5))
    (slices,) = find_slices(pair)
    svg = svg_of(draw_slices(slices))
    assert sum("stroke-chosen" in (line.get("class") or "") for line in svg.iter("line")) == 1
    assert len(tooltips(svg)) == 2


def pictures():
    (histogram,) = find_histograms(label_issues())
    (slices,) = find_slices(label_issues().measurements)
    return draw_histogram(histogram), draw_slices(slices)


def test_every_colour_of_the_pictures_can_be_another_one_in_the_dark():
    for chart in pictures():
        for element in svg_of(chart).iter():
            for attribute in ("fill", "stroke"):
                colour = element.get(attribute)
                assert colour in {None, "none", "transparent", *COLOUR_NAMES}
                if colour in COLOUR_NAMES:
                    assert f"{attribute}-{COLOUR_NAMES[colour]}" in element.get("class").split()


def test_the_pictures_name_nothing_outside_themselves_and_are_the_same_every_time():
    first, second = ([render_svg(chart, alt="a") for chart in pictures()] for _ in range(2))
    assert first == second
    for markup in first:
        assert "http" not in markup
        assert {element.tag for element in ElementTree.fromstring(markup).iter()} <= {
            *("svg", "g", "path", "line"),
            *("rect", "text", "title"),
        }


@pytest.mark.parametrize(
    "word", ["<script>alert(1)</script>", '"]}</svg>', "a.b[c]\\d", "datum.low", "", " ", "a\x00\u202eb"]
)
def test_any_name_is_drawn_as_text(word):
    (slices,) = find_slices([sliced(word, 0.5, of=f"{word}={word}")])
    svg = svg_of(draw_slices(slices))
    assert "script" not in {element.tag for element in svg.iter()}
    assert not {"\x00", "\u202e"} & set("".join(svg.itertext()))
    (histogram,) = find_histograms(check_of(binned([1, 2], name=word or "x")))
    assert len(tooltips(svg_of(draw_histogram(replace(histogram, name=word))))) == 2

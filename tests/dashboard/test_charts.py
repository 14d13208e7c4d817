"""Charts: drawn from what was handed over, kept, inert whatever a line is called."""

from __future__ import annotations

from smallcraft.dashboard.charts import Axes, Limit, Line, Point, draw_bars, draw_lines

AXES = Axes("", "share", is_time=True)
UGLY = "<script>alert(1)</script>"


def drawn(*points, name="stable", **options):
    return draw_lines([Line(name, points)], options.pop("axes", AXES), alt="a", caption="c", **options)


def test_without_a_point_there_is_no_chart():
    assert drawn() is None
    assert drawn(Point(0, None)) is None
    assert draw_bars([], title="t", alt="a", caption="c") is None


def test_equal_points_give_the_same_picture_and_others_another():
    first, again = drawn(Point(0, 0.5), Point(60, 0.6)), drawn(Point(0, 0.5), Point(60, 0.6))
    assert first == again
    assert drawn(Point(0, 0.5), Point(60, 0.7)) != first


def test_a_name_is_text_in_the_picture():
    lines = [Line(name, [Point(0, 1.0), Point(9, 2.0)]) for name in (UGLY, "b")]
    picture = draw_lines(lines, AXES, alt=UGLY, caption="c")
    assert "<script" not in picture.svg
    assert "&lt;script&gt;" in picture.svg


def test_a_limit_stands_in_the_picture_with_its_name():
    picture = drawn(
        Point(0, 1.0), axes=Axes("", "e-value", is_time=True, is_log=True), limits=[Limit(20.0, "back at 20")]
    )
    assert "back at 20" in picture.svg


def test_bars_stand_in_the_order_given():
    svg = draw_bars([("zebra", 0.2), ("ape", 0.8)], title="share", alt="a", caption="c").svg
    assert svg.index("zebra") < svg.index("ape")

"""The scatter draws each candidate once, with its numbers; one far worse than the rest presses no other."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from smallcraft.dashboard.scatter import KINDS, Dot, draw_dots, far_end

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=20)
DOTS = (
    Dot(0.3, 0.93, 0.91, 0.95, "released", "ngram <b> & more"),
    Dot(0.4, 0.92, None, None, "lost", "tiny"),
    Dot(7.5, 0.90, 0.88, 0.92, "kept back by a gate", "frozen"),
)


def test_every_candidate_is_a_point_with_its_words():
    picture = draw_dots(DOTS, metric="macro_f1", caption="words")
    titles = re.findall(r"<title>(.*?)</title>", picture.svg)
    assert sorted(titles) == ["frozen", "ngram &lt;b&gt; &amp; more", "tiny"]
    assert all(kind in picture.svg for kind in KINDS)
    assert picture.caption == "words"


def test_the_same_candidates_give_the_same_picture():
    first, again = (draw_dots(DOTS, metric="macro_f1", caption="words") for _ in range(2))
    assert first == again
    assert draw_dots(DOTS[:2], metric="macro_f1", caption="words").svg != first.svg


def test_nothing_to_draw_is_no_picture():
    assert draw_dots((), metric="macro_f1", caption="") is None


def test_what_stands_off_the_axis_is_counted_in_the_caption():
    dots = [Dot(1.0, 0.9 + place / 100, None, None, "lost", "x") for place in range(8)]
    far = Dot(0.1, 0.01, None, None, "lost", "majority")
    assert "1 far worse than the rest" in draw_dots([*dots, far], metric="macro_f1", caption="").caption
    assert "far worse" not in draw_dots(dots, metric="macro_f1", caption="").caption


def test_the_best_is_named_for_who_cannot_see_the_chart():
    svg = draw_dots(DOTS, metric="log_loss", caption="").svg
    assert "the best: frozen" in svg
    assert "the best: ngram" in draw_dots(DOTS, metric="macro_f1", caption="").svg


@given(SHARES)
def test_the_axis_ends_at_a_candidate_and_shows_half_of_them_at_least(qualities):
    end = far_end(qualities)
    assert end in qualities
    assert 2 * sum(one >= end for one in qualities) >= len(qualities)


@given(SHARES)
def test_where_lower_is_better_the_axis_is_the_mirror_image(qualities):
    mirrored = [-one for one in qualities]
    assert far_end(mirrored, is_reversed=True) == -far_end(qualities)

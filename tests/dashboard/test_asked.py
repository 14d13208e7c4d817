"""Questions of browsers: numbers within bounds, words, links with what must be escaped."""

from __future__ import annotations

import pytest

from smallcraft.dashboard.asked import Asked, Site


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "９", "1" * 400])
def test_what_is_no_whole_number_is_the_default(text):
    assert Asked(query={"page": text}).number("page", 7) == 7


def test_a_number_is_brought_within_bounds():
    assert Asked(query={"page": "0"}).number("page", 7) == 1
    assert Asked(query={"page": "99"}).number("page", 7, high=50) == 50


def test_a_word_has_no_space_around_it_and_is_empty_where_absent():
    asked = Asked(query={"release": " a@1 "})
    assert (asked.word("release"), asked.word("other")) == ("a@1", "")


def test_a_link_stays_below_the_root_and_escapes_its_query():
    link = Site("p", root="/ui").link("/drift", release="a&b=<c>", empty="", none=None)
    assert link == "/ui/drift?release=a%26b%3D%3Cc%3E"

"""Releases: pages tile the list, filters find by the log, the search is the registry's own."""

from __future__ import annotations

import pytest
from tests.dashboard.projects import break_facts, pages, release_bare
from tests.registry.decided import DAYS

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import releases
from smallcraft.dashboard.views.releases import ON_A_PAGE


def listed(folder, **query):
    found = releases.read(Sources(folder), Asked(query=query)).listed
    assert found.value is not None, found.problem
    return found.value


def labels(found):
    return [one.label for one in found.shown]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More than fit on a page, with names that moved; not to be changed."""
    folder = tmp_path_factory.mktemp("releases")
    registry = release_bare(folder, ON_A_PAGE + 3)
    for version in (1, 2):
        registry.set_alias("rows", "stable", version, now=DAYS[version - 1], reason="it held")
    return folder


def test_pages_tile_the_list_newest_first(many):
    first, second = listed(many), listed(many, page="2")
    assert labels(first) + labels(second) == [f"rows@{number}" for number in range(ON_A_PAGE + 3, 0, -1)]
    assert (first.pages, first.total, second.page) == (2, ON_A_PAGE + 3, 2)


@pytest.mark.parametrize("page", ["0", "-1", "x", "99", "1e3"])
def test_a_page_that_is_none_is_the_nearest_one(many, page):
    assert listed(many, page=page).page in (1, 2)


def test_a_name_finds_every_release_that_it_ever_meant(many):
    assert labels(listed(many, alias="stable")) == ["rows@2", "rows@1"]
    assert listed(many, alias="stable").aliases == ("stable",)
    assert labels(listed(many, alias="nothing")) == []


def test_words_find_releases_by_what_they_say_of_themselves(many):
    assert labels(listed(many, q="number 17")) == ["rows@17"]
    assert labels(listed(many, q="NUMBER rows@17")) == ["rows@17"] or labels(listed(many, q="17")) == [
        "rows@17"
    ]
    assert labels(listed(many, q="% ' \" ; --")) == []


def test_links_to_other_pages_keep_the_filter(many):
    page = pages(many).get("/releases", params={"q": "number"}).text
    assert "page=2&amp;q=number" in page


def test_what_was_typed_comes_back_as_text(many):
    page = pages(many).get("/releases", params={"q": '"><script>alert(1)</script>', "alias": "<b>"}).text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;alert(1)" in page


def test_what_was_serving_is_told_on_the_page_by_the_log(many):
    page = pages(many).get("/releases", params={"at": "2026-10-02T10:00"}).text
    assert "2026-10-02 10:00:59 UTC" in page
    assert "rows@1" in page
    assert "No rollout has a receipt that old" in page


def test_a_time_that_is_none_is_told_beside_the_list(many):
    page = pages(many).get("/releases", params={"at": "yesterday"})
    assert page.status_code == 200
    assert "write for example" in page.text
    assert f"rows@{ON_A_PAGE + 3}" in page.text


def test_a_page_reads_the_releases_on_it_and_not_the_others(tmp_path):
    registry = release_bare(tmp_path, ON_A_PAGE + 1)
    break_facts(registry, "rows@1")
    assert all(one.line.is_there for one in listed(tmp_path).shown)
    assert [one.line.is_there for one in listed(tmp_path, page="2").shown] == [False]


def test_an_empty_project_says_what_to_do(tmp_path):
    page = pages(tmp_path).get("/releases", params={"at": "2026-10-01"})
    assert page.status_code == 200
    assert "smallcraft build" in page.text

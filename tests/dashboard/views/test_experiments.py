"""Experiments: filters leave out what they say, what was not measured is sorted last, pages tile the list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboard.projects import UGLY, build_ugly, pages, release_bare

from smallcraft.dashboard.tries import Tries, Try
from smallcraft.dashboard.views.experiments import ON_A_PAGE, Asking, find, order
from smallcraft.registry.memory.evidence import Figure
from smallcraft.registry.memory.rounds import LabelRound

ROUND = LabelRound("c12", "slice_value", 40, 7, "+0.0100 [+0.0010, +0.0200]", "go on")


def made(number: int, rung: str = "ngram", **more: object) -> Try:
    known: dict[str, object] = {
        "project": "rows",
        "release": f"rows@{number}",
        "time": "2026-10-01T12:00:00Z",
        "outcome": "released",
        "quality": Figure("macro_f1", 0.9, "fraction", 0.88, 0.92, 100, 0.95),
        "cost": Figure("cpu_s_per_1000", 0.3, "s", None, None, 100, None),
        "size": None,
        "changed": "better",
        "why": "because of reasons",
    }
    return Try(rung=rung, number=number, **{**known, **more})  # type: ignore[arg-type]


def quality(value: float) -> Figure:
    return Figure("macro_f1", value, "fraction", None, None, 10, None)


TRIES = st.lists(
    st.builds(
        made,
        st.integers(1, 9),
        st.sampled_from(["ngram", "tiny", "fast"]),
        outcome=st.sampled_from(["released", "lost", "failed"]),
        release=st.sampled_from(["", "rows@1", "rows@2"]),
        quality=st.one_of(st.none(), st.floats(0, 1).map(quality)),
        cost=st.none(),
    ),
    max_size=12,
)


@given(
    TRIES,
    st.sampled_from(["", "ngram"]),
    st.sampled_from(["", "lost"]),
    st.sampled_from(["", "none", "rows@1"]),
)
def test_a_filter_shows_exactly_what_fits_it_and_counts_the_rest(tries, rung, outcome, release):
    found = find(Tries(tuple(tries), (), ()), Asking(rung, outcome, release))
    fitting = [
        one
        for one in tries
        if rung in ("", one.rung) and outcome in ("", one.outcome) and release in ("", one.release or "none")
    ]
    assert sorted(map(repr, found.shown)) == sorted(map(repr, fitting))
    assert (found.found, found.total) == (len(fitting), len(tries))


@given(TRIES, st.sampled_from(["when", "rung", "quality", "cost", "size"]))
def test_turning_a_column_round_leaves_what_was_not_measured_last(tries, column):
    for sort in (column, f"-{column}"):
        values = [getattr(one, column, one) for one in order(tries, sort)]
        measured = [value is not None for value in values]
        assert measured == sorted(measured, reverse=True)


@given(TRIES)
def test_quality_sorts_the_highest_first_and_turned_round_the_lowest(tries):
    values = [one.quality.value for one in order(tries, "quality") if one.quality]
    assert values == sorted(values, reverse=True)
    assert [one.quality.value for one in order(tries, "-quality") if one.quality] == sorted(values)


def test_pages_tile_the_list_and_a_page_too_far_is_the_last():
    every = Tries(tuple(made(number) for number in range(2 * ON_A_PAGE + 3, 0, -1)), (), ())
    numbers = [one.number for page in (1, 2, 3) for one in find(every, Asking(), page=page).shown]
    assert numbers == [one.number for one in every.tries]
    assert find(every, Asking(), page=99).page == 3


def test_words_find_rounds_of_labelling_as_well_as_candidates():
    every = Tries((made(1), made(2, why="145 labels corrected")), (("2026-10-01T12:00:00Z", ROUND),), ())
    found = find(every, Asking(words="LABELS corrected"))
    assert [one.number for one in found.shown] == [2]
    assert found.rounds == ()
    assert find(every, Asking(words="slice_value")).rounds == every.rounds


def test_the_chart_draws_what_has_quality_and_cost_and_says_how_many_it_left_out():
    every = Tries((made(3), made(2, cost=None), made(1, quality=None)), (), ())
    found = find(every, Asking())
    assert found.drawn == (every.tries[0],)
    assert found.picture is not None
    assert "Not drawn: 2 of 3" in found.picture.caption


def test_candidates_of_another_metric_are_not_drawn_beside_the_newest_ones():
    other = Figure("rmse", 3.0, "", None, None, 10, None)
    found = find(Tries((made(2), made(1, quality=other)), (), ()), Asking())
    assert [one.number for one in found.drawn] == [2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_ugly(tmp_path_factory.mktemp("experiments") / "rows")


@pytest.mark.slow
def test_every_candidate_of_every_build_stands_on_the_page_with_how_it_ended(built):
    page = pages(built).get("/experiments").text
    assert page.count(">released</span>") == 2
    assert page.count("a gate failed") + page.count("30 MB is not at most 20") >= 1
    assert "majority" in page
    assert UGLY not in page


@pytest.mark.slow
def test_a_filter_in_the_address_is_the_one_in_the_form(built):
    page = pages(built).get("/experiments", params={"outcome": "released", "sort": "-cost"}).text
    assert "<option selected>released</option>" in page
    assert 'name="sort" value="-cost"' in page
    assert page.count(">lost</span>") == 0


def test_a_sort_that_is_no_column_is_the_usual_one(tmp_path):
    release_bare(tmp_path / "p", 1)
    page = pages(tmp_path / "p").get("/experiments", params={"sort": "__class__"})
    assert page.status_code == 200
    assert 'aria-sort="descending"' in page.text


def test_an_empty_project_says_what_to_do(tmp_path):
    page = pages(tmp_path).get("/experiments")
    assert page.status_code == 200
    assert "smallcraft build" in page.text

"""One comment for one project, whatever runs, crashes and other people do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.pipeline.posting.forge_server import READS

from smallcraft.errors import OvertakenError, RemoteError
from smallcraft.pipeline.posting import FORGES
from smallcraft.pipeline.posting.sticky import marker_of, post_summary, summary_of
from smallcraft.records import Outcome, Verdict

GOOD = [Verdict("size", Outcome.PASS, "size_mb 1.2 is at most 30")]
BAD = [Verdict("size", Outcome.FAIL, "size_mb 31 is not at most 30", required=True)]


def opened(forge, **options):
    return FORGES[forge.kind](forge.environment(**options))


def test_a_second_run_updates_the_comment_instead_of_posting_again(forge):
    assert post_summary(opened(forge), "tickets@1", GOOD).is_new
    (number,) = forge.comments
    assert not post_summary(opened(forge), "tickets@2", BAD).is_new
    assert list(forge.comments) == [number]
    text = forge.comments[number][1]
    assert text.startswith("<!-- smallcraft gate: tickets -->\n### smallcraft gate: FAIL")
    assert "0123456789ab, [run](https://" in text


def test_the_same_summary_again_writes_nothing(forge):
    post_summary(opened(forge), "tickets@1", GOOD)
    before = len([method for method, _ in forge.asked if method != "GET"])
    post_summary(opened(forge), "tickets@1", GOOD)
    assert len([method for method, _ in forge.asked if method != "GET"]) == before


def test_its_comment_is_found_behind_pages_of_others(forge):
    for number in range(150):
        forge.add("person", f"remark {number}")
    post_summary(opened(forge), "tickets@1", GOOD)
    for number in range(150):
        forge.add("person", f"later remark {number}")
    assert not post_summary(opened(forge), "tickets@2", BAD).is_new
    assert len(forge.comments) == 301


def test_a_comment_of_somebody_else_is_never_touched_whatever_it_says(forge):
    planted = f"{marker_of('tickets@1')}\n### smallcraft gate: PASS"
    number = forge.add("mallory", planted)
    assert post_summary(opened(forge), "tickets@1", BAD).is_new
    assert forge.comments[number] == ("mallory", planted)
    assert len(forge.comments) == 2


def test_each_project_has_its_own_comment(forge):
    assert post_summary(opened(forge), "tickets@1", GOOD).is_new
    assert post_summary(opened(forge), "abuse@1", GOOD).is_new
    assert not post_summary(opened(forge), "tickets@2", BAD).is_new
    assert len(forge.comments) == 2


def test_two_runs_at_once_leave_one_comment_that_is_one_of_theirs_whole(forge):
    forge.together = threading.Barrier(2)
    forges = [opened(forge), opened(forge)]
    with ThreadPoolExecutor(2) as pool:
        posted = list(pool.map(post_summary, forges, ["tickets@1", "tickets@2"], [GOOD, BAD]))
    assert len(forge.comments) == 1
    ((_, text),) = forge.comments.values()
    assert text in {summary_of(forges[0], "tickets@1", GOOD), summary_of(forges[1], "tickets@2", BAD)}
    assert any(one.is_new for one in posted)


def test_twins_that_an_earlier_crash_left_are_cleared_away(forge):
    post_summary(opened(forge), "tickets@1", GOOD)
    ((_, text),) = forge.comments.values()
    forge.add(forge.own, text)
    first = min(forge.comments)
    post_summary(opened(forge), "tickets@2", BAD)
    assert list(forge.comments) == [first]


def test_a_comment_that_was_taken_away_meanwhile_is_made_anew(forge):
    post_summary(opened(forge), "tickets@1", GOOD)
    place = opened(forge)
    real = place.http.ask

    def removing(method, path, body=None):
        if method in {"PATCH", "PUT"}:
            forge.comments.clear()
        return real(method, path, body)

    object.__setattr__(place.http, "ask", removing)
    assert post_summary(place, "tickets@2", BAD).is_new
    assert len(forge.comments) == 1


def test_a_forge_that_forgets_every_comment_ends_in_an_error(forge):
    place = opened(forge)
    post_summary(place, "tickets@1", GOOD)
    object.__setattr__(place.http, "ask", _gone(place.http.ask))
    with pytest.raises(OvertakenError, match="404"):
        post_summary(place, "tickets@2", BAD)


def _gone(real):
    def ask(method, path, body=None):
        return real(method, f"{path}0" if method in {"PATCH", "PUT"} else path, body)

    return ask


def test_no_permission_is_one_error_with_what_gives_it(forge):
    with pytest.raises(RemoteError, match=r"did not let the summary be posted \(403") as refused:
        post_summary(opened(forge, token=READS), "tickets@1", GOOD)
    wanted = "pull-requests: write" if forge.kind == "github" else "scope `api`"
    assert wanted in str(refused.value)


def test_a_token_is_never_said_even_where_the_forge_echoes_it(forge):
    with pytest.raises(RemoteError, match="401") as refused:
        post_summary(opened(forge, token="very-secret"), "tickets@1", GOOD)
    assert "very-secret" not in str(refused.value)
    assert "***" in str(refused.value)
    assert "very-secret" not in repr(opened(forge, token="very-secret"))


def test_a_summary_that_is_too_long_shows_fewer_rows_and_counts_the_others(github):
    many = [Verdict(f"gate{number}", Outcome.FAIL, "x" * 320, slice="s" * 120) for number in range(1000)]
    text = summary_of(opened(github), "tickets@1", many)
    assert len(text) <= 65_536
    assert "Not shown: " in text


def test_a_marker_ends_where_it_should_whatever_a_project_is_called():
    assert marker_of("a --> <script>@3") == "<!-- smallcraft gate: a-script- -->"
    assert marker_of("help--desk@1") == "<!-- smallcraft gate: help-desk -->"

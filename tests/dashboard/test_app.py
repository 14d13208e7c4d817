"""The application: pages, forms, changes told, what is not there."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import pytest
from tests.dashboard.showing import TOKEN, showing

from smallcraft.dashboard import app
from smallcraft.dashboard.pages import PAGES

LISTED = [page for page in PAGES if page.is_listed]


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.path)
def test_every_page_of_the_bar_answers_with_its_name_in_the_title(page, pages):
    reply = pages.ask(page.path)
    assert reply.status == 200
    assert "text/html" in reply.headers["content-type"]
    assert f'href="{page.path}" aria-current="page"' in reply.text


@pytest.mark.parametrize("page", LISTED, ids=lambda page: page.path)
def test_a_page_of_a_project_without_anything_says_so_and_what_comes_next(page, tmp_path):
    (tmp_path / "smallcraft.toml").write_text('[data]\npath = "x.csv"\ntext = "m"\nlabel = "l"\n', "utf-8")
    with showing(tmp_path) as shown:
        reply = shown.ask(page.path)
    assert reply.status == 200
    assert "smallcraft " in reply.text
    assert "Traceback" not in reply.text


def test_a_project_whose_file_cannot_be_used_goes_by_its_folder_and_that_is_text(tmp_path):
    folder = tmp_path / "<script>desk & co"
    folder.mkdir()
    (folder / "smallcraft.toml").write_text("[data", "utf-8")
    with showing(folder) as shown:
        text = shown.ask("/").text
    assert "&lt;script&gt;desk &amp; co" in text
    assert "<script>desk" not in text


@pytest.mark.parametrize(
    "path", ["/rollout/no-such", "/nothing", "/static/../app.py", "/changes?page=/nothing"]
)
def test_what_is_not_there_is_not_found(path, pages):
    assert pages.ask(path).status == 404


def test_the_report_is_served_as_the_build_wrote_it(pages):
    assert pages.ask("/report").text == (pages.project / "report.html").read_text("utf-8")


def test_asked_once_a_page_says_at_once_that_it_changed(pages):
    told = json.loads(pages.ask("/changes?page=/&known=other&poll=1").text)
    assert told["changed"] is True
    assert told["stamp"]


def test_behind_a_proxy_of_whole_replies_a_question_about_changes_is_answered_at_once(rolled):
    with showing(rolled, polls=True) as shown:
        stamp = json.loads(shown.ask("/changes?page=/drift&known=&poll=1").text)["stamp"]
        told = json.loads(shown.ask(f"/changes?page=/drift&known={stamp}&poll=1").text)
        assert told == {"changed": False, "stamp": stamp}
        assert "data-polls" in shown.ask("/").text


def test_below_another_root_every_link_and_the_cookie_stay_below_it(rolled):
    with showing(rolled, root="/ui", token=TOKEN) as shown:
        text = shown.ask("/").text
        assert 'href="/ui/static/pages.css"' in text
        assert 'href="/"' not in text
        reply = shown.ask("/sign-in", form={"token": TOKEN})
        assert reply.headers["location"] == "/ui/"
        assert "path=/ui/" in reply.headers["set-cookie"].lower()


def test_a_broken_registry_takes_no_other_part_of_home_with_it(rolled_copy):
    checkpoint = rolled_copy / ".smallcraft/registry/log/checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-20])
    with showing(rolled_copy) as shown:
        reply = shown.ask("/")
    assert reply.status == 200
    assert 'class="trouble"' in reply.text
    assert "Who answers now" in reply.text


def test_a_project_that_is_gone_is_told_and_the_server_goes_on(rolled_copy):
    with showing(rolled_copy) as shown:
        shutil.rmtree(rolled_copy)
        assert "smallcraft build" in shown.ask("/").text
        assert shown.ask("/static/pages.css").status == 200


def test_a_file_that_goes_while_it_is_read_is_told_and_ends_nothing(rolled, monkeypatch):
    def gone(sources, asked=None):
        raise FileNotFoundError(2, "No such file or directory", "somewhere")

    sampled = threading.Event()
    monkeypatch.setattr(app, "_SAMPLE_S", 0.01)
    monkeypatch.setattr(app.Sources, "sample", lambda sources: sampled.set())
    monkeypatch.setattr(app, "PAGES", tuple(replace(page, read=gone, stamps=(gone,)) for page in PAGES))
    with showing(rolled) as shown:
        reply = shown.ask("/")
        told = json.loads(shown.ask("/changes?page=/&known=a&poll=1").text)
        assert sampled.wait(30)
    assert told == {"changed": True, "stamp": ""}
    assert reply.status == 500
    assert "a file of the project went" in reply.text

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from tests.pipeline.stages.test_agree import voted
from tests.projects import message_rows, save_rows, write_messages

from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file, check_frame, check_project
from smallcraft.pipeline.config import load_config
from smallcraft.records import Roles

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_same_rows_give_the_same_page_to_the_byte(tmp_path):
    path = save_rows(tmp_path / "rows.csv", message_rows(90))
    pages = []
    for name in ("one", "two"):
        options = CheckOptions(output=tmp_path / name)
        done = check_file(path, backbone="none", options=options, now=NOW)
        pages.append(done.page.read_bytes())
    assert pages[0] == pages[1]


def test_a_finished_check_keeps_no_cache(tmp_path):
    path = save_rows(tmp_path / "rows.csv", message_rows(90))
    check_file(path, backbone="none", options=CheckOptions(output=tmp_path / "out"), now=NOW)
    assert not (tmp_path / "out" / ".cache").exists()


def test_the_usual_folder_is_named_after_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_rows(tmp_path / "my rows.csv", message_rows(90))
    done = check_file("my rows.csv", backbone="none", now=NOW)
    assert done.page == Path("my-rows-check/check.html")


def test_a_frame_is_checked_without_writing_anything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = check_frame(pl.DataFrame(message_rows(90)), Roles(label="intent", text="message"))
    assert {"label_issues", "label_accuracy"} <= {check.check for check in report.checks}
    assert list(tmp_path.iterdir()) == []


def test_votes_in_a_frame_are_heard():
    report = check_frame(voted(120, seed=4), Roles(label="label", text="text", votes=("a", "b", "c")))
    assert "consensus" in {check.check for check in report.checks}


def test_a_project_is_checked_again_from_what_it_remembers(tmp_path):
    config = load_config(write_messages(tmp_path / "p"))
    first, again = check_project(config, now=NOW), check_project(config, now=NOW)
    assert first.report == again.report

"""Production is watched, with real processes: a server feeds windows, an alarm pages, freezes, is closed.

Windows of seconds are collected from a running server; history that is long enough for an alarm comes as
files, while a server of the same project has a rollout under way.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from tests.pipeline.paged import receiving
from tests.pipeline.watching.projects import BEGIN, HOUR
from tests.projects import copy_project, message_rows, release_twice
from tests.serving_projects import ENDLESS, serving, until

from smallcraft.cli.main import run
from smallcraft.observe.store import WindowStore
from smallcraft.observe.window_rows import read_windows
from smallcraft.pipeline.watching.project import WatchPlaces

pytestmark = pytest.mark.slow

QUIET, MOVED, ROWS = 56, 10, 30
SECRET = "between us"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/watch.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """Two releases, the first of which is the stable one; not to be changed."""
    return release_twice(tmp_path_factory.mktemp("released") / "p", more=ENDLESS)


@pytest.fixture
def project(released, own_keys, tmp_path) -> Path:
    return copy_project(released, tmp_path / "p")


def watched(project: Path, section: str) -> Path:
    with (project / "smallcraft.toml").open("a", encoding="utf-8") as stream:
        stream.write(f"\n[watch]\n{section}\n")
    return project


def told(capsys, *words: object, code: int = 0) -> str:
    capsys.readouterr()
    found = run([str(word) for word in words])
    captured = capsys.readouterr()
    assert found == code, captured
    return captured.out


def looked(capsys, project: Path, *, code: int) -> dict:
    form = json.loads(told(capsys, "watch", "--once", "--json", "-p", project, code=code))
    jsonschema.validate(form, SCHEMA)
    return form


def test_what_a_server_answered_is_in_the_windows_that_are_collected(project, capsys):
    watched(project, 'window = "1s"\nsegment = "intent"')
    texts = message_rows(60, seed=5)["message"]
    said: Counter[str] = Counter()
    with serving(project, "rows@1") as server:
        for text in texts:
            said[server.ask("/predict", {"text": text})["label"]] += 1

        def collected() -> bool:
            run(["watch", "--once", "-p", str(project)])
            store = WindowStore(WatchPlaces(project).store)
            return sum(window.profile.n for window in read_windows(store)) == len(texts)

        until(collected)
    capsys.readouterr()
    windows = list(read_windows(WindowStore(WatchPlaces(project).store)))
    found: Counter[str] = Counter()
    for window in windows:
        found.update(window.profile.columns["answer/class"].as_mapping())
    assert found == said
    assert {window.name.release for window in windows} == {"rows@1"}
    # The release's own reference was there, so words that it does not know are measured too.
    assert all("message/unknown" in window.profile.columns for window in windows)
    form = looked(capsys, project, code=3)
    assert [release["outcome"] for release in form["releases"]] == ["undecided"]
    assert list(WatchPlaces(project).parts.glob("*.part")) == []


def write_history(project: Path) -> None:
    """Calm hours, then ten in which every message comes broken out of its pipeline."""
    dice = random.Random(3)
    texts = message_rows((QUIET + MOVED) * ROWS, seed=7)["message"]
    hours = [row // ROWS for row in range(len(texts))]
    broken = [
        f"{text} â€” sent from my phone" if hour >= QUIET else text
        for text, hour in zip(texts, hours, strict=True)
    ]
    at = [BEGIN + hour * HOUR + dice.randrange(HOUR) for hour in hours]
    (project / "in").mkdir()
    pl.DataFrame({"at": at, "message": broken}).write_csv(project / "in/history.csv")


@contextmanager
def under_way(project: Path):
    """A server with a rollout of rows@2 that goes on."""
    with serving(project, "rows@1") as server:
        assert run(["rollout", "start", "rows@2", "-p", str(project)]) == 0
        until(lambda: server.ask("/predict", {"text": "refund"})["arm"] == "canary")
        yield server


def test_an_alarm_pages_freezes_is_judged_by_labels_and_closed_by_a_person(
    project, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("SMALLCRAFT_WEBHOOK_SECRET", SECRET)
    with receiving() as receiver, under_way(project):
        triggers = 'triggers = ["review", "page", "freeze"]'
        watched(project, f'files = "in/*.csv"\ntime = "at"\n{triggers}\nwebhook = "{receiver.url}"')
        write_history(project)
        form = looked(capsys, project, code=2)
        (alarm,) = form["alarms"]
        assert sorted(alarm["told"]) == ["freeze", "page", "review"]
        assert any("mojibake" in part["cell"] for part in alarm["explanation"]["slices"])
        assert any(column.startswith("message/") for column in alarm["columns"])
        assert abs(alarm["began_s"] - (BEGIN + QUIET * HOUR)) <= 6 * HOUR
        # Looked at again, nobody is told a second time.
        assert looked(capsys, project, code=2)["alarms"] == [alarm]
        (post,) = receiver.got
        assert post.is_signed_by(SECRET.encode())
        assert json.loads(post.body)["id"] == alarm["id"]
        assert "FROZEN" in told(capsys, "rollout", "status", "-p", project, code=3)
        assert f"alarm {alarm['id']}" in told(capsys, "rollout", "receipts", "-p", project)

    batch = [json.loads(line) for line in Path(alarm["review"]).read_text("utf-8").splitlines()]
    assert len(batch) > 20
    assert "message/damage" in told(capsys, "watch", "show", "-p", project)

    write_wrong_labels(project, tmp_path / "labels.csv", capsys)
    assert "ALARM harmful" in told(capsys, "watch", "labels", tmp_path / "labels.csv", "-p", project)
    assert told(capsys, "watch", "status", "-p", project, code=2).count("ALARM harmful") == 1
    assert "1 harmful" in told(capsys, "watch", "digest", "2026-01", "-p", project)

    told(capsys, "watch", "close", "last", "--because", "the gateway was mended", "-p", project)
    assert "closed as" in told(capsys, "watch", "show", "-p", project)
    assert "1 closed" in told(capsys, "watch", "status", "-p", project)
    code = run(["watch", "calibrate", "--months", "1", "--json", "-p", str(project)])
    found = json.loads(capsys.readouterr().out)
    assert code == {"PASS": 0, "FAIL": 2, "UNDECIDED": 3}[found["outcome"]]
    assert found["past"] <= QUIET + 2


def write_wrong_labels(project: Path, path: Path, capsys) -> None:
    """What people said of the broken messages: seven answers of ten were wrong."""
    history, answers = project / "in/history.csv", project / "answers.csv"
    told(capsys, "predict", "--input", history, "--output", answers, "-p", project)
    frame = pl.read_csv(answers).filter(pl.col("at") >= BEGIN + QUIET * HOUR).rename({"label": "prediction"})
    other = {"billing": "login", "login": "parcel", "parcel": "billing"}
    wrong = pl.int_range(pl.len()) % 10 < 7
    truth = pl.when(wrong).then(pl.col("prediction").replace(other)).otherwise("prediction")
    frame.with_columns(truth.alias("intent")).write_csv(path)

"""What may not change between looks is checked before anything is trained, by the ledger and the log."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.projects import change_project

from smallcraft.errors import IntegrityError, MeteredError
from smallcraft.evaluate.meter.chain import line_of
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.looks import check_ledger, is_floor_kept, project_ledger
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import Workspace, open_registry
from smallcraft.registry.store import Registry

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def meter(tiny):
    return prepare_data(load_config(tiny), SilentListener()).meter


def check(folder, meter):
    check_ledger(load_config(folder), meter)


def quality(folder, text):
    change_project(folder, "[ladder]", f"[quality]\n{text}\n[ladder]")


def test_settings_as_they_were_declared_are_not_in_the_way(tiny, meter):
    check(tiny, meter)


@pytest.mark.parametrize("change", ['metric = "accuracy"', "margin = 0.2", "confidence = 0.8", "floor = 0.1"])
def test_a_change_after_the_look_is_refused_with_both_ways_on(tiny, meter, change):
    quality(tiny, change)
    name = change.split(" ")[0]
    with pytest.raises(
        MeteredError,
        match=rf"has {name} .*, not .*; restore it, or declare pre-registration 2.*\[quality\] pre",
    ):
        check(tiny, meter)
    change_project(tiny, change, f"{change}\npreregistration = 2")
    check(tiny, meter)


def test_scores_and_a_plan_are_not_one_pre_registration(tiny, meter):
    quality(tiny, "floor = 0.5\n[quality.plan]\nquestions = 3")
    with pytest.raises(MeteredError, match="declare pre-registration 2"):
        check(tiny, meter)


def test_other_sealed_rows_are_asked_under_what_is_declared_for_them(tiny):
    quality(tiny, "margin = 0.2")
    check(tiny, "sha256:" + "0" * 64)


def test_nothing_is_made_where_nothing_was_asked(tmp_path):
    (tmp_path / "smallcraft.toml").write_text('[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n')
    check(tmp_path, "sha256:" + "0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["smallcraft.toml"]


@pytest.mark.parametrize("kept", [(), (".head",)])
def test_a_ledger_that_is_gone_is_refused_whether_its_head_is_or_not(tiny, meter, kept):
    for path in Workspace(tiny).root.glob("ledger.jsonl*"):
        if path.suffix not in kept:
            path.unlink()
    with pytest.raises(IntegrityError, match=r"ledger.jsonl is missing, and the log has 1 looks"):
        check(tiny, meter)


def test_a_ledger_that_lacks_a_look_is_refused_though_it_is_sound_in_itself(tiny, meter):
    """Whoever knows the format starts a ledger over; the log of the registry remembers."""
    workspace = Workspace(tiny)
    for path in workspace.root.glob("ledger.jsonl*"):
        path.unlink()
    shutil.move(workspace.registry, tiny / "aside")
    ledger = project_ledger(load_config(tiny))
    ledger.ask("c", "q", "other", lambda: {"accuracy": 1.0}, bits=1.0, now=NOW, terms={}, registration=1)
    shutil.rmtree(workspace.registry)
    shutil.move(tiny / "aside", workspace.registry)
    with pytest.raises(IntegrityError, match=r"line 1 of the ledger is not the look that was logged"):
        check(tiny, meter)


def test_a_look_stands_in_the_log_before_it_is_told(tiny):
    config = load_config(tiny)

    def measure():
        return {"accuracy": 0.5}

    before = len(open_registry(tiny).looks())
    ledger = project_ledger(config)
    ledger.ask("c", "q", "other", measure, bits=1.0, now=NOW, terms={}, registration=1)
    logged = open_registry(tiny).looks()
    assert len(logged) == before + 1
    assert list(logged) == [line_of(entry) for entry in ledger.entries]


def test_a_look_that_cannot_be_logged_is_not_told(tiny, monkeypatch):
    def refuse(*given, **named):
        raise IntegrityError("the log is broken")

    monkeypatch.setattr(Registry, "record_looks", refuse)
    ledger = project_ledger(load_config(tiny))
    with pytest.raises(IntegrityError, match="the log is broken"):
        ledger.ask("c", "q", "other", lambda: {"accuracy": 0.5}, bits=1.0, now=NOW, terms={}, registration=1)


def test_the_first_look_starts_a_log_of_the_declared_origin(tmp_path):
    (tmp_path / "smallcraft.toml").write_text(
        '[data]\npath = "a.csv"\ntext = "m"\nlabel = "l"\n[registry]\norigin = "example.com/first"\n'
    )
    ledger = project_ledger(load_config(tmp_path))
    ledger.ask("c", "q", "cert", lambda: {"accuracy": 0.5}, bits=1.0, now=NOW, terms={}, registration=1)
    assert open_registry(tmp_path).log().checkpoint.origin == "example.com/first"


def test_a_ledger_whose_look_was_rewritten_is_refused(tiny, meter):
    ledger = project_ledger(load_config(tiny)).path
    ledger.write_bytes(ledger.read_bytes().replace(b'"accuracy":', b'"accuracx":'))
    with pytest.raises(IntegrityError, match=r"line 1 of ledger\.jsonl"):
        check(tiny, meter)


shares = st.floats(0.01, 0.99)


@given(shares, shares)
def test_a_floor_is_kept_where_whatever_meets_it_now_met_it_then(declared, now):
    for metric, meets in (("accuracy", lambda v, f: v >= f), ("log_loss", lambda v, f: v <= f)):
        grid = [declared, now]
        stricter = all(meets(value, declared) for value in grid if meets(value, now))
        assert is_floor_kept(metric, declared, now) == stricter
    assert not is_floor_kept("accuracy", declared, None)
    assert not is_floor_kept("accuracy", None, now)
    assert is_floor_kept("accuracy", None, None)

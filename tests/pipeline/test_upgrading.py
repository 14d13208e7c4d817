"""A project of the format before keeps its releases and its looks, in one chain from now on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unpacking import unpack

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.evaluate.meter.chain import line_of
from smallcraft.evaluate.meter.ledger import open_ledger, verify_ledger
from smallcraft.pipeline.upgrading import upgrade_project
from smallcraft.pipeline.verifying import verify_project
from smallcraft.pipeline.workspace import Workspace, open_registry

ARCHIVE = Path(__file__).parents[1] / "registry" / "old" / "format_1.tar.gz"
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def project(tmp_path, own_keys):
    """With an old registry and two looks in its ledger."""
    unpack(ARCHIVE, tmp_path / ".smallcraft")
    workspace = Workspace(tmp_path)
    (tmp_path / ".smallcraft" / "format_1").rename(workspace.registry)
    ledger = open_ledger(workspace.ledger)
    for candidate in ("a", "b"):
        ledger.ask(candidate, "q", "cert", lambda: {"accuracy": 0.9}, bits=10.0, now=NOW)
    return tmp_path


def test_releases_and_looks_are_in_the_new_log_and_the_old_folder_is_kept(project):
    kept = upgrade_project(project, now=NOW)
    workspace, registry = Workspace(project), open_registry(project)
    assert kept == workspace.registry.with_name("registry.before")
    assert (kept / "log" / "entries").is_dir()
    labels = [release.label for release in registry.releases()]
    assert labels[:2] == ["helpdesk@1", "helpdesk@2"]
    assert len(labels) == 4
    assert list(registry.looks()) == [line_of(entry) for entry in verify_ledger(workspace.ledger)]
    assert len(registry.looks()) == 2


def test_a_look_that_was_carried_over_can_not_be_forgotten(project):
    upgrade_project(project, now=NOW)
    for path in Workspace(project).root.glob("ledger.jsonl*"):
        path.unlink()
    with pytest.raises(IntegrityError, match=r"ledger.jsonl is missing, and the log has 2 looks"):
        verify_project(project)


def test_again_does_no_harm_and_says_the_same(project):
    kept = upgrade_project(project, now=NOW)
    note = open_registry(project).log().note
    assert upgrade_project(project, now=NOW) == kept
    assert open_registry(project).log().note == note


def test_a_broken_ledger_changes_nothing(project):
    workspace = Workspace(project)
    workspace.ledger.write_bytes(workspace.ledger.read_bytes().replace(b"0.9", b"1.0", 1))
    with pytest.raises(IntegrityError, match=r"line 1 of ledger\.jsonl"):
        upgrade_project(project, now=NOW)
    assert (workspace.registry / "log" / "entries").is_dir()
    assert not workspace.registry.with_name("registry.before").exists()


def test_a_broken_old_registry_changes_nothing(project):
    workspace = Workspace(project)
    blob = max((workspace.registry / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=blob.name[:12]):
        upgrade_project(project, now=NOW)
    assert (workspace.registry / "log" / "entries").is_dir()


def test_the_present_format_is_left_as_it_is(tiny):
    note = open_registry(tiny).log().note
    with pytest.raises(InvalidInputError, match="has the present format already; nothing was changed"):
        upgrade_project(tiny, now=NOW)
    assert open_registry(tiny).log().note == note


def test_where_nothing_was_released_the_next_step_is_told(tmp_path):
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        upgrade_project(tmp_path, now=NOW)

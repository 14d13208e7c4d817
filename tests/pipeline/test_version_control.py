from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smallcraft.errors import IntegrityError
from smallcraft.pipeline.version_control import (
    CHECKPOINT_FILE,
    code_version,
    keep_checkpoint,
    kept_copies,
    other_logs,
    require_kept,
)
from smallcraft.registry.opening import Trust
from smallcraft.registry.store import Registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def registry_of(folder, origin):
    made = Registry.create(folder, origin=origin, trust=Trust(folder.with_name("keys")))
    made.publish("a", {"bundle/a.json": b"1"}, {}, now=NOW)
    return made


@pytest.fixture
def mine(tmp_path):
    return registry_of(tmp_path / "mine" / "registry", "example.com/mine")


@pytest.fixture
def theirs(tmp_path):
    return registry_of(tmp_path / "theirs" / "registry", "example.com/theirs")


@pytest.fixture
def log(mine):
    return mine.log()


def git(folder, *words):
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A repository whose project lies in a folder of its own, committed."""
    project = tmp_path / "repository" / "project"
    project.mkdir(parents=True)
    git(project.parent, "init", "--quiet")
    (project / "smallcraft.toml").write_text("[data]\n", encoding="utf-8")
    (project.parent / "other.txt").write_text("other\n", encoding="utf-8")
    git(project.parent, "add", "-A")
    git(project.parent, "commit", "--quiet", "-m", "as it is")
    return project


def test_the_commit_is_told_and_that_nothing_differs_from_it(repository):
    found = code_version(repository)
    assert (found.commit, found.is_dirty) == (git(repository, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("name", ["smallcraft.toml", "new.py"])
def test_a_change_in_the_project_is_told(repository, name):
    (repository / name).write_text("changed\n", encoding="utf-8")
    assert code_version(repository).is_dirty


def test_a_change_elsewhere_in_the_repository_is_none_of_the_project(repository):
    (repository.parent / "other.txt").write_text("changed\n", encoding="utf-8")
    assert not code_version(repository).is_dirty


def test_the_checkpoint_that_a_build_writes_is_no_change_of_the_code(repository, mine, log):
    assert keep_checkpoint(repository, log) == repository / CHECKPOINT_FILE
    assert (repository / CHECKPOINT_FILE).read_bytes() == log.note
    assert not code_version(repository).is_dirty
    git(repository, "add", CHECKPOINT_FILE)
    git(repository, "commit", "--quiet", "-m", "kept")
    mine.set_alias("a", "stable", 1, now=NOW)
    keep_checkpoint(repository, mine.log())
    assert not code_version(repository).is_dirty


def test_nothing_but_one_file_is_changed_and_nothing_committed(repository, log):
    head = git(repository, "rev-parse", "HEAD")
    keep_checkpoint(repository, log)
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == (
        f"?? project/{CHECKPOINT_FILE}"
    )
    assert git(repository, "rev-parse", "HEAD") == head


def test_outside_of_a_repository_nothing_is_told_or_written(tmp_path, log):
    folder = tmp_path / "no-repository"
    folder.mkdir()
    assert code_version(folder) is None
    assert keep_checkpoint(folder, log) is None
    assert list(folder.iterdir()) == []


def test_a_repository_without_a_commit_keeps_a_checkpoint_and_has_no_version(tmp_path, log):
    folder = tmp_path / "new"
    folder.mkdir()
    git(folder, "init", "--quiet")
    assert code_version(folder) is None
    assert keep_checkpoint(folder, log) == folder / CHECKPOINT_FILE


def test_without_git_on_the_machine_nothing_happens(repository, monkeypatch, log):
    monkeypatch.setenv("PATH", str(repository))
    assert code_version(repository) is None
    assert keep_checkpoint(repository, log) is None


def test_people_with_logs_of_their_own_keep_a_checkpoint_each(repository, mine, theirs):
    keep_checkpoint(repository, mine.log())
    keep_checkpoint(repository, theirs.log())
    mine.set_alias("a", "stable", 1, now=NOW)
    keep_checkpoint(repository, mine.log())
    for registry, other in ((mine, theirs), (theirs, mine)):
        origin = registry.log().checkpoint.origin
        assert [copy.note for copy in kept_copies(repository, origin)] == [registry.log().note]
        assert other_logs(repository, origin) == (other.log().checkpoint.origin,)
        require_kept(repository, registry.log())


def test_a_checkpoint_is_replaced_only_by_one_that_continues_it(repository, mine, tmp_path):
    older = Path(shutil.copytree(mine.root, tmp_path / "older"))
    mine.publish("a", {"bundle/a.json": b"2"}, {}, now=NOW)
    keep_checkpoint(repository, mine.log())
    before = (repository / CHECKPOINT_FILE).read_bytes()
    put_back = Registry.open(older, trust=Trust(tmp_path / "nobody")).log()
    for refuse in (require_kept, keep_checkpoint):
        with pytest.raises(IntegrityError, match=f"{CHECKPOINT_FILE}: the log was rolled back"):
            refuse(repository, put_back)
    assert (repository / CHECKPOINT_FILE).read_bytes() == before


def test_a_file_that_was_edited_is_named_with_the_way_back(repository, log):
    keep_checkpoint(repository, log)
    path = repository / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes() + b"and more\n")
    with pytest.raises(IntegrityError, match=r"holds something else .*git checkout -- smallcraft.checkpoint"):
        keep_checkpoint(repository, log)

from __future__ import annotations

import subprocess

import pytest

from smallcraft.pipeline.version_control import CHECKPOINT_FILE, code_version, keep_checkpoint

NOTE = b"example.com/models\n3\nAAAA\n\n\xe2\x80\x94 example.com/models BBBB\n"


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


def test_the_checkpoint_that_a_build_writes_is_no_change_of_the_code(repository):
    assert keep_checkpoint(repository, NOTE) == repository / CHECKPOINT_FILE
    assert (repository / CHECKPOINT_FILE).read_bytes() == NOTE
    assert not code_version(repository).is_dirty
    git(repository, "add", CHECKPOINT_FILE)
    git(repository, "commit", "--quiet", "-m", "kept")
    keep_checkpoint(repository, NOTE + b"\n")
    assert not code_version(repository).is_dirty


def test_nothing_but_one_file_is_changed_and_nothing_committed(repository):
    head = git(repository, "rev-parse", "HEAD")
    keep_checkpoint(repository, NOTE)
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == (
        f"?? project/{CHECKPOINT_FILE}"
    )
    assert git(repository, "rev-parse", "HEAD") == head


def test_outside_of_a_repository_nothing_is_told_or_written(tmp_path):
    assert code_version(tmp_path) is None
    assert keep_checkpoint(tmp_path, NOTE) is None
    assert list(tmp_path.iterdir()) == []


def test_a_repository_without_a_commit_keeps_a_checkpoint_and_has_no_version(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert code_version(tmp_path) is None
    assert keep_checkpoint(tmp_path, NOTE) == tmp_path / CHECKPOINT_FILE


def test_without_git_on_the_machine_nothing_happens(repository, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    assert code_version(repository) is None
    assert keep_checkpoint(repository, NOTE) is None

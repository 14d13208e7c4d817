from __future__ import annotations

import subprocess
import sys

import pytest

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.pipeline.workspace import Workspace, open_registry, open_released, write_whole


def test_everything_that_is_kept_stands_below_one_folder_and_nothing_is_made_by_asking(tmp_path):
    workspace = Workspace(tmp_path)
    kept = (workspace.cache, workspace.bundles, workspace.registry, workspace.ledger)
    assert {path.parent for path in kept} == {workspace.root}
    assert workspace.report.parent == workspace.quarantine("main").parent == tmp_path
    assert workspace.quarantine("dev") != workspace.quarantine("main")
    assert list(tmp_path.iterdir()) == []


def test_one_build_at_a_time_holds_a_project(tmp_path):
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    words = r"another build is running in .* wait until it ends"
    with first.locked(), pytest.raises(InvalidInputError, match=words), second.locked():
        pytest.fail("two builds hold one project")
    with Workspace(tmp_path).locked():
        assert (tmp_path / ".smallcraft" / "build.lock").exists()


def test_a_build_that_failed_lets_go(tmp_path):
    with pytest.raises(KeyboardInterrupt), Workspace(tmp_path).locked():
        raise KeyboardInterrupt
    with Workspace(tmp_path).locked():
        pass


def test_two_projects_do_not_wait_for_each_other(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Workspace(tmp_path / "a").locked(), Workspace(tmp_path / "b").locked():
        assert (tmp_path / "b" / ".smallcraft").is_dir()


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "new folder" / "report.html"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_a_file_that_cannot_be_put_there_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "answers.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "answers.csv", b"rows")
    assert [found.name for found in tmp_path.iterdir()] == ["answers.csv"]


def test_a_writer_killed_midway_leaves_the_old_file(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_bytes(b"old")
    code = (
        "import os, sys; from pathlib import Path; from smallcraft.pipeline.workspace import write_whole\n"
        "os.fsync = lambda handle: os._exit(9)\n"
        "write_whole(Path(sys.argv[1]), b'new' * 1000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == 9
    assert path.read_bytes() == b"old"


def test_a_registry_is_found_by_its_folder_and_by_its_project_file(tiny_built, tmp_path):
    by_folder, by_file = open_registry(tiny_built), open_registry(tiny_built / "smallcraft.toml")
    assert by_folder.root == by_file.root
    with pytest.raises(NotFoundError, match="smallcraft build"):
        open_registry(tmp_path)


def test_a_released_bundle_is_taken_from_the_registry_once(tiny):
    workspace, registry = Workspace(tiny), open_registry(tiny)
    release = registry.read("latest")
    copy = workspace.bundles / release.label
    assert not copy.exists()
    assert open_released(workspace, registry, release).path == copy
    stamp = (copy / DESCRIPTION).stat().st_mtime_ns
    open_released(workspace, registry, release)
    assert (copy / DESCRIPTION).stat().st_mtime_ns == stamp


def test_another_bundle_in_the_place_of_a_released_one_is_not_opened(tiny):
    workspace, registry = Workspace(tiny), open_registry(tiny)
    release = registry.read("latest")
    other = next(workspace.bundles.glob("majority-*"))
    other.rename(workspace.bundles / release.label)
    with pytest.raises(IntegrityError, match=r"is not what rows@1 recorded: .* delete that folder"):
        open_released(workspace, registry, release)

"""From a signed log to bytes that are loaded: nothing in between is believed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.serve.task_bundles import some_inputs, write_task_bundles

from smallcraft.bundle.layout import DESCRIPTION
from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.store import Registry
from smallcraft.serve.loading.opening import open_model
from smallcraft.serve.loading.released import (
    bundle_digest,
    find_served,
    forget_copies,
    take_release,
)

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


def bundle_files(folder: Path) -> dict[str, Path | bytes]:
    return {
        f"bundle/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_task_bundles(tmp_path_factory.mktemp("tasks"))


@pytest.fixture
def registry(paths, tmp_path):
    """`helpdesk@1` is `numbers` and stable, `helpdesk@2` is `unsure`."""
    made = Registry.create(tmp_path / "registry")
    for name in ("numbers", "unsure"):
        made.publish("helpdesk", bundle_files(paths[name]), {"chosen": name}, now=NOW)
    made.set_alias("helpdesk", "stable", 1, now=NOW)
    return made


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_release_taken_by_its_alias_answers_as_its_bundle(registry, paths, tmp_path):
    taken = take_release(registry, "helpdesk@stable", copies=tmp_path / "copies")
    assert (taken.label, taken.mended) == ("helpdesk@1", None)
    loaded = open_model(taken)
    inputs = some_inputs(loaded.answerer.heads[""].spec, 4, np.random.default_rng(0))
    digest = bundle_digest(registry.find("helpdesk@1"))
    assert loaded.answerer.heads[""].digest == taken.digest == digest
    assert loaded.answerer.answer(inputs).probs.shape == (4, 6)


def test_a_moved_alias_means_another_release(registry, tmp_path):
    registry.set_alias("helpdesk", "stable", 2, now=NOW)
    fresh = Registry.open(registry.root)
    assert take_release(fresh, "helpdesk@stable", copies=tmp_path / "copies").label == "helpdesk@2"


def test_a_copy_that_is_there_is_used_again(registry, tmp_path):
    first = take_release(registry, "helpdesk@1", copies=tmp_path / "copies")
    made = (first.folder / DESCRIPTION).stat().st_ino
    again = take_release(registry, "helpdesk@1", copies=tmp_path / "copies")
    assert again == first
    assert (again.folder / DESCRIPTION).stat().st_ino == made


@pytest.mark.parametrize("change", ["flip", "plant", "remove"])
def test_a_damaged_copy_is_replaced_and_that_is_told(registry, tmp_path, change):
    folder = take_release(registry, "helpdesk@1", copies=tmp_path / "copies").folder
    if change == "flip":
        flip_byte(folder / "heads/columns.npz")
    elif change == "plant":
        (folder / "extra.json").write_text("{}")
    else:
        (folder / "heads/columns.npz").unlink()
    taken = take_release(registry, "helpdesk@1", copies=tmp_path / "copies")
    assert taken.mended is not None
    assert taken.mended.startswith(str(folder))
    assert open_model(taken).checks[""].is_fine
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [folder.name]


def test_a_byte_flipped_between_taking_and_loading_is_found(registry, tmp_path):
    source = take_release(registry, "helpdesk@1", copies=tmp_path / "copies")
    flip_byte(source.folder / "heads/columns.npz")
    with pytest.raises(IntegrityError, match="does not match its record"):
        open_model(source)


def test_a_byte_flipped_in_the_registry_is_found_and_no_copy_is_made(registry, tmp_path):
    path = "bundle/heads/columns.npz"
    file = next(file for file in registry.find("helpdesk@1").files if file.path == path)
    flip_byte(registry.layout.blob(file.digest))
    with pytest.raises(IntegrityError, match="does not match its record"):
        take_release(registry, "helpdesk@1", copies=tmp_path / "copies")
    assert list((tmp_path / "copies").iterdir()) == []


def test_an_edited_log_is_found(registry, tmp_path):
    checkpoint = registry.layout.checkpoint
    flip_byte(checkpoint)
    with pytest.raises(IntegrityError):
        take_release(Registry.open(registry.root), "helpdesk@stable", copies=tmp_path / "copies")


def test_a_retired_release_is_not_served(registry):
    registry.retire("helpdesk", 2, now=NOW)
    with pytest.raises(InvalidInputError, match="helpdesk@2 was retired and is not served"):
        find_served(registry, "helpdesk@2")
    assert find_served(registry, "helpdesk@latest").entry.label == "helpdesk@1"


def test_a_release_without_a_bundle_has_nothing_to_serve(tmp_path):
    registry = Registry.create(tmp_path / "registry")
    registry.publish("notes", {"card.md": b"# notes"}, {}, now=NOW)
    with pytest.raises(NotFoundError, match=r"notes@1 has no bundle/bundle\.json"):
        take_release(registry, "notes", copies=tmp_path / "copies")


def test_copies_that_nobody_serves_are_deleted(registry, tmp_path):
    copies = tmp_path / "copies"
    kept = take_release(registry, "helpdesk@1", copies=copies)
    take_release(registry, "helpdesk@2", copies=copies)
    shutil.copytree(kept.folder, copies / ".begun.x1")
    (copies / "stray").write_text("nobody's")
    (copies / "link").symlink_to(kept.folder)
    forget_copies(copies, keep=[kept.digest])
    assert list(copies.iterdir()) == [kept.folder]
    forget_copies(tmp_path / "none", keep=[])

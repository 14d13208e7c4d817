import base64
import shutil
from datetime import UTC, datetime

import pytest
from tests.registry.killed_runs import run_killed
from tests.registry.old.conftest import ARCHIVE

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.old.format_1 import build_index
from smallcraft.registry.old.reading_1 import is_old, read_old
from smallcraft.registry.old.upgrading import upgrade
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.tree import EMPTY_ROOT
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
LABELS = ("helpdesk@1", "helpdesk@2", "routing@1", "helpdesk@3")
LOOKS = (b'{"look":1}', b'{"look":2}')


def tree_of(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_release_is_there_with_its_name_time_facts_and_files(old):
    before = read_old(old)
    bytes_before = tree_of(old)
    done = upgrade(old, now=NOW, looks=LOOKS)
    assert done.releases == LABELS
    assert done.looks == 2
    registry = Registry.open(old)
    verify_registry(old)
    made = registry.releases()
    assert [release.created for release in made] == [r.entry.created for r in before.releases]
    assert [release.facts for release in made] == [r.facts for r in before.releases]
    for release, was in zip(made, before.releases, strict=True):
        digests = {file.path: file.digest for file in release.files}
        for file in was.files:
            if file.path == "decision.json":
                assert digests["evaluation/decision-1.json"] == file.digest
            elif not file.path.startswith("ledger.jsonl"):
                assert digests[file.path] == file.digest
    assert registry.read("helpdesk@3").previous_manifest == registry.read("helpdesk@2").manifest_digest
    assert registry.looks() == LOOKS
    assert tree_of(done.before) == bytes_before
    assert not old.with_name("registry.new").exists()


def test_the_ledger_is_dropped_but_where_it_alone_tells_two_versions_apart(old):
    upgrade(old, now=NOW)
    paths = [{file.path for file in release.files} for release in Registry.open(old).releases()]
    assert ["ledger.jsonl" in of for of in paths] == [False, True, False, False]
    assert not any("ledger.jsonl.head" in of for of in paths)


def test_a_new_release_follows_the_old_ones(old):
    upgrade(old, now=NOW)
    registry = Registry.open(old)
    made = registry.publish("helpdesk", {"bundle/model.json": b'{"weights":4}'}, {}, now=NOW)
    assert made.label == "helpdesk@4"
    verify_registry(old)


def test_each_upgrade_makes_a_log_of_its_own(old, tmp_path):
    twin = shutil.copytree(old, tmp_path / "twin")
    origins = set()
    for root in (old, twin):
        upgrade(root, now=NOW)
        origins.add(Registry.open(root).log().checkpoint.origin)
    assert len(origins) == 2


def test_an_upgrade_of_the_present_format_changes_nothing(old):
    first = upgrade(old, now=NOW, looks=LOOKS)
    before = tree_of(old / "log")
    again = upgrade(old, now=NOW, looks=LOOKS)
    assert (again.releases, again.before, again.looks) == ((), first.before, 2)
    assert tree_of(old / "log") == before


def test_a_registry_that_never_was_of_the_old_format_is_left(tmp_path):
    root = Registry.create(tmp_path / "registry").root
    assert upgrade(root, now=NOW).before is None
    with pytest.raises(NotFoundError, match="no registry at"):
        upgrade(tmp_path / "nowhere", now=NOW)


def test_an_empty_registry_is_upgraded(old):
    for path in [*(old / "log" / "entries").iterdir(), *(old / "blobs" / "sha256").iterdir()]:
        path.unlink()
    root = base64.b64encode(EMPTY_ROOT).decode()
    for name, data in {
        "log/checkpoint": f"smallcraft.local/registry\n0\n{root}\nhead none\n".encode(),
        "index.json": build_index(()),
    }.items():
        (old / name).chmod(0o644)
        (old / name).write_bytes(data)
    done = upgrade(old, now=NOW, looks=LOOKS)
    assert (done.releases, done.looks) == ((), 0)
    verify_registry(old)


def test_looks_without_a_release_are_logged_under_the_name_that_is_given(old):
    done = upgrade(old, now=NOW, looks=LOOKS, looks_of="tickets")
    entries = Registry.open(old).log().entries
    assert done.looks == 2
    assert {entry.name for entry in entries if entry.kind == "look"} == {"tickets"}


def test_a_broken_registry_is_refused_and_left(old):
    blob = next((old / "blobs" / "sha256").iterdir())
    blob.chmod(0o644)
    blob.write_bytes(b"rotten")
    with pytest.raises(IntegrityError):
        upgrade(old, now=NOW)
    assert is_old(old)
    assert not old.with_name("registry.before").exists()


def test_folders_in_the_way_are_named(old):
    before, new = old.with_name("registry.before"), old.with_name("registry.new")
    before.mkdir()
    with pytest.raises(InvalidInputError, match=r"registry\.before is there already"):
        upgrade(old, now=NOW)
    before.rmdir()
    new.mkdir()
    (new / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match=r"registry\.new already holds notes\.txt"):
        upgrade(old, now=NOW)
    (new / "notes.txt").unlink()
    Registry.create(new).publish("other", {"bundle/x.json": b"{}"}, {}, now=NOW)
    with pytest.raises(IntegrityError, match=r"registry\.new holds releases that .* does not have"):
        upgrade(old, now=NOW)
    assert is_old(old)


def test_a_registry_made_while_an_upgrade_was_cut_short_is_not_overwritten(old):
    upgrade(old, now=NOW)
    new = old.with_name("registry.new")
    old.rename(new)
    with pytest.raises(InvalidInputError, match="half upgraded; run `smallcraft registry upgrade`"):
        Registry.create(old)
    Registry.create(old.with_name("elsewhere")).root.rename(old)
    with pytest.raises(InvalidInputError, match="a registry was made while an upgrade was cut short"):
        upgrade(old, now=NOW)


def test_an_upgrade_cut_between_its_two_renames_goes_on(old):
    done = upgrade(old, now=NOW, looks=LOOKS)
    old.rename(old.with_name("registry.new"))
    again = upgrade(old, now=NOW, looks=LOOKS)
    assert again == done
    verify_registry(old)


KILLED = f"""
import tarfile
from smallcraft.registry.old.reading_1 import is_old
from smallcraft.registry.old.upgrading import upgrade
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry

NOW = datetime(2026, 10, 1, tzinfo=UTC)
LOOKS = {LOOKS!r}

def prepare(folder):
    with tarfile.open({str(ARCHIVE)!r}) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    (folder / "format_1").rename(folder / "registry")

def act(folder):
    upgrade(folder / "registry", now=NOW, looks=LOOKS)

def settle(folder):
    root = folder / "registry"
    kept = root if root.exists() and is_old(root) else folder / "registry.before"
    was_old = is_old(kept)
    upgrade(root, now=NOW, looks=LOOKS)
    verify_registry(root)
    registry = Registry.open(root)
    return {{
        "was_old": was_old,
        "labels": [release.label for release in registry.releases()],
        "looks": len(registry.looks()),
        "folders": sorted(path.name for path in folder.iterdir() if path.name != "config"),
    }}
"""


@pytest.mark.parametrize("every", [67, pytest.param(13, marks=pytest.mark.slow)])
def test_an_upgrade_killed_at_any_step_is_finished_by_the_next(tmp_path, every):
    steps = run_killed(KILLED, tmp_path, every=every)
    assert len(steps) > 3
    for step in steps:
        assert step == {
            "was_old": True,
            "labels": list(LABELS),
            "looks": 2,
            "folders": ["registry", "registry.before"],
        }

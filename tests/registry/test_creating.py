import shutil

import pytest

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError, SmallcraftError
from smallcraft.registry import creating
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.registry import verify_registry


def test_a_new_registry_holds_nothing_and_is_sound(tmp_path):
    registry = Registry.create(tmp_path / "r")
    assert registry.releases() == ()
    assert registry.log().checkpoint.size == 0
    assert {step.name: step.count for step in verify_registry(registry.root).steps}["log"] == 0


def test_no_registry_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFoundError, match="run `smallcraft build`"):
        Registry.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_creating_twice_opens_what_is_there(registry):
    assert len(Registry.create(registry.root).releases()) == 3


def test_an_interrupted_creation_is_finished(tmp_path):
    layout = Layout(Registry.create(tmp_path / "r").root)
    layout.checkpoint.unlink()
    (layout.tmp / "index.json.new").write_bytes(b"half")
    verify_registry(Registry.create(layout.root).root)


def test_a_folder_with_other_things_in_it_is_not_made_a_registry(tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(InvalidInputError, match=r"already holds thesis.txt"):
        Registry.create(tmp_path)
    with pytest.raises(InvalidInputError, match="is a file; choose another path"):
        Registry.create(tmp_path / "thesis.txt")


def test_a_lost_checkpoint_is_not_an_empty_registry(registry):
    registry.layout.checkpoint.unlink()
    for reopen in (Registry.open, Registry.create):
        with pytest.raises(IntegrityError, match="log/checkpoint is missing, but"):
            reopen(registry.root)


def test_a_lost_checkpoint_and_log_is_not_an_empty_registry(registry):
    shutil.rmtree(registry.layout.log)
    with pytest.raises(IntegrityError, match="log/checkpoint is missing, but"):
        Registry.create(registry.root)


def test_an_origin_is_the_one_asked_for_or_a_new_one(tmp_path):
    chosen = Registry.create(tmp_path / "a", origin="example.com/models")
    assert chosen.log().checkpoint.origin == "example.com/models"
    others = {Registry.create(tmp_path / name).log().checkpoint.origin for name in "bc"}
    assert len(others) == 2


def test_an_origin_that_cannot_be_a_keys_name_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="visible ASCII characters without '\\+'"):
        Registry.create(tmp_path / "a", origin="my registry+1")
    assert not (tmp_path / "a" / "log").exists()


def test_too_little_space_is_refused_before_anything_is_written(registry, now, monkeypatch):
    usage = creating.shutil.disk_usage(registry.root)._replace(free=1000)
    monkeypatch.setattr(creating.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SmallcraftError, match=r"has 1,000 free; free space or keep the registry"):
        registry.publish("a", {"bundle/x.json": b"1"}, {}, now=now)
    assert len(registry.releases()) == 3

"""A checkpoint kept elsewhere is read from a file of its own, a published card, or another registry."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.registry.conftest import NOW

from smallcraft.errors import IntegrityError, InvalidInputError, NotFoundError
from smallcraft.registry.opening import require_well
from smallcraft.registry.papers.checking import embed_card, with_checkpoint
from smallcraft.registry.store import Registry
from smallcraft.registry.verify.copies import Copy, pin_of, read_copy

CARD = "---\nlicense: mit\n---\n# helpdesk@1\n\nwords\n"


@pytest.fixture
def note(registry):
    return registry.log().note


def test_a_note_a_card_and_a_registry_hold_the_same_checkpoint(registry, note, tmp_path):
    (tmp_path / "note").write_bytes(note)
    (tmp_path / "card.md").write_text(with_checkpoint(CARD, note.decode()), encoding="utf-8")
    shutil.copytree(registry.root, tmp_path / "copy")
    for name in ("note", "card.md", "copy"):
        assert read_copy(tmp_path / name) == Copy(note, str(tmp_path / name))


def test_a_card_of_windows_line_ends_is_a_copy_too(note, tmp_path):
    text = with_checkpoint(CARD, note.decode()).replace("\n", "\r\n")
    (tmp_path / "card.md").write_bytes(text.encode("utf-8"))
    assert read_copy(tmp_path / "card.md").note == note


def test_a_card_in_a_readme_is_a_copy_too(note, tmp_path):
    printed = with_checkpoint(CARD, note.decode())
    ours = "Words of somebody.\n\n\u2014 somebody\n"
    readme = embed_card(ours, printed, label="helpdesk@1") + "\nmore of ours\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    assert read_copy(tmp_path / "README.md").note == note


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFoundError, match=r"no checkpoint at .*none; name a file that holds one"):
        read_copy(tmp_path / "none")
    with pytest.raises(NotFoundError, match=r"or another registry"):
        read_copy(tmp_path)


@given(st.binary(max_size=300))
def test_any_other_file_is_refused_with_what_is_wanted(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError, match="holds no checkpoint; name a copy of log/checkpoint, or a c"):
        read_copy(path)


def test_a_card_without_a_checkpoint_is_no_copy(tmp_path):
    (tmp_path / "card.md").write_text(CARD, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="holds no checkpoint"):
        read_copy(tmp_path / "card.md")


def test_a_copy_counts_under_the_key_that_signed_it_also_after_a_turn(registry, note):
    vkey = registry.log().keys[0]
    registry.rotate_key(NOW)
    log = registry.log()
    assert pin_of(Copy(note, "kept"), log.keys).vkey == vkey == log.keys[0]
    later = pin_of(Copy(log.note, "kept"), log.keys)
    assert later.vkey == log.keys[1]
    require_well(pin_of(Copy(note, "kept"), log.keys), log, source="kept")


def test_a_copy_that_no_key_of_the_log_signed_is_broken(registry, note, tmp_path):
    other = Registry.create(tmp_path / "other").log()
    size = b"\n%d\n" % registry.log().checkpoint.size
    for forged in (other.note, note.replace(size, b"\n2\n"), note.replace(b"helpdesk", b"x") + b"x"):
        with pytest.raises(IntegrityError, match="kept: no key of this log signed that checkpoint"):
            pin_of(Copy(forged, "kept"), registry.log().keys)

"""What may be done to a registry's history: without the log's key, with it stolen, with every key stolen.

Without the key nothing passes. With the log's key a thief can append, as the owner can; what was there before
is held by pins and copies, and what a release is by its author's signature. With both keys stolen only what
others saw is left: a pin, a copy, a checkpoint in git, a published card.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.attacks.forging import (
    NOW,
    assert_not_served,
    assert_verify_names,
    open_log_of,
    overwrite,
    rewrite_log,
    rewrite_raw,
    serve,
    steal_keys,
)

from smallcraft.cli.main import run
from smallcraft.errors import IntegrityError
from smallcraft.registry.opening import Trust
from smallcraft.registry.papers.checking import with_checkpoint
from smallcraft.registry.proofs.transfer import pull, push
from smallcraft.registry.store import Registry
from smallcraft.registry.tlog.entry import Entry
from smallcraft.registry.tlog.tiles import encode_bundle
from smallcraft.registry.verify.registry import verify_registry


def bundle_path(layout) -> Path:
    """The one bundle of entries."""
    return next((layout.log / "tile" / "entries" / "000.p").iterdir())


def use_copy(copy: Path, root: Path) -> None:
    """Put another folder in the place of a registry."""
    shutil.rmtree(root)
    copy.rename(root)


# --- without a key -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 3, 6])
def test_a_deleted_entry_is_named(registry, layout, owner, number):
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    del raw[number - 1]
    overwrite(bundle_path(layout), encode_bundle(raw))
    what = "is missing" if number == 6 else "does not match its stored bytes"
    assert_verify_names(registry.root, f"log/tile/entries/000.p/6: entry {number} {what}", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_a_deleted_entry_with_tiles_made_to_fit_is_named(registry, layout, owner):
    """Hashes and bundles agree, one entry fewer; the checkpoint still says six."""
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    rewrite_raw(layout, raw[:-1])
    assert_verify_names(registry.root, "log/tile/0/000.p/6|log/tile/entries/000.p/6", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_reordered_entries_are_named_from_the_first(registry, layout, owner):
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    raw[3], raw[4] = raw[4], raw[3]
    overwrite(bundle_path(layout), encode_bundle(raw))
    told = "entry 4 does not match its stored bytes: .*in its place stands entry 5: .*dropped or reordered"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_reordered_entries_with_tiles_made_to_fit_accuse_the_checkpoint(registry, layout, owner):
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    raw[3], raw[4] = raw[4], raw[3]
    rewrite_raw(layout, raw)
    assert_verify_names(registry.root, "agree with their tiles, but have root", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_a_moved_version_number_is_named(registry, layout, owner, puts):
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    raw[puts[1]] = raw[puts[1]].replace(b'"version":2', b'"version":9')
    overwrite(bundle_path(layout), encode_bundle(raw))
    assert_verify_names(registry.root, f"entry {puts[1] + 1} does not match its stored bytes", trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_a_moved_alias_is_named_and_means_nothing(registry, layout, owner):
    """`stable` is what serving follows: the one pointer that moves, and only by an entry."""
    raw = list(open_log_of(layout).raw)
    raw[-1] = raw[-1].replace(b'"version":2', b'"version":1')
    overwrite(bundle_path(layout), encode_bundle(raw))
    assert_verify_names(registry.root, "entry 6 does not match its stored bytes", trust=owner)
    with pytest.raises(IntegrityError, match="entry 6 does not match"):
        Registry.open(registry.root, trust=owner).read("helpdesk@stable")


def test_an_entry_appended_without_the_key_is_named(registry, layout, owner, entries):
    origin = entries[0].origin
    moved = Entry(origin, "alias", entries[-1].time, name="helpdesk", alias="stable", version=1)
    rewrite_log(layout, [*entries, moved])
    assert_verify_names(registry.root, r"log/tile/(0|entries)/000.p/7 does not belong here", trust=owner)
    assert registry.read("helpdesk@stable").version == 2


def test_a_checkpoint_put_back_to_an_older_one_is_named_even_by_who_never_saw_the_log(
    registry, layout, owner, newcomer
):
    older = layout.checkpoint.read_bytes()
    registry.set_alias("helpdesk", "stable", 3, now=NOW)
    registry.log()
    overwrite(layout.checkpoint, older)
    assert_verify_names(registry.root, "the log was rolled back: 7 entries were verified before", trust=owner)
    assert_verify_names(registry.root, "000.p/7 does not belong here", trust=newcomer)
    with pytest.raises(IntegrityError, match="is there already, but the checkpoint does not cover it"):
        Registry.open(registry.root, trust=steal_keys(owner, registry.root.parent / "same")).publish(
            "helpdesk", {"a.json": b"1"}, {}, now=NOW
        )


def publish_fourth(registry):
    release = registry.publish("helpdesk", {"bundle/model.json": b'{"weights":"4"}'}, {"n": 4}, now=NOW)
    registry.log()
    return release


# --- rolled back, forked -----------------------------------------------------------------------


@pytest.fixture
def rolled_back(registry):
    """A registry that was put back to the copy of yesterday, whole; and the release that went."""
    yesterday = registry.root.parent / "yesterday"
    shutil.copytree(registry.root, yesterday)
    newest = publish_fourth(registry)
    shutil.copy(registry.layout.checkpoint, registry.root.parent / "kept")
    card = registry.root.parent / "README.md"
    note = registry.layout.checkpoint.read_text()
    card.write_text(with_checkpoint("# helpdesk\n", note))
    use_copy(yesterday, registry.root)
    return newest


def test_a_whole_store_rolled_back_is_named_by_a_pin_and_not_served(registry, owner, rolled_back):
    told = "log/checkpoint: the log was rolled back: 7 entries were verified before, now it has 6"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, rolled_back, trust=owner)
    with pytest.raises(IntegrityError, match="rolled back"):
        Registry.open(registry.root, trust=owner).read("latest")


@pytest.mark.parametrize("copy", ["kept", "README.md"])
def test_a_whole_store_rolled_back_is_named_by_a_copy_of_its_checkpoint(
    registry, newcomer, rolled_back, copy
):
    """Who never saw the log needs a copy from elsewhere: a file in git, the published card."""
    pin = registry.root.parent / copy
    assert_verify_names(registry.root, f"{copy}: the log was rolled back", trust=newcomer, pin=pin)


def test_without_pin_and_copy_an_older_store_looks_whole(registry, newcomer, rolled_back):
    """The limit that the documents state: evidence begins with the first checkpoint held elsewhere."""
    verify_registry(registry.root, trust=newcomer)


def test_a_process_that_is_running_does_not_follow_a_rollback(registry, owner, tmp_path):
    """Even with the pins gone: what this process saw itself counts too."""
    yesterday = tmp_path / "yesterday"
    shutil.copytree(registry.root, yesterday)
    publish_fourth(registry)
    shutil.rmtree(owner.folder / "pins")
    use_copy(yesterday, registry.root)
    with pytest.raises(IntegrityError, match="rolled back"):
        registry.read("latest")


@pytest.fixture
def forked(registry, thief, owner):
    """Another version 4 under the stolen keys, in the place of the one that the owner made."""
    fork = registry.root.parent / "fork"
    shutil.copytree(registry.root, fork)
    mine = publish_fourth(registry)
    shutil.copytree(registry.root, registry.root.parent / "true")
    forged = Registry.open(fork, trust=thief)
    forged.publish("helpdesk", {"bundle/model.json": b'{"weights":"forged"}'}, {"n": 4}, now=NOW)
    forged.set_alias("helpdesk", "stable", 4, now=NOW)
    use_copy(fork, registry.root)
    return mine


def test_a_fork_with_every_key_stolen_is_caught_by_a_pin(registry, owner, forked):
    told = "the log was forked: its first 7 entries had root sha256:.*two histories were signed"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, forked, trust=owner)


def test_a_fork_with_every_key_stolen_is_caught_by_a_copy_of_the_checkpoint(registry, newcomer, forked):
    verify_registry(registry.root, trust=Trust(registry.root.parent / "blind"))  # all that a forger can do
    true = registry.root.parent / "true"
    assert_verify_names(registry.root, "the log was forked", trust=newcomer, pin=true)


def test_a_split_view_between_two_copies_is_named_whichever_is_asked(registry, newcomer, forked, tmp_path):
    """Two readers were shown two histories; each copy is sound alone."""
    one, other = registry.root, registry.root.parent / "true"
    for number, (shown, kept) in enumerate([(one, other), (other, one)]):
        reader = Trust(tmp_path / f"reader-{number}")
        verify_registry(shown, trust=reader)
        # The true copy is one entry shorter: seen from there, the other is what it was rolled back from.
        assert_verify_names(shown, "the log was (forked|rolled back)", trust=reader, pin=kept)


def test_a_fork_is_neither_pushed_over_nor_pulled(registry, owner, forked, tmp_path):
    true = registry.root.parent / "true"
    before = (true / "log" / "checkpoint").read_bytes()
    for carry in (
        lambda: push(registry.root, true),
        lambda: pull(true, registry.root, verify=verify_registry),
    ):
        with pytest.raises(IntegrityError, match="are forked: "):
            carry()
    assert (true / "log" / "checkpoint").read_bytes() == before


@pytest.mark.parametrize("what", ["deleted", "reordered", "edited"])
def test_history_rewritten_with_the_stolen_log_key_is_caught_by_a_pin(
    registry, layout, owner, signer, entries, what
):
    """Everything is signed and agrees, but for what the owner saw before."""
    release = registry.read("2")
    if what == "deleted":
        del entries[-1]
    elif what == "reordered":
        entries[-1], entries[-2] = entries[-2], entries[-1]
    else:
        entries[-1] = replace(entries[-1], version=1)
    rewrite_log(layout, entries, signer=signer)
    told = "rolled back" if what == "deleted" else "the log was forked"
    assert_verify_names(registry.root, told, trust=owner)
    assert_not_served(registry.root, release, trust=owner)


def test_a_version_pointed_at_another_manifest_is_named_by_the_next_version(
    registry, layout, signer, entries, puts, newcomer
):
    first, second, third = puts
    entries[second] = replace(
        entries[second], manifest=entries[first].manifest, attestations=entries[first].attestations
    )
    rewrite_log(layout, entries, signer=signer)
    assert_verify_names(registry.root, f"entry {third + 1} must be helpdesk@3 after manifest", trust=newcomer)


def test_a_moved_version_number_is_named_with_the_log_key_stolen_too(
    registry, layout, signer, entries, puts, newcomer
):
    entries[puts[1]] = replace(entries[puts[1]], version=9)
    rewrite_log(layout, entries, signer=signer)
    assert_verify_names(registry.root, f"entry {puts[1] + 1} must be helpdesk@2 after", trust=newcomer)


def test_an_alias_of_a_retired_version_is_refused_with_the_log_key_stolen_too(
    registry, layout, signer, entries, newcomer
):
    origin, time = entries[0].origin, entries[0].time
    retired = Entry(origin, "retire", time, name="helpdesk", version=1, erased=False)
    served = Entry(origin, "alias", time, name="helpdesk", alias="stable", version=1)
    rewrite_log(layout, [*entries, retired, served], signer=signer)
    assert_verify_names(registry.root, "entry 8 must be a version in use, got helpdesk@1", trust=newcomer)


def test_a_key_that_nobody_handed_over_does_not_take_over(registry, layout, owner, entries, tmp_path):
    """A thief of files alone writes that a key of theirs signs from now on."""
    theirs = Trust(tmp_path / "stranger").keyring.log_signer(entries[0].origin, create=True)
    taken = Entry(entries[0].origin, "key", entries[0].time, role="log", key=theirs.vkey)
    rewrite_log(layout, [*entries, taken], signer=theirs)
    assert_verify_names(registry.root, "handed over by its signature, got one it did not sign", trust=owner)


def test_a_pin_follows_a_key_that_was_handed_over_and_no_further(registry, owner, thief):
    """The stolen key is worth nothing once another took over: the old history cannot grow any more."""
    stolen = registry.root.parent / "stolen"
    shutil.copytree(registry.root, stolen)
    registry.rotate_key(NOW)
    registry.log()
    verify_registry(registry.root, trust=owner)
    forged = Registry.open(stolen, trust=thief)
    for number in (1, 2):
        forged.publish("helpdesk", {"bundle/model.json": b'{"w":%d}' % number}, {}, now=NOW)
    use_copy(stolen, registry.root)
    assert_verify_names(registry.root, "no entry hands one key over to the other|forked", trust=owner)


# --- clocks ------------------------------------------------------------------------------------


def test_a_clock_set_back_is_noted_and_changes_nothing(registry, owner, capsys):
    """An old version does not become the newest by its time: the order is the log's."""
    yesterday = NOW - timedelta(days=1)
    registry.publish("helpdesk", {"bundle/model.json": b'{"weights":"4"}'}, {"n": 4}, now=yesterday)
    registry.set_alias("helpdesk", "stable", 4, now=yesterday)
    assert registry.read("latest").version == registry.read("helpdesk@stable").version == 4
    notes = verify_registry(registry.root, trust=owner).notes
    told = "entry 7 says 2026-09-30T12:00:00Z, an entry before it says 2026-10-01T12:00:00Z: a clock was set"
    assert [note.startswith(told) for note in notes] == [True, False]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMALLCRAFT_CONFIG", str(owner.folder))
        assert run(["verify", str(registry.root)]) == 0
    assert "entry 7 says 2026-09-30" in " ".join(capsys.readouterr().out.split())


def test_a_log_is_read_whole_before_any_of_it_is_served(registry, layout, owner):
    """A broken first entry stops the reading of the last release too."""
    release = registry.read("3")
    raw = list(open_log_of(layout).raw)
    raw[0] = raw[0].replace(b'"role":"log"', b'"role":"lug"')
    overwrite(bundle_path(layout), encode_bundle(raw))
    with pytest.raises(IntegrityError, match="entry 1 does not match"):
        serve(registry.root, release, "find", trust=owner, path="bundle/model.json")
    assert_not_served(registry.root, release, trust=owner)

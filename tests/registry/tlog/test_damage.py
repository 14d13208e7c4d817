from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.damage import Broken, check_tiles, find_first_broken
from smallcraft.registry.tlog.tiles import TileLog, encode_bundle

ENTRIES = [f"entry {number}".encode() for number in range(1, 701)]
LOG = TileLog({}.__getitem__, 0).append(ENTRIES)
FIRST, SECOND, LAST = "tile/entries/000", "tile/entries/001", "tile/entries/002.p/188"


def first_broken(files: dict[str, bytes]) -> Broken | None:
    return find_first_broken(files.__getitem__, LOG.size, root=LOG.root)


def with_entries(entries: list[bytes]) -> dict[str, bytes]:
    parts = {FIRST: entries[:256], SECOND: entries[256:512], LAST: entries[512:]}
    return {**LOG.files, **{path: encode_bundle(part) for path, part in parts.items()}}


@given(st.integers(0, 700))
def test_a_whole_log_has_nothing_broken(size):
    log = TileLog({}.__getitem__, 0).append(ENTRIES[:size])
    assert find_first_broken(log.files.__getitem__, log.size, root=log.root) is None
    check_tiles(log.files.__getitem__, log.size, root=log.root)


@given(st.integers(0, 699))
def test_an_edited_entry_is_named(index):
    edited = [*ENTRIES[:index], b"edited", *ENTRIES[index + 1 :]]
    broken = first_broken(with_entries(edited))
    assert broken is not None
    assert (broken.what, broken.number) == ("entry", index + 1)
    assert f"entry {index + 1} does not match its stored bytes: log says sha256 " in broken.message


@given(st.sets(st.integers(0, 699), min_size=2, max_size=5))
def test_of_several_edited_entries_the_first_is_named(indexes):
    edited = [b"edited" if index in indexes else entry for index, entry in enumerate(ENTRIES)]
    broken = first_broken(with_entries(edited))
    assert broken is not None
    assert broken.number == min(indexes) + 1


def test_reordered_entries_are_named_as_such():
    swapped = [*ENTRIES]
    swapped[40], swapped[56] = swapped[56], swapped[40]
    broken = first_broken(with_entries(swapped))
    assert broken is not None
    assert (broken.what, broken.number, broken.path) == ("moved", 41, f"log/{FIRST}")
    assert "in its place stands entry 57: entries were dropped or reordered" in broken.message


def test_a_dropped_entry_is_named_by_the_one_in_its_place():
    dropped = [*ENTRIES[:40], *ENTRIES[41:]]
    parts = {FIRST: dropped[:255]}
    broken = first_broken({**LOG.files, **{path: encode_bundle(part) for path, part in parts.items()}})
    assert broken is not None
    assert (broken.what, broken.number) == ("moved", 41)


@pytest.mark.parametrize(("path", "number"), [(FIRST, 1), (SECOND, 257), (LAST, 513)])
def test_a_missing_bundle_is_named_by_its_first_entry(path, number):
    files = {name: data for name, data in LOG.files.items() if name != path}
    broken = first_broken(files)
    assert broken is not None
    assert (broken.what, broken.number, broken.path) == ("missing", number, f"log/{path}")
    assert f"from entry {number} on; restore the log from a copy" in broken.message


@given(st.integers(1, 1000))
def test_a_shortened_bundle_is_named_by_its_first_lost_entry(cut):
    files = {**LOG.files, LAST: LOG.files[LAST][:-cut]}
    kept, at = 512, 0
    while at + 2 + len(ENTRIES[kept]) <= len(files[LAST]):
        at += 2 + len(ENTRIES[kept])
        kept += 1
    broken = first_broken(files)
    assert broken is not None
    assert (broken.what, broken.number) == ("missing", kept + 1)


def test_an_entry_planted_behind_the_last_one_is_refused():
    files = {**LOG.files, LAST: LOG.files[LAST] + encode_bundle([b"planted"])}
    broken = first_broken(files)
    assert broken is not None
    assert broken.message.startswith(f"log/{LAST}: bytes stand behind entry 700")


@given(st.data())
def test_an_altered_tile_is_named_while_the_entries_are_whole(data):
    path = data.draw(st.sampled_from([name for name in LOG.files if "entries" not in name]))
    at = data.draw(st.integers(0, len(LOG.files[path]) - 1))
    altered = LOG.files[path][:at] + bytes([LOG.files[path][at] ^ 1]) + LOG.files[path][at + 1 :]
    broken = first_broken({**LOG.files, path: altered})
    assert broken is not None
    assert (broken.what, broken.number, broken.path) == ("tile", None, f"log/{path}")
    assert "the entries are whole, restore this tile from a copy" in broken.message


@pytest.mark.parametrize("path", [name for name in LOG.files if "entries" not in name])
def test_a_missing_or_shortened_tile_is_named(path):
    files = {name: data for name, data in LOG.files.items() if name != path}
    for left in (files, {**files, path: LOG.files[path][:-5]}, {**files, path: LOG.files[path] + b"x"}):
        broken = first_broken(left)
        assert broken is not None
        assert (broken.what, broken.path) == ("tile", f"log/{path}")


def test_an_entry_and_its_tile_edited_alike_are_found():
    other = TileLog({}.__getitem__, 0).append([*ENTRIES[:40], b"edited", *ENTRIES[41:]])
    files = {**LOG.files, FIRST: other.files[FIRST], "tile/0/000": other.files["tile/0/000"]}
    broken = first_broken(files)
    assert broken is not None
    assert (broken.what, broken.path) == ("tile", "log/tile/0/000")
    assert "does not match the hash that the tile above it holds" in broken.message


def test_a_whole_other_history_accuses_the_checkpoint():
    other = TileLog({}.__getitem__, 0).append([*ENTRIES[:40], b"edited", *ENTRIES[41:]])
    broken = first_broken(dict(other.files))
    assert broken is not None
    assert (broken.what, broken.number, broken.path) == ("checkpoint", None, "log/checkpoint")
    assert "the log was rewritten, or the checkpoint is not its own" in broken.message


def test_an_older_log_under_a_newer_checkpoint_lacks_entries():
    older = TileLog({}.__getitem__, 0).append(ENTRIES[:600])
    broken = first_broken(dict(older.files))
    assert broken is not None
    assert broken.what == "missing"
    assert broken.number == 513


def test_a_made_up_size_is_refused_without_a_search():
    reads = []

    def read(path: str) -> bytes:
        reads.append(path)
        return LOG.files[path]

    broken = find_first_broken(read, 10**14, root=LOG.root)
    assert broken is not None
    assert (broken.what, broken.number) == ("missing", 513)
    assert len(reads) < 2000


def test_the_first_broken_thing_is_raised():
    files = with_entries([*ENTRIES[:6], b"edited", *ENTRIES[7:]])
    with pytest.raises(IntegrityError, match=r"entry 7 does not match.*do not serve this release"):
        check_tiles(files.__getitem__, LOG.size, root=LOG.root)


def test_an_empty_log_has_only_the_empty_root():
    assert find_first_broken({}.__getitem__, 0, root=tree.EMPTY_ROOT) is None
    broken = find_first_broken({}.__getitem__, 0, root=LOG.root)
    assert broken is not None
    assert broken.what == "checkpoint"

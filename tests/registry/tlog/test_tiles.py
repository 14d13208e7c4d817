from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog import tree
from smallcraft.registry.tlog.tiles import (
    BUNDLE_LEVEL,
    Appended,
    Bundle,
    Tile,
    TileLog,
    decode_bundle,
    encode_bundle,
    read_tile,
    split_bundle,
)


def numbered(count: int) -> list[bytes]:
    return [f"entry {number}".encode() for number in range(1, count + 1)]


def appended(entries: list[bytes]) -> Appended:
    return TileLog({}.__getitem__, 0).append(entries)


def opened(files: dict[str, bytes], log: Appended) -> TileLog:
    return TileLog(files.__getitem__, log.size, root=log.root)


BIG = numbered(700)


@pytest.fixture(scope="module")
def big() -> Appended:
    return appended(BIG)


def test_a_tree_of_seventy_thousand_has_the_tiles_that_the_specification_counts():
    files = appended([b""] * 70_000).files
    of_level = {
        level: [path.removeprefix(f"tile/{level}/") for path in files if path.startswith(f"tile/{level}/")]
        for level in ("0", "1", "2", "3", "entries")
    }
    assert {level: len(paths) for level, paths in of_level.items()} == {
        "0": 274,
        "1": 2,
        "2": 1,
        "3": 0,
        "entries": 274,
    }
    assert (of_level["0"][-1], of_level["1"], of_level["2"]) == (
        "273.p/112",
        ["000", "001.p/17"],
        ["000.p/1"],
    )


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067, 256), "tile/0/x001/x234/067"),
        (Tile(5, 67, 1), "tile/5/067.p/1"),
        (Tile(BUNDLE_LEVEL, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(tile, path):
    assert tile.path == path


@given(st.lists(st.integers(0, 600), max_size=6), st.booleans(), st.integers(0, 2**32))
def test_appending_in_steps_gives_the_log_of_one_step(steps, is_tidy, seed):
    rng = random.Random(seed)
    files: dict[str, bytes] = {}
    size, root, everything = 0, tree.EMPTY_ROOT, []
    for step in steps:
        entries = [rng.randbytes(rng.randrange(20)) for _ in range(step)]
        grown = TileLog(files.__getitem__, size, root=root).append(entries)
        assert all(files.get(path, data) == data for path, data in grown.files.items())
        files.update(grown.files)
        if is_tidy:
            for path in grown.superseded:
                del files[path]
        size, root, everything = grown.size, grown.root, everything + entries
    assert root == tree.root_of(tree.leaf_hash(entry) for entry in everything)
    assert list(TileLog(files.__getitem__, size, root=root).entries()) == everything
    assert appended(everything).files.items() <= files.items()


def test_an_append_writes_new_files_only_and_only_what_changed():
    first = appended(BIG[:300])
    second = TileLog(first.files.__getitem__, 300).append(BIG[300:301])
    assert set(second.files) == {"tile/entries/001.p/45", "tile/0/001.p/45"}
    assert second.superseded == ("tile/entries/001.p/44", "tile/0/001.p/44")


def test_filling_a_tile_writes_its_parent():
    first = appended(BIG[:511])
    second = TileLog(first.files.__getitem__, 511).append(BIG[511:512])
    assert set(second.files) == {"tile/entries/001", "tile/0/001", "tile/1/000.p/2"}


def test_nothing_appended_writes_nothing(big):
    again = opened(dict(big.files), big).append([])
    assert (again.files, again.superseded, again.size, again.root) == ({}, (), big.size, big.root)


@given(st.integers(1, 700), st.data())
def test_a_log_of_an_earlier_size_reads_from_the_wider_tiles(size, data):
    """What a reader with an older checkpoint finds after a writer tidied up."""
    big = appended(BIG)
    root = tree.root_of(tree.leaf_hash(entry) for entry in BIG[:size])
    log = TileLog(big.files.__getitem__, size, root=root)
    index = data.draw(st.integers(0, size - 1))
    assert log.entry(index) == BIG[index]
    tree.check_inclusion(
        log.inclusion(index), index=index, size=size, leaf=tree.leaf_hash(BIG[index]), root=root
    )


def test_proofs_from_tiles_check(big):
    log = opened(dict(big.files), big)
    for index in range(0, 700, 23):
        leaf = tree.leaf_hash(BIG[index])
        tree.check_inclusion(log.inclusion(index), index=index, size=700, leaf=leaf, root=big.root)
        old_root = tree.root_of(tree.leaf_hash(entry) for entry in BIG[:index])
        proof = log.consistency(index)
        tree.check_consistency(proof, old_size=index, new_size=700, old_root=old_root, new_root=big.root)


@given(st.data())
def test_a_changed_bit_is_never_read_past(data):
    """Whatever byte of whatever file changes: an entry reads as it was, or is refused."""
    big = appended(BIG)
    path = data.draw(st.sampled_from(sorted(big.files)))
    at = data.draw(st.integers(0, len(big.files[path]) - 1))
    files = dict(big.files)
    files[path] = files[path][:at] + bytes([files[path][at] ^ 1 << data.draw(st.integers(0, 7))])
    files[path] += big.files[path][at + 1 :]
    index = data.draw(st.integers(0, len(BIG) - 1))
    try:
        found = opened(files, big).entry(index)
    except IntegrityError:
        found = None
    assert found in {None, BIG[index]}


def test_a_changed_entry_is_refused_by_its_number(big):
    files = dict(big.files)
    files["tile/entries/000"] = files["tile/entries/000"].replace(b"entry 41", b"entry 14")
    message = r"entry 41 does not match its stored bytes: log says sha256 \w{12}..., file has sha256 \w{12}"
    with pytest.raises(IntegrityError, match=message):
        opened(files, big).entry(40)
    assert opened(files, big).entry(39) == b"entry 40"


def test_a_tile_that_its_parent_does_not_hold_is_refused(big):
    files = dict(big.files)
    files["tile/0/001"] = files["tile/0/000"]
    with pytest.raises(IntegrityError, match=r"log/tile/0/001: the tile does not match the hash"):
        opened(files, big).entry(300)


def test_another_root_is_refused_at_the_door(big):
    with pytest.raises(IntegrityError, match=r"do not have the root .* for 700 entries.*smallcraft verify"):
        TileLog(big.files.__getitem__, 700, root=tree.EMPTY_ROOT)


def test_a_tile_of_the_wrong_length_is_refused(big):
    files = {**big.files, "tile/0/000": big.files["tile/0/000"][:-1]}
    with pytest.raises(IntegrityError, match="256 hashes must have 8192 bytes, got 8191"):
        opened(files, big).entry(0)


def test_an_append_after_a_changed_entry_is_refused(big):
    files = dict(big.files)
    files["tile/entries/002.p/188"] = files["tile/entries/002.p/188"].replace(b"entry 600", b"entry 601")
    with pytest.raises(IntegrityError, match="entry 600 does not match"):
        opened(files, big).append([b"more"])


def test_a_missing_tile_is_named_with_its_first_entry():
    with pytest.raises(IntegrityError, match=r"tile/0/002.p/7: .* hashes are not stored, from entry 513 on"):
        read_tile({}.__getitem__, Tile(0, 2, 7))
    with pytest.raises(IntegrityError, match=r"tile/entries/002: .* entries are not stored, from entry 513"):
        read_tile({}.__getitem__, Tile(BUNDLE_LEVEL, 2, 256))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back_as_it_was(entries):
    data = encode_bundle(entries)
    assert split_bundle(data) == Bundle(tuple(entries), b"")
    assert decode_bundle(data, Tile(BUNDLE_LEVEL, 0, len(entries))) == tuple(entries)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (encode_bundle([b"a", b"b"]), "entry 259 is missing"),
        (encode_bundle([b"a", b"b"]) + b"\0", "entry 259 is cut short"),
        (encode_bundle([b"a", b"b", b"c"])[:-1], "entry 259 is cut short"),
        (encode_bundle([b"a", b"b", b"c", b"d"]), "bytes stand behind entry 259"),
        (encode_bundle([b"a", b"b", b"c"]) + b"\0", "bytes stand behind entry 259"),
    ],
)
def test_a_bundle_of_another_count_is_refused(data, message):
    with pytest.raises(IntegrityError, match=f"log/tile/entries/001.p/3: {message}.*; restore"):
        decode_bundle(data, Tile(BUNDLE_LEVEL, 1, 3))


def test_an_entry_too_long_for_a_bundle_is_refused_with_the_remedy():
    assert len(encode_bundle([b"x" * 65535])) == 65537
    with pytest.raises(InvalidInputError, match="at most 65535 bytes, got 65536; store it as a blob"):
        encode_bundle([b"x" * 65536])


@pytest.mark.parametrize("index", [-1, 700])
def test_an_index_that_was_never_written_is_refused(big, index):
    with pytest.raises(InvalidInputError, match=f"from 0 to 699, got {index}"):
        opened(dict(big.files), big).entry(index)

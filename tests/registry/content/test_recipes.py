import json
import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.content.recipes import (
    PATCHED_LIMIT_BYTES,
    RECIPE_LIMIT_BYTES,
    WIDTHS,
    Range,
    Recipe,
    encode_recipe,
    make_patch,
    needed,
    parse_recipe,
    pieces,
    rebuild,
)
from smallcraft.registry.tlog.entry import Content


class Store:
    """Blobs by digest, read as a mapped file would be."""

    def __init__(self, *blobs):
        self.blobs = {digest_bytes(blob): blob for blob in blobs}

    def read(self, digest, offset, length):
        return memoryview(self.blobs[digest])[offset : offset + length]

    def recipe(self, result, *ranges):
        sources = sorted({r.source for r in ranges} | {r.patch for r in ranges if r.patch})
        contents = tuple(Content(digest, len(self.blobs[digest])) for digest in sources)
        return Recipe(Content(digest_bytes(result), len(result)), contents, ranges)


OLD = bytes(range(256)) * 8
NEW = bytes((7 * i) % 256 for i in range(100))
NAMES = {"old": digest_bytes(OLD), "new": digest_bytes(NEW)}
RESULT = OLD[:500] + NEW + OLD[700:900]


def sound():
    """A store and the document of a sound recipe."""
    store = Store(OLD, NEW)
    recipe = store.recipe(
        RESULT, Range(NAMES["old"], 0, 500), Range(NAMES["new"], 0, 100), Range(NAMES["old"], 700, 200)
    )
    return store, json.loads(encode_recipe(recipe))


def test_a_recipe_reads_back_and_rebuilds_its_file():
    store, document = sound()
    recipe = parse_recipe(canonical_json(document), wanted=Content(digest_bytes(RESULT), len(RESULT)))
    assert encode_recipe(recipe) == canonical_json(document)
    assert rebuild(recipe, store.read) == RESULT
    assert b"".join(pieces(recipe, store.read)) == RESULT
    assert set(needed(recipe)) == set(NAMES.values())


def test_a_stranger_can_follow_a_recipe_without_us():
    """The format as its docstring tells it, read with json, zstd and whole numbers alone."""
    new, old = (
        struct.pack("<4i", 5, -3, 2**31 - 1, 0) + b"end",
        struct.pack("<4i", 3, 1, -(2**31), 0) + b"xyz",
    )
    patch = make_patch(memoryview(new), memoryview(old), width=4)
    store = Store(old, patch)
    recipe = store.recipe(new, Range(digest_bytes(old), 0, 19, digest_bytes(patch), 0, len(patch), 4))
    document = json.loads(encode_recipe(recipe))
    source, offset, length, patch_source, patch_offset, patch_length, width = document["ranges"][0]
    base = store.blobs[document["sources"][source][0]][offset : offset + length]
    frame = store.blobs[document["sources"][patch_source][0]][patch_offset : patch_offset + patch_length]
    planes = zstandard.ZstdDecompressor().decompress(frame)
    count = length // width
    made = b""
    for number in range(count):
        word = bytes(planes[place * count + number] for place in range(width))
        folded = int.from_bytes(word, "little")
        step = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
        start = int.from_bytes(base[number * width : (number + 1) * width], "little")
        made += ((start + step) % 2 ** (8 * width)).to_bytes(width, "little")
    assert made + planes[count * width :] == new


@given(
    pair=st.integers(1, 70).flatmap(
        lambda n: st.tuples(st.binary(min_size=n, max_size=n), st.binary(min_size=n, max_size=n))
    ),
    width=st.sampled_from(WIDTHS),
)
def test_a_patch_on_its_base_gives_the_new_bytes(pair, width):
    new, old = pair
    if new == old:
        old = bytes(255 - byte for byte in old)
    patch = make_patch(memoryview(new), memoryview(old), width=width)
    store = Store(old, patch)
    recipe = store.recipe(
        new, Range(digest_bytes(old), 0, len(old), digest_bytes(patch), 0, len(patch), width)
    )
    assert rebuild(parse_recipe(encode_recipe(recipe)), store.read) == new


def test_an_empty_file_needs_nothing():
    recipe = Recipe(Content(digest_bytes(b""), 0), (), ())
    assert rebuild(parse_recipe(encode_recipe(recipe)), Store().read) == b""


OLD_INDEX, NEW_INDEX = (sorted(NAMES.values()).index(NAMES[name]) for name in ("old", "new"))
HUGE = 2**53 - 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": 2}, "v must be 1"),
        ({"v": True}, "not in the form a registry writes"),
        ({"more": 1}, "it must be an object with"),
        ({"size": -1}, "the result must be a digest and a size"),
        ({"size": 2**53}, "the result must be a digest and a size"),
        ({"size": HUGE}, rf"its ranges make 800 bytes, the file has {HUGE}"),
        ({"digest": "sha256:abc"}, "the result must be a digest and a size"),
        ({"digest": NAMES["old"]}, "it needs the file that it makes"),
        ({"sources": {}}, "sources must be a list, got dict"),
        ({"sources": [["x", 1]]}, "a source must be a digest and a size"),
        ({"sources": [[NAMES["old"], 2048]] * 2}, "sources must be sorted, each there once"),
        ({"ranges": "all"}, "ranges must be a list, got str"),
        ({"ranges": [[0, 0]]}, "range 1 must be 3 or 7 whole numbers"),
        ({"ranges": [[0, 0, 0, 0]]}, "range 1 must be 3 or 7 whole numbers"),
        ({"ranges": [[0, 0, 1.5]]}, "range 1 must be 3 or 7 whole numbers"),
        ({"ranges": [[0, 0, True]]}, "range 1 must be 3 or 7 whole numbers"),
        ({"ranges": [[0, -1, 5]]}, "range 1 must be 3 or 7 whole numbers"),
        ({"ranges": [[2, 0, 5]]}, "range 1 names source 2, there are 2"),
        ({"ranges": [[OLD_INDEX, 0, 0]]}, "range 1 takes bytes 0 to 0"),
        ({"ranges": [[OLD_INDEX, 1549, 500]]}, "range 1 takes bytes 1549 to 2049 of a source of 2048"),
        ({"ranges": [[OLD_INDEX, HUGE, HUGE]]}, "of a source of 2048"),
        ({"ranges": [[OLD_INDEX, 0, 800]]}, f"no range uses its source {NAMES['new']}"),
        # the same stretch of the result laid twice
        (
            {"ranges": [[OLD_INDEX, 0, 800], [NEW_INDEX, 0, 100]]},
            "its ranges make 900 bytes, the file has 800",
        ),
        ({"ranges": [[OLD_INDEX, 0, 700], [NEW_INDEX, 0, 99]]}, "its ranges make 799 bytes"),
        ({"ranges": [[OLD_INDEX, 0, 800, NEW_INDEX, 0, 101, 4]]}, "takes bytes 0 to 101 of a source of 100"),
        ({"ranges": [[OLD_INDEX, 0, 800, NEW_INDEX, 0, 100, 3]]}, "range 1 has the width 3"),
    ],
)
def test_a_malicious_recipe_is_refused(change, message):
    _, document = sound()
    with pytest.raises(IntegrityError, match=message):
        parse_recipe(canonical_json({**document, **change}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it cannot be read"),
        (b"[" * 100_000, "it cannot be read"),
        (b'{"v":' + b"9" * 5000 + b"}", "it cannot be read"),
        (b"[]", "it must be an object with"),
        (b" " * (RECIPE_LIMIT_BYTES + 1), "a recipe has 4194304 at most"),
    ],
)
def test_what_is_no_recipe_is_refused(data, message):
    with pytest.raises(IntegrityError, match=message):
        parse_recipe(data)


def test_a_recipe_has_one_spelling():
    _, document = sound()
    data = canonical_json(document)
    for other in (data + b" ", data.replace(b'{"digest"', b'{"v":1,"digest"'), json.dumps(document).encode()):
        with pytest.raises(IntegrityError, match="not in the form a registry writes"):
            parse_recipe(other)


def test_the_recipe_of_another_file_is_refused():
    _, document = sound()
    wanted = Content(digest_bytes(b"another"), len(RESULT))
    with pytest.raises(
        IntegrityError, match=f"it makes 800 bytes with .*, wanted was 800 bytes with {wanted.digest}"
    ):
        parse_recipe(canonical_json(document), wanted=wanted)


def test_more_than_a_block_is_not_patched_at_once():
    size = PATCHED_LIMIT_BYTES + 1
    part = Range(NAMES["old"], 0, size, NAMES["new"], 0, 100, 1)
    sources = tuple(sorted((Content(NAMES["old"], size), Content(NAMES["new"], 100)), key=lambda s: s.digest))
    recipe = Recipe(Content(digest_bytes(b""), size), sources, (part,))
    with pytest.raises(IntegrityError, match="range 1 patches 1048577 bytes, the most is 1048576"):
        parse_recipe(encode_recipe(recipe))


@given(data=st.data())
def test_a_changed_byte_of_a_recipe_never_rebuilds_another_file(data):
    store, document = sound()
    changed = bytearray(canonical_json(document))
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != changed[at]))
    with pytest.raises((IntegrityError, KeyError)):  # KeyError: a blob that is not in the store
        rebuild(parse_recipe(bytes(changed), wanted=Content(digest_bytes(RESULT), len(RESULT))), store.read)


@pytest.mark.parametrize("at", [0, 499, 700, 899])
def test_a_bit_flipped_in_a_shared_blob_is_detected(at):
    store, document = sound()
    damaged = bytearray(OLD)
    damaged[at] ^= 1
    store.blobs[NAMES["old"]] = bytes(damaged)
    with pytest.raises(IntegrityError, match=r"expected 800 bytes with .*run `smallcraft verify --deep`"):
        rebuild(parse_recipe(canonical_json(document)), store.read)


def test_a_shared_blob_that_was_cut_off_is_named():
    store, document = sound()
    store.blobs[NAMES["old"]] = OLD[:800]
    with pytest.raises(IntegrityError, match=f"blob {NAMES['old']} must have 200 bytes at 700, got 100"):
        rebuild(parse_recipe(canonical_json(document)), store.read)


def patched(frame, *, length=1000):
    """A store and a recipe whose only range is patched by this frame."""
    store = Store(OLD, frame)
    part = Range(NAMES["old"], 0, length, digest_bytes(frame), 0, len(frame), 1)
    return store, parse_recipe(encode_recipe(store.recipe(b"x" * length, part)))


def bomb():
    """A frame that swells ten thousandfold."""
    return zstandard.ZstdCompressor(level=19).compress(bytes(64 << 20))


def unstated(data):
    """A frame that does not say how much it holds."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


def lying(frame, stated):
    """A frame whose header states another size, in the field of four bytes."""
    assert frame[4] >> 6 == 2, "the size must take four bytes"
    at = 5 if frame[4] & 32 else 6
    return frame[:at] + struct.pack("<I", stated) + frame[at + 4 :]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (bomb, "its frame states 67108864 bytes"),
        (lambda: unstated(bytes(1000)), "its frame states -1 bytes"),
        (lambda: unstated(bytes(64 << 20)), "its frame states -1 bytes"),
        (lambda: lying(bomb(), 1000), "it cannot be decompressed|its frame states"),
        (lambda: b"no zstd", "it cannot be decompressed"),
        (lambda: struct.pack("<II", 0x184D2A50, 4) + b"skip", "its frame states"),
        (lambda: zstandard.compress(bytes(999)), "its frame states 999 bytes"),
        (lambda: zstandard.compress(bytes(1000)) + b"more", "it cannot be decompressed"),
        (lambda: zstandard.compress(bytes(range(250)) * 4)[:-8], "it cannot be decompressed"),
    ],
)
def test_a_patch_that_is_not_what_it_states_is_refused_before_it_swells(make, message):
    store, recipe = patched(make())
    with pytest.raises(IntegrityError, match=message):
        rebuild(recipe, store.read)

import json

import pytest

from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.registry.old.format_1 import (
    build_index,
    entry_path,
    parse_checkpoint,
    parse_log,
    parse_manifest,
)


@pytest.fixture
def raw(old):
    return [(old / entry_path(number)).read_bytes() for number in (1, 2, 3, 4)]


@pytest.fixture
def checkpoint(old):
    return parse_checkpoint((old / "log" / "checkpoint").read_bytes())


def test_the_log_says_what_was_released(raw, checkpoint):
    entries = parse_log(raw, checkpoint)
    assert [entry.label for entry in entries] == ["helpdesk@1", "helpdesk@2", "routing@1", "helpdesk@3"]
    assert [entry.created[:10] for entry in entries] == [f"2026-09-0{day}" for day in (1, 2, 3, 4)]
    assert entries[3].prev_manifest == entries[1].manifest.digest
    assert (checkpoint.origin, checkpoint.size) == ("smallcraft.local/registry", 4)
    assert checkpoint.head == digest_bytes(raw[-1])


def test_the_index_is_derived_as_it_was(old, raw, checkpoint):
    assert build_index(parse_log(raw, checkpoint)) == (old / "index.json").read_bytes()


def test_a_manifest_says_files_and_facts(old, raw, checkpoint):
    wanted = parse_log(raw, checkpoint)[2].manifest
    data = (old / "blobs" / "sha256" / wanted.digest.removeprefix("sha256:")).read_bytes()
    manifest = parse_manifest(data, digest=wanted.digest)
    assert [file.path for file in manifest.files] == ["bundle/model.json", "evidence/dev.json"]
    assert manifest.facts == type(wanted)(digest_bytes(b'{"chosen":"fast"}'), 17)


def test_an_empty_log_is_one(old):
    empty = b"smallcraft.local/registry\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nhead none\n"
    assert parse_log([], parse_checkpoint(empty)) == ()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_changed_entry_is_named(raw, checkpoint, number):
    raw[number - 1] = raw[number - 1].replace(b"2026-09", b"2026-08")
    with pytest.raises(
        IntegrityError, match=f"^log/entries/0000000{number}.json: entry {number} does not match"
    ):
        parse_log(raw, checkpoint)


def test_every_changed_byte_is_refused(raw, checkpoint):
    for number, data in enumerate(raw):
        for position in range(len(data)):
            changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
            with pytest.raises(IntegrityError, match=f"entry {number + 1}"):
                parse_log([*raw[:number], changed, *raw[number + 1 :]], checkpoint)


def test_swapped_entries_are_refused(raw, checkpoint):
    with pytest.raises(IntegrityError, match="does not match its stored bytes"):
        parse_log([raw[1], raw[0], *raw[2:]], checkpoint)


def test_an_entry_in_another_spelling_or_of_another_kind_is_refused(raw, checkpoint):
    value = json.loads(raw[3])
    with pytest.raises(IntegrityError, match="not in canonical form"):
        parse_log([*raw[:3], json.dumps(value).encode()], checkpoint)
    for change in ({"kind": "alias"}, {"v": 2}, {"more": 1}, {"created": "yesterday"}, {"version": True}):
        with pytest.raises(IntegrityError, match="entry 4 cannot be read as an entry of format 1"):
            parse_log([*raw[:3], canonical_json(value | change)], checkpoint)


def test_every_changed_byte_of_a_checkpoint_is_refused(old, raw):
    data = (old / "log" / "checkpoint").read_bytes()
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :]
        with pytest.raises(IntegrityError):
            parse_log(raw, parse_checkpoint(changed))


def test_a_checkpoint_cut_short_is_refused(old):
    data = (old / "log" / "checkpoint").read_bytes()
    for size in range(len(data)):
        with pytest.raises(IntegrityError, match=r"^log/checkpoint"):
            parse_checkpoint(data[:size])


def test_a_manifest_of_the_present_format_is_none(old, raw, checkpoint):
    wanted = parse_log(raw, checkpoint)[0].manifest
    data = (old / "blobs" / "sha256" / wanted.digest.removeprefix("sha256:")).read_bytes()
    with pytest.raises(IntegrityError, match="cannot be read"):
        parse_manifest(data.replace(b"release.facts", b"release.other"), digest=wanted.digest)
    with pytest.raises(IntegrityError, match=r"must be relative"):
        parse_manifest(data.replace(b"bundle/model.json", b"../../model.jsonx"), digest=wanted.digest)

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.checkpoint import checkpoint_of
from smallcraft.registry.log import (
    append_entry,
    check_chain,
    check_name,
    empty_log,
    encode_entry,
    entry_path,
    open_log,
    parse_entry,
)

CREATED = "2026-10-01T12:00:00Z"


def log_of(size, names=("helpdesk",)):
    log = empty_log()
    for number in range(size):
        name = names[number % len(names)]
        log = append_entry(log, name, manifest=b"manifest %d" % number, created=CREATED)
    return log


def test_entries_carry_their_predecessors():
    log = log_of(4, names=("a", "b"))
    third = json.loads(log.raw[2])
    assert (third["name"], third["version"]) == ("a", 2)
    assert third["prev_entry"] == digest_bytes(log.raw[1])
    assert third["prev_manifest"] == digest_bytes(b"manifest 0")
    assert third["manifest"] == {"digest": digest_bytes(b"manifest 2"), "size": 10}
    assert json.loads(log.raw[0])["prev_entry"] is None
    assert len(log.raw[2]) < 1024


def test_appending_never_changes_earlier_entries():
    short, long = log_of(3), log_of(5)
    assert long.raw[:3] == short.raw


@given(size=st.integers(0, 12))
def test_a_log_opens_as_it_was_appended(size):
    log = log_of(size, names=("a", "b", "c"))
    assert open_log(log.raw, log.checkpoint) == log


def test_an_entry_reads_back_as_written_with_and_without_its_author():
    entry = append_entry(empty_log(), "a", manifest=b"m", created=CREATED, by="release-bot")
    for written in (entry.entries[0], dataclasses.replace(entry.entries[0], by=None)):
        assert parse_entry(encode_entry(written), number=1) == written


@given(data=st.data(), size=st.integers(1, 9))
def test_any_changed_byte_names_its_entry(data, size):
    log = log_of(size, names=("a", "b"))
    number = data.draw(st.integers(1, size))
    changed = bytearray(log.raw[number - 1])
    position = data.draw(st.integers(0, len(changed) - 1))
    changed[position] ^= data.draw(st.integers(1, 255))
    raw = [*log.raw]
    raw[number - 1] = bytes(changed)
    with pytest.raises(IntegrityError, match=f"^{entry_path(number)}: entry {number} does not"):
        check_chain(raw, log.checkpoint)


@given(data=st.data(), size=st.integers(2, 8))
def test_of_several_changed_entries_the_first_proven_one_is_named(data, size):
    """Of neighbours the second is proven: what it says of the first is worth nothing."""
    log = log_of(size)
    numbers = sorted(data.draw(st.sets(st.integers(1, size), min_size=2)))
    expected = numbers[1] if numbers[1] == numbers[0] + 1 else numbers[0]
    raw = [*log.raw]
    for number in numbers:
        raw[number - 1] = raw[number - 1].replace(b'"helpdesk"', b'"helpdusk"')
    with pytest.raises(IntegrityError, match=f"^{entry_path(expected)}: entry {expected} "):
        check_chain(raw, log.checkpoint)


@given(data=st.data(), size=st.integers(2, 8))
def test_swapped_entries_are_named_from_the_first(data, size):
    log = log_of(size)
    first, second = sorted(data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True)))
    raw = [*log.raw]
    raw[first], raw[second] = raw[second], raw[first]
    with pytest.raises(IntegrityError, match=f"^{entry_path(first + 1)}: "):
        check_chain(raw, log.checkpoint)


def test_a_missing_last_entry_is_named():
    log = log_of(3)
    with pytest.raises(IntegrityError, match=r"00000003.json: .* covers 3 entries, but entry 3"):
        check_chain(log.raw[:2], log.checkpoint)


def test_an_entry_past_the_checkpoint_is_named():
    with pytest.raises(IntegrityError, match=r"00000003.json: .*put back to an older one"):
        check_chain(log_of(3).raw, log_of(2).checkpoint)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 2},
        {"size": 4},
        {"head": "sha256:" + "0" * 64},
        {"root": "sha256:" + "0" * 64},
    ],
)
def test_a_checkpoint_changed_alone_is_named_not_the_entries(change):
    log = log_of(3)
    with pytest.raises(IntegrityError, match=r"^log/checkpoint: the checkpoint is not the one"):
        check_chain(log.raw, dataclasses.replace(log.checkpoint, **change))


def rebuilt(entries):
    """What an owner can do: write the entries anew, each with the right predecessor."""
    raw = []
    for entry in entries:
        before = digest_bytes(raw[-1]) if raw else None
        raw.append(encode_entry(dataclasses.replace(entry, prev_entry=before)))
    return raw, checkpoint_of(entries[0].origin, raw)


@pytest.mark.parametrize(
    "change",
    [{"version": 5}, {"version": 1}, {"prev_manifest": None}, {"origin": "example.org/other"}],
)
def test_a_rebuilt_log_with_an_entry_out_of_order_is_refused(change):
    entries = [*log_of(3).entries]
    entries[1] = dataclasses.replace(entries[1], **change)
    with pytest.raises(IntegrityError, match=r"00000002.json: entry 2 must be helpdesk@2"):
        open_log(*rebuilt(entries))


def test_a_consistently_rebuilt_log_is_not_detected_as_the_header_says():
    entries = [dataclasses.replace(entry, created="2020-01-01T00:00:00Z") for entry in log_of(3).entries]
    assert len(open_log(*rebuilt(entries)).entries) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"v":1}',
        encode_entry(log_of(1).entries[0]).replace(b'"v":1', b'"v":2'),
        encode_entry(log_of(1).entries[0]).replace(b'"version":1', b'"version":true'),
        encode_entry(log_of(1).entries[0]).replace(b'"version":1', b'"version":1,"version":1'),
        encode_entry(log_of(1).entries[0]) + b"\n",
    ],
)
def test_what_is_no_entry_is_refused(data):
    with pytest.raises(IntegrityError, match=r"00000007.json: entry 7 .*restore the log"):
        parse_entry(data, number=7)


@pytest.mark.parametrize("name", ["", "3", "-a", "a/b", "a@b", "latest", "a" * 101, "a b", "ä"])
def test_a_name_that_a_reference_cannot_hold_is_refused(name):
    with pytest.raises(InvalidInputError, match="write for example 'helpdesk-intents'"):
        check_name(name)


@pytest.mark.parametrize("origin", ["", "two words", "line\nbreak", "ä"])
def test_an_origin_that_breaks_the_checkpoint_is_refused(origin):
    with pytest.raises(InvalidInputError, match="visible ASCII"):
        empty_log(origin)

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.canonical import canonical_json
from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.entry import (
    ENTRY_LIMIT_BYTES,
    FIELDS,
    Content,
    Entry,
    Kind,
    check_alias,
    check_name,
    check_origin,
    encode_entry,
    parse_entry,
    unsigned_bytes,
)

ORIGIN = "example.com/registry"
TIME = "2026-10-01T12:00:00Z"
DIGEST = "sha256:" + "5f" * 32

counts = st.integers(1, 2**53 - 1)
digests = st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{raw.hex()}")
names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,30}([._-][A-Za-z0-9]{1,10}){0,3}", fullmatch=True).filter(
    lambda name: name != "latest"
)
VALUES = {
    "name": names,
    "version": counts,
    "manifest": st.builds(Content, digests, counts),
    "prev": digests,
    "attestations": st.lists(digests, min_size=1, max_size=5, unique=True).map(tuple),
    "alias": st.sampled_from(["stable", "canary", "eu-west-1"]),
    "role": st.sampled_from(["author", "log"]),
    "key": st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=150),
    "signature": st.sampled_from(["AAAA", "c2lnbmVk"]),
    "reason": st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=100),
    "erased": st.booleans(),
    "by": digests,
}


@st.composite
def entries(draw) -> Entry:
    kind = draw(st.sampled_from(get_args(Kind)))
    must, may = FIELDS[kind]
    chosen = sorted(must | draw(st.sets(st.sampled_from(sorted(may)))))
    return Entry(ORIGIN, kind, TIME, **{field: draw(VALUES[field]) for field in chosen})


def put(**changes) -> Entry:
    entry = Entry(ORIGIN, "put", TIME, name="helpdesk", version=3, manifest=Content(DIGEST, 7))
    return replace(entry, **changes)


@given(entries())
def test_an_entry_reads_back_as_it_was(entry):
    assert parse_entry(encode_entry(entry), number=1) == entry


@given(entries())
def test_an_entry_is_canonical_json_under_the_limit(entry):
    data = encode_entry(entry)
    assert canonical_json(json.loads(data)) == data
    assert len(data) < ENTRY_LIMIT_BYTES


@given(entries(), st.data())
def test_any_other_spelling_is_refused(entry, data):
    value = json.loads(encode_entry(entry))
    spellings = [
        json.dumps(value).encode(),
        json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode(),
        encode_entry(entry) + b"\n",
        encode_entry(entry).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + encode_entry(entry),
    ]
    spelling = data.draw(st.sampled_from(spellings))
    with pytest.raises(IntegrityError, match=r"entry 9 .*restore the log from a copy"):
        parse_entry(spelling, number=9)


@given(entries(), st.data())
def test_every_field_a_kind_must_have_is_missed(entry, data):
    value = json.loads(encode_entry(entry))
    must = sorted(FIELDS[entry.kind][0] | {"v", "origin", "kind", "time"})
    value.pop(data.draw(st.sampled_from(must)))
    with pytest.raises(IntegrityError, match="cannot be read as a log entry"):
        parse_entry(canonical_json(value), number=1)


@given(entries(), st.data())
def test_every_field_of_another_kind_is_refused(entry, data):
    must, may = FIELDS[entry.kind]
    field = data.draw(st.sampled_from(sorted(VALUES.keys() - must - may)))
    with pytest.raises(InvalidInputError, match=f"kind '{entry.kind}' must have .* got one with {field}"):
        encode_entry(replace(entry, **{field: data.draw(VALUES[field])}))


def test_the_table_knows_every_kind_and_every_field():
    assert set(FIELDS) == set(get_args(Kind))
    known = {field.name for field in fields(Entry)} - {"origin", "kind", "time"}
    assert set().union(*(must | may for must, may in FIELDS.values())) == known == set(VALUES)


def test_an_entry_reads_as_documented():
    entry = put(prev=DIGEST, attestations=(DIGEST,), by=DIGEST)
    assert encode_entry(entry).decode() == (
        f'{{"attestations":["{DIGEST}"],"by":"{DIGEST}","kind":"put",'
        f'"manifest":{{"digest":"{DIGEST}","size":7}},"name":"helpdesk","origin":"{ORIGIN}",'
        f'"prev":"{DIGEST}","time":"{TIME}","v":2,"version":3}}'
    )


@pytest.mark.parametrize(
    ("entry", "label"),
    [
        (put(), "helpdesk@3"),
        (Entry(ORIGIN, "alias", TIME, name="helpdesk", alias="stable", version=3), "helpdesk@stable"),
        (Entry(ORIGIN, "decision", TIME, name="helpdesk"), "helpdesk"),
        (Entry(ORIGIN, "gc", TIME), "gc"),
    ],
)
def test_an_entry_is_named_as_people_name_it(entry, label):
    assert entry.label == label


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 0}, "count from 1 expected, got 0"),
        ({"version": True}, "count from 1 expected, got True"),
        ({"version": 2**53}, "count from 1"),
        ({"manifest": Content("sha256:5F", 7)}, "64 hex digits"),
        ({"manifest": Content(DIGEST, -1)}, "count from 1"),
        ({"prev": "md5:" + "5f" * 32}, "64 hex digits"),
        ({"attestations": (DIGEST, DIGEST)}, "different digests"),
        ({"time": "2026-10-01T12:00:00+00:00"}, "RFC 3339 in UTC to the second"),
        ({"time": "2026-13-01T12:00:00Z"}, "RFC 3339 in UTC to the second"),
        ({"time": "2026-10-01T12:00:00.5Z"}, "RFC 3339 in UTC to the second"),
        ({"name": "../up"}, "a release name must be letters"),
        ({"name": "latest"}, "not be 'latest'"),
        ({"origin": "my log"}, "visible ASCII characters without '\\+'"),
        ({"origin": "a+b"}, "visible ASCII characters without '\\+'"),
        ({"by": "anna@example.com"}, "64 hex digits"),
        ({"kind": "delete"}, "kind must be one of put, alias"),
    ],
)
def test_a_field_out_of_range_is_refused_when_written(change, message):
    with pytest.raises(InvalidInputError, match=message):
        encode_entry(put(**change))


@pytest.mark.parametrize(
    ("field", "value"),
    [("reason", "two\nlines"), ("reason", "x" * 201), ("reason", ""), ("alias", "Stable"), ("alias", "3")],
)
def test_an_alias_entry_says_one_line_about_one_alias(field, value):
    entry = Entry(ORIGIN, "alias", TIME, name="helpdesk", alias="stable", version=1, reason="better")
    with pytest.raises(InvalidInputError, match="must be"):
        encode_entry(replace(entry, **{field: value}))


def test_an_entry_that_outgrows_its_limit_is_refused_with_the_remedy():
    many = tuple(f"sha256:{number:064x}" for number in range(12))
    with pytest.raises(
        InvalidInputError, match=r"shorter than 1024 bytes, got 1\d{3} for helpdesk@3; shorten"
    ):
        encode_entry(put(attestations=many))
    with pytest.raises(IntegrityError, match="it has 1024 bytes, 1023 are allowed"):
        parse_entry(b" " * 1024, number=1)


def test_a_key_that_stands_twice_is_refused():
    data = encode_entry(put()).replace(b'"kind":"put"', b'"kind":"put","kind":"put"')
    with pytest.raises(IntegrityError, match="a key stands in it twice"):
        parse_entry(data, number=1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be read"),
        (b"[]", "not a JSON object"),
        (b"[" * 1000, "cannot be read"),
        (b'{"v":1}', "format 1 is not known"),
        (b'{"v":2,"person":"anna"}', "its key 'person' is not known"),
        (b'{"kind":["put"],"origin":"a","time":"b","v":2}', "cannot be read"),
        (encode_entry(put()).replace(b'"size":7', b'"size":7,"url":"x"'), "not a digest with a size"),
        (encode_entry(put()).replace(b":3}", b":3.0}"), "count from 1"),
        (encode_entry(put()).replace(b'"v":2', b'"v":2.0'), "not in canonical form"),
        (encode_entry(put()).replace(b'"version"', b'"prev":null,"version"'), "canonical form"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_bytes_that_are_no_entry_are_refused(data, message):
    with pytest.raises(IntegrityError, match=f"entry 41 .*{message}"):
        parse_entry(data, number=41)


def test_unsigned_bytes_do_not_depend_on_the_signature():
    entry = Entry(ORIGIN, "key", TIME, role="log", key="k")
    assert unsigned_bytes(replace(entry, signature="AAAA")) == encode_entry(entry)


@pytest.mark.parametrize("name", ["helpdesk", "a", "x.y_z-1"])
def test_plain_names_pass(name):
    assert (check_name(name), check_alias("eu-1"), check_origin(name)) == (name, "eu-1", name)


@pytest.mark.parametrize("name", ["", "-a", "a--b", "a/b", "a@b", "é", "a" * 101, "1a", "a\n"])
def test_names_that_could_be_misread_are_refused(name):
    with pytest.raises(InvalidInputError, match="write for example 'helpdesk-intents'"):
        check_name(name)

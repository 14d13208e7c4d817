from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from smallcraft.errors import IntegrityError, InvalidInputError
from smallcraft.registry.tlog.entry import Content, Entry, unsigned_bytes
from smallcraft.registry.tlog.note import Cosigner, Signer
from smallcraft.registry.tlog.order import check_order, clock_notes, fingerprint_of, state_of

ORIGIN = "example.com/registry"


def at(minute: int) -> str:
    return f"2026-10-01T12:{minute:02d}:00Z"


def manifest(name: str, version: int) -> Content:
    return Content(f"sha256:{name.encode().hex() + str(version):0>64}", 7)


def put(name: str, version: int, minute: int = 0, **changes) -> Entry:
    prev = manifest(name, version - 1).digest if version > 1 else None
    entry = Entry(
        ORIGIN, "put", at(minute), name=name, version=version, manifest=manifest(name, version), prev=prev
    )
    return replace(entry, **changes)


def alias(name: str, word: str, version: int | None, minute: int = 0) -> Entry:
    return Entry(ORIGIN, "alias", at(minute), name=name, alias=word, version=version)


def retire(name: str, version: int, *, erased: bool = False) -> Entry:
    return Entry(ORIGIN, "retire", at(0), name=name, version=version, erased=erased)


def log_key(signer: Signer, by: Signer | None = None) -> Entry:
    entry = Entry(ORIGIN, "key", at(0), role="log", key=signer.vkey)
    if by is None:
        return entry
    return replace(entry, signature=base64.b64encode(by.sign(unsigned_bytes(entry))).decode())


def author_key() -> Entry:
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Entry(ORIGIN, "key", at(0), role="author", key=base64.b64encode(der).decode())


def signer(seed: int, name: str = ORIGIN) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


FIRST, SECOND, THIRD = signer(1), signer(2), signer(3)
AUTHOR = author_key()
FINGERPRINT = fingerprint_of(AUTHOR.key or "")


def test_an_empty_log_says_nothing():
    state = state_of([])
    assert (state.origin, state.size, dict(state.versions), state.log_keys) == (None, 0, {}, ())
    assert state.size_at(at(5)) == 0


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=30))
def test_versions_of_interleaved_names_count_from_one(names):
    counts: dict[str, int] = {}
    entries = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        entries.append(put(name, counts[name]))
    state = state_of(entries)
    assert {name: len(known) for name, known in state.versions.items()} == counts
    for name, count in counts.items():
        newest = state.put(name, count)
        assert newest is not None
        assert newest.entry == [entry for entry in entries if entry.name == name][-1]
        assert state.put(name, count + 1) is state.put(name, 0) is None


@given(st.integers(2, 8), st.data())
def test_reordered_or_dropped_versions_are_detected(count, data):
    entries = [put("a", version) for version in range(1, count + 1)]
    place = data.draw(st.integers(0, count - 2))
    dropped = [*entries[:place], *entries[place + 1 :]]
    swapped = [*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]]
    doubled = [*entries[: place + 1], entries[place], *entries[place + 1 :]]
    for broken, number in ((dropped, place + 1), (swapped, place + 1), (doubled, place + 2)):
        with pytest.raises(IntegrityError, match=f"entry {number} must be a@{number} after manifest"):
            check_order(broken)


def test_an_old_release_replayed_as_a_new_version_is_detected():
    replayed = replace(put("a", 3), prev=manifest("a", 1).digest)
    with pytest.raises(IntegrityError, match=r"entry 3 must be a@3 after manifest \S+2, got a@3 after \S+1;"):
        check_order([put("a", 1), put("a", 2), replayed])


def test_an_entry_of_another_log_is_detected():
    with pytest.raises(IntegrityError, match=f"entry 2 must be of log '{ORIGIN}', got one of log 'other'"):
        check_order([put("a", 1), put("a", 2, origin="other")])


def test_an_alias_means_what_it_meant():
    entries = [
        put("a", 1, 1),
        put("a", 2, 2),
        alias("a", "stable", 1, 3),
        alias("a", "canary", 2, 4),
        alias("a", "stable", 2, 5),
        alias("a", "canary", None, 6),
    ]
    state = state_of(entries)
    assert [state.alias("a", "stable", size=size) for size in range(7)] == [None, None, None, 1, 1, 2, 2]
    assert state.aliases("a") == {"stable": 2}
    assert state.aliases("a", size=4) == {"stable": 1, "canary": 2}
    assert state.aliases("b") == {}
    asked = {
        minute: state.alias("a", "stable", size=state.size_at(at(minute))) for minute in (0, 3, 4, 5, 59)
    }
    assert asked == {0: None, 3: 1, 4: 1, 5: 2, 59: 2}


def test_when_a_clock_ran_ahead_the_logs_order_stands():
    entries = [put("a", 1, 1), alias("a", "stable", 1, 50), put("a", 2, 2), alias("a", "stable", 2, 3)]
    state = state_of(entries)
    assert (state.size_at(at(1)), state.size_at(at(2)), state.size_at(at(3)), state.size_at(at(59))) == (
        1,
        3,
        4,
        4,
    )
    assert state.alias("a", "stable", size=state.size_at(at(2))) == 1
    notes = clock_notes(entries)
    assert [note.number for note in notes] == [3, 4]
    assert str(notes[0]).startswith(f"entry 3 says {at(2)}, an entry before it says {at(50)}")
    assert clock_notes(entries[:2]) == ()


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (alias("a", "stable", 3), "entry 3 must be about a version of a from 1 to 2, got a@3"),
        (alias("b", "stable", 1), "about a version of b from 1 to 0, got b@1"),
        (alias("a", "stable", None), "an alias that means something, got a@stable, which is not set"),
        (retire("a", 3), "about a version of a from 1 to 2"),
        (put("a", 3, by=FINGERPRINT), "by an author whose key stands before it, got one by sha256"),
    ],
)
def test_an_entry_about_what_does_not_exist_is_detected(last, message):
    with pytest.raises(IntegrityError, match=message):
        check_order([put("a", 1), put("a", 2), last])


def test_a_retired_version_stays_retired():
    entries = [put("a", 1), put("a", 2), retire("a", 1)]
    state = state_of(entries)
    assert (state.is_retired("a", 1), state.is_retired("a", 2)) == (True, False)
    with pytest.raises(IntegrityError, match="a version in use, got a@1, which is retired"):
        check_order([*entries, alias("a", "stable", 1)])
    with pytest.raises(IntegrityError, match="which is retired already"):
        check_order([*entries, retire("a", 1)])
    erased = state_of([*entries, retire("a", 1, erased=True)])
    assert erased.retired["a", 1].number == 4
    check_order([*entries, put("a", 3)])


def test_an_author_is_known_once_their_key_stands():
    entries = [AUTHOR, put("a", 1, by=FINGERPRINT)]
    assert state_of(entries).authors[FINGERPRINT].number == 1
    with pytest.raises(IntegrityError, match=r"a new author key, got sha256:.* again"):
        check_order([AUTHOR, AUTHOR])
    with pytest.raises(IntegrityError, match="by itself or by an author before it"):
        check_order([replace(AUTHOR, by=manifest("a", 1).digest)])
    check_order([replace(AUTHOR, by=FINGERPRINT)])


def test_a_log_key_is_handed_over_by_the_one_before_it():
    handed = [log_key(FIRST), log_key(SECOND, FIRST), log_key(THIRD, SECOND)]
    assert state_of(handed).log_keys == (FIRST.vkey, SECOND.vkey, THIRD.vkey)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (log_key(SECOND), "handed over by its signature, got one it did not sign"),
        (log_key(SECOND, SECOND), "handed over by its signature, got one it did not sign"),
        (replace(log_key(SECOND, FIRST), time=at(9)), "got one it did not sign"),
        (replace(log_key(SECOND, FIRST), key=THIRD.vkey), "got one it did not sign"),
        (log_key(FIRST, FIRST), "a new key under the name"),
        (log_key(signer(4, "other"), FIRST), f"a new key under the name '{ORIGIN}'"),
        (replace(log_key(SECOND), key="nonsense"), "the verifier key of a log"),
        (replace(log_key(SECOND), key=Cosigner(ORIGIN, SECOND.private, 1).vkey), "a new key under the name"),
    ],
)
def test_a_log_key_that_nobody_handed_over_is_detected(entry, message):
    with pytest.raises(IntegrityError, match=f"entry 2 must be .*{message}"):
        check_order([log_key(FIRST), entry])


def test_a_replaced_key_cannot_hand_over_again():
    with pytest.raises(IntegrityError, match=r"entry 3 must be a key that .* got one it did not sign"):
        check_order([log_key(FIRST), log_key(SECOND, FIRST), log_key(THIRD, FIRST)])


def test_an_author_key_that_is_none_is_refused():
    with pytest.raises(IntegrityError, match="entry 1 must be the public key of an author"):
        check_order([replace(AUTHOR, key="not base64")])
    with pytest.raises(InvalidInputError, match="must be base64 SubjectPublicKeyInfo, got 'not base64'"):
        fingerprint_of("not base64")


def test_entries_without_rules_pass_in_any_order():
    look = Entry(ORIGIN, "look", at(0), name="a", manifest=Content(manifest("a", 1).digest, 3))
    decision = replace(look, kind="decision")
    swept = Entry(ORIGIN, "gc", at(0), manifest=Content(manifest("a", 1).digest, 3))
    assert state_of([look, decision, swept, look]).size == 4

import base64
import dataclasses
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.registry.proofs.conftest import Author, Published

from smallcraft.errors import IntegrityError
from smallcraft.registry.content.disk import Layout
from smallcraft.registry.keys.policy import encode_policy, parse_policy, policy_of
from smallcraft.registry.proofs.two_logs import claimed_policies, entries_ahead, open_copy
from smallcraft.registry.tlog.entry import Entry, encode_entry
from smallcraft.registry.tlog.note import Signer

A, B = Path("a"), Path("b")


@pytest.fixture
def growing():
    return Published(Author(20261001))


def opened(published, folder, size=None):
    layout = Layout(published.write_registry(folder, size=size))
    return open_copy(layout, claimed_policies(layout))


def test_how_far_a_copy_is_ahead_is_counted(growing, tmp_path):
    short, long = opened(growing, tmp_path / "s", 4), opened(growing, tmp_path / "l")
    assert entries_ahead(long, None, source=A, target=B) == 0
    assert entries_ahead(long, short, source=A, target=B) == 0
    assert entries_ahead(long, long, source=A, target=B) == 0
    assert entries_ahead(short, long, source=A, target=B) == 3


def test_two_histories_are_a_fork_whichever_is_longer(growing, tmp_path):
    long = opened(growing, tmp_path / "l")
    changed = dataclasses.replace(growing.other_entries()[2], time="2026-12-01T00:00:00Z")
    growing.entries[2] = encode_entry(changed)
    for size in (3, 5, 7):
        other = opened(growing, tmp_path / f"o{size}", size)
        for log, known in ((long, other), (other, long)):
            with pytest.raises(IntegrityError, match="a and b are forked"):
                entries_ahead(log, known, source=A, target=B)


def test_a_policy_that_does_not_accept_a_log_is_passed_over_for_one_that_does(growing, tmp_path):
    layout = Layout(growing.write_registry(tmp_path))
    other = Signer(growing.origin, Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    wrong, right = policy_of([other.vkey]), parse_policy(growing.policy)
    assert open_copy(layout, [wrong, right]).checkpoint.size == 7
    with pytest.raises(IntegrityError, match=r"log/checkpoint: no known key signed"):
        open_copy(layout, [wrong])
    with pytest.raises(IntegrityError, match="no policy says whose logs count"):
        open_copy(layout, [])


def test_a_key_that_was_replaced_does_not_sign_any_more(growing, tmp_path):
    new = Signer(growing.origin, Ed25519PrivateKey.from_private_bytes(b"n" * 32))
    entry = Entry(growing.origin, "key", "2026-10-03T00:00:00Z", role="log", key=new.vkey)
    signature = base64.b64encode(growing.signer.sign(encode_entry(entry))).decode()
    growing.entries.append(encode_entry(dataclasses.replace(entry, signature=signature)))
    growing.policy = encode_policy(policy_of([growing.signer.vkey, new.vkey]))
    with pytest.raises(IntegrityError, match="is in force; do not use it"):
        opened(growing, tmp_path / "old")
    growing.signer = new
    assert opened(growing, tmp_path / "new").checkpoint.size == 8


def test_a_log_without_its_key_in_it_is_held_to_the_key_that_signed_before(tmp_path, author):
    """No entry names a key, so only the signatures tell the two apart."""

    def keyless(secret, size):
        published = Published(author, signed=False, others=0)
        published.signer = Signer(published.origin, Ed25519PrivateKey.from_private_bytes(secret * 32))
        published.policy = encode_policy(policy_of([published.signer.vkey]))
        return opened(published, tmp_path / f"{secret.hex()}{size}", size)

    with pytest.raises(IntegrityError, match="signed by two keys"):
        entries_ahead(keyless(b"t", 3), keyless(b"l", 2), source=A, target=B)


def test_entries_of_another_origin_are_refused(growing, tmp_path):
    other = Published(Author(20261001), signed=False, others=0)
    entries = [dataclasses.replace(entry, origin="example.com/other") for entry in other.other_entries()[2:]]
    other.entries = [encode_entry(entry) for entry in entries]
    with pytest.raises(IntegrityError, match=r"its entries are of 'example\.com/other'"):
        opened(other, tmp_path)

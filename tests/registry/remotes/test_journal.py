import json

import pytest

from smallcraft.errors import IntegrityError
from smallcraft.registry.remotes.journal import Journal, encode_journal, journal_path, parse_journal

JOURNAL = Journal(3, {"tile/0/000.p/3": b"\x00\xff", "tile/entries/000.p/3": b"e"}, b"policy", b"{}")


def test_a_journal_is_read_as_it_was_written():
    assert parse_journal(encode_journal(JOURNAL), name="here") == JOURNAL


def test_a_journal_belongs_to_one_checkpoint():
    assert journal_path(b"one") != journal_path(b"two")
    assert journal_path(b"one").startswith("log/pending/")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"size": "many"},
        {"tiles": {"tile/0/000.p/4": ""}},
        {"tiles": {"../../blobs/sha256/00": ""}},
        {"policy": "?"},
        {"index": None},
    ],
)
def test_what_no_writer_leaves_is_refused_and_named(changes):
    value = json.loads(encode_journal(JOURNAL)) | changes
    with pytest.raises(IntegrityError, match="here is not what a writer leaves"):
        parse_journal(json.dumps(value).encode(), name="here")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"[" * 100_000])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(IntegrityError, match="is not what a writer leaves"):
        parse_journal(data, name="here")

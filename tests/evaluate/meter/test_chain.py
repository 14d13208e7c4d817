import json
from datetime import UTC, datetime

import pytest

from smallcraft.canonical import canonical_json, digest_value
from smallcraft.errors import IntegrityError
from smallcraft.evaluate.meter.chain import GENESIS, SeenLines, read_entries
from smallcraft.evaluate.meter.ledger import open_ledger, verify_ledger

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl", max_bits=1000)
    for name in "abcd":
        ledger.ask(name, "p", "d", lambda: {"accuracy": 0.5}, bits=3, now=NOW)
    return ledger.path


def rewrite(path, change):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))


ATTACKS = {
    "an edited answer": (lambda ls: [ls[0], ls[1].replace(b"0.5", b"0.9"), *ls[2:]], "line 2"),
    "edited bits": (lambda ls: [ls[0].replace(b'"bits":3', b'"bits":1'), *ls[1:]], "line 1"),
    "a dropped entry": (lambda ls: [ls[0], *ls[2:]], "line 2"),
    "a dropped first entry": (lambda ls: ls[1:], "line 1"),
    "swapped entries": (lambda ls: [ls[0], ls[2], ls[1], ls[3]], "line 2"),
    "a repeated entry": (lambda ls: [*ls, ls[3]], "line 5"),
    "a dropped last entry": (lambda ls: ls[:-1], "line 4"),
    "all entries dropped": (lambda ls: [], "line 1"),
    "a last entry cut short": (lambda ls: [*ls[:-1], ls[3][:-20]], "line 4"),
    "a blank line": (lambda ls: [ls[0], b"\n", *ls[1:]], "line 2"),
    "a line that is no entry": (lambda ls: [*ls[:2], b"[1]\n", *ls[2:]], "line 3"),
    "a stray field": (lambda ls: [*ls[:3], ls[3].replace(b'"bits"', b'"bits_":1,"bits"')], "line 4"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_tampering_is_detected_and_the_first_broken_line_named(path, attack):
    change, place = ATTACKS[attack]
    rewrite(path, change)
    with pytest.raises(IntegrityError, match=rf"{place} of cert.jsonl"):
        verify_ledger(path)
    with pytest.raises(IntegrityError, match=rf"{place} of cert.jsonl"):
        open_ledger(path)


def forged(previous, seq):
    facts = {**json.loads(previous), "seq": seq, "previous": json.loads(previous)["digest"], "candidate": "z"}
    del facts["digest"]
    return canonical_json({**facts, "digest": digest_value(facts)}) + b"\n"


def test_entries_forged_behind_the_head_are_detected(path):
    def add_two(lines):
        fifth = forged(lines[-1], 5)
        return [*lines, fifth, forged(fifth, 6)]

    rewrite(path, add_two)
    with pytest.raises(IntegrityError, match=r"line 6 of cert.jsonl was never committed"):
        verify_ledger(path)


@pytest.mark.parametrize(
    "content", [None, b"", b"{}", b'{"seq":4,"digest":"sha256:0"}', b'{"seq":9,"digest":"x"}']
)
def test_a_changed_or_removed_head_is_detected(path, content):
    head = path.with_name("cert.jsonl.head")
    if content is None:
        head.unlink()
    else:
        head.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"cert\.jsonl"):
        verify_ledger(path)


@pytest.mark.parametrize("kept", [1, 30, 200])
def test_a_line_torn_before_it_was_committed_is_removed_on_opening(path, kept):
    whole = path.read_bytes()
    path.write_bytes(whole + forged(whole.splitlines()[-1], 5)[:kept])
    with pytest.raises(IntegrityError, match=r"line 5 of cert.jsonl is incomplete"):
        verify_ledger(path)
    ledger = open_ledger(path, max_bits=1000)
    assert path.read_bytes() == whole
    assert ledger.ask("e", "p", "d", lambda: {"accuracy": 0.1}, bits=3, now=NOW).entry.seq == 5
    assert len(verify_ledger(path)) == 5


@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_an_entry_written_whole_before_the_machine_stopped_counts(path, ending):
    whole = path.read_bytes()
    path.write_bytes(whole + forged(whole.splitlines()[-1], 5).rstrip(b"\n") + ending)
    ledger = open_ledger(path, max_bits=1000)
    assert ledger.bits_spent("d") == 15
    assert not ledger.ask("z", "p", "d", dict, bits=3, now=NOW).is_new
    assert path.read_bytes().endswith(b"\n")
    assert json.loads(path.with_name("cert.jsonl.head").read_bytes())["seq"] == 5


def test_a_line_feed_lost_from_a_committed_entry_is_put_back(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert len(open_ledger(path).entries) == 4
    assert path.read_bytes() == whole


def test_an_absent_file_is_an_empty_chain(tmp_path):
    assert verify_ledger(tmp_path / "none.jsonl") == ()
    assert open_ledger(tmp_path / "new" / "cert.jsonl").head == GENESIS


def test_a_first_entry_without_a_head_is_a_write_that_was_cut_short(tmp_path):
    ledger = open_ledger(tmp_path / "cert.jsonl")
    entry = ledger.ask("a", "p", "d", dict, bits=3, now=NOW).entry
    (tmp_path / "cert.jsonl.head").unlink()
    assert open_ledger(ledger.path).entries == (entry,)
    assert json.loads((tmp_path / "cert.jsonl.head").read_bytes()) == {"seq": 1, "digest": entry.digest}


def test_a_ledger_removed_from_beside_its_head_is_missed(path):
    path.unlink()
    with pytest.raises(
        IntegrityError, match=r"cert.jsonl is gone and cert.jsonl.head says that it had 4 entries"
    ):
        open_ledger(path)


def test_an_entry_has_terms_only_where_it_was_given_some(path):
    (first, *_) = path.read_bytes().splitlines()
    assert b"terms" not in first
    ledger = open_ledger(path, max_bits=1000)
    terms = {"metric": "accuracy"}
    entry = ledger.ask("e", "p", "d", dict, bits=3, now=NOW, terms=terms).entry
    assert json.loads(path.read_bytes().splitlines()[-1])["terms"] == {
        "metric": "accuracy",
        "registration": 1,
    }
    assert verify_ledger(path)[-1] == entry
    rewrite(path, lambda ls: [*ls[:-1], ls[-1].replace(b'"accuracy"', b'"macro_f1"')])
    with pytest.raises(IntegrityError, match=r"line 5 of cert.jsonl does not match its digest"):
        verify_ledger(path)


def test_lines_that_were_seen_are_checked_again_when_they_changed(path):
    seen = SeenLines()
    entries, _ = read_entries(path, seen)
    assert (seen.entries, seen.data) == (entries, path.read_bytes())
    more = forged(path.read_bytes().splitlines()[-1], 5)
    path.write_bytes(path.read_bytes() + more)
    assert [entry.seq for entry in read_entries(path, seen)[0]] == [1, 2, 3, 4, 5]
    rewrite(path, lambda ls: [ls[0].replace(b"0.5", b"0.9"), *ls[1:]])
    with pytest.raises(IntegrityError, match=r"line 1 of cert.jsonl does not match its digest"):
        read_entries(path, seen)

import multiprocessing
from dataclasses import replace

import pytest
from tests.label.rounds import NOW, vote

from smallcraft.canonical import digest_bytes
from smallcraft.errors import IntegrityError
from smallcraft.label.vote_log import GENESIS, VoteLog


@pytest.fixture
def log(tmp_path):
    found = VoteLog(tmp_path / "votes.jsonl")
    for place in range(3):
        with found.locked():
            found.append(
                [vote(f"i{place}", "ann", "card", lead_time_s=1.5)], source=f"sha256:{place}", time=NOW
            )
    return found


def test_what_was_appended_is_read_back(log):
    assert [one.seq for one in log.imports()] == [1, 2, 3]
    assert [one.item for one in log.votes()] == ["i0", "i1", "i2"]
    assert log.votes()[0] == vote("i0", "ann", "card", lead_time_s=1.5)
    assert log.imports()[0].previous == GENESIS
    assert log.head() == log.imports()[-1].digest


def test_a_log_that_is_not_there_is_empty(tmp_path):
    log = VoteLog(tmp_path / "none" / "votes.jsonl")
    assert (log.imports(), log.votes(), log.head()) == ((), (), GENESIS)


def test_a_line_cut_short_anywhere_imports_nothing_and_the_next_takes_its_place(log):
    whole = log.path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for cut in range(start, len(whole)):
        log.path.write_bytes(whole[:cut])
        assert len(log.imports()) == 2
    with log.locked():
        log.append([vote("i9", "bob", "card")], source="sha256:9", time=NOW)
    assert [one.item for one in log.votes()] == ["i0", "i1", "i9"]


@pytest.mark.parametrize("attack", ["edited", "edited last", "redigested", "dropped", "swapped", "repeated"])
def test_changed_lines_are_detected(log, attack):
    lines = log.path.read_bytes().splitlines(keepends=True)
    changed = {
        "edited last": [*lines[:2], lines[2].replace(b"card", b"cart")],
        "redigested": [lines[0], _with_own_digest(lines[1].replace(b"card", b"cart")), lines[2]],
        "edited": [lines[0].replace(b"card", b"cart"), *lines[1:]],
        "dropped": lines[1:],
        "swapped": [lines[1], lines[0], lines[2]],
        "repeated": [*lines, lines[2]],
    }[attack]
    log.path.write_bytes(b"".join(changed))
    with pytest.raises(IntegrityError, match="put the file back from a copy"):
        log.imports()


def _with_own_digest(line):
    """An edited line whose digest was made anew."""
    start = line.index(b'"import":') + len(b'"import":')
    body = line.rstrip(b"\n")[start:-1]
    return b'{"digest":"' + digest_bytes(body).encode() + b'","import":' + body + b"}\n"


@pytest.mark.parametrize(
    "line", [b"{}\n", b"[]\n", b"no json\n", b'{"digest":"sha256:00","import":{"votes":[{}]}}\n']
)
def test_a_line_of_something_else_is_refused(tmp_path, line):
    (tmp_path / "votes.jsonl").write_bytes(line)
    with pytest.raises(IntegrityError, match="line 1"):
        VoteLog(tmp_path / "votes.jsonl").imports()


def test_a_changed_log_takes_no_further_vote(log):
    log.path.write_bytes(log.path.read_bytes().replace(b"i1", b"i7"))
    with log.locked(), pytest.raises(IntegrityError):
        log.append([vote("i9", "bob", "card")], source="sha256:9", time=NOW)


def test_the_last_word_of_a_person_on_a_row_counts_and_the_first_stays(log):
    with log.locked():
        log.append([vote("i0", "ann", "refund")], source="sha256:9", time=NOW)
    assert next(one for one in log.votes() if one.item == "i0").label == "refund"
    assert log.imports()[0].votes[0].label == "card"


def test_votes_of_one_campaign_leave_out_those_of_others(log):
    with log.locked():
        log.append([replace(vote("i0", "ann", "refund"), campaign="c2")], source="sha256:9", time=NOW)
    assert [one.label for one in log.votes(campaign="c2")] == ["refund"]
    assert len(log.votes()) == 4


def _append_ten(path, name):
    log = VoteLog(path)
    for place in range(10):
        with log.locked():
            log.append([vote(f"i{place}", name, "card")], source="sha256:0", time=NOW)


def test_two_processes_that_append_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "votes.jsonl"
    people = [context.Process(target=_append_ten, args=(path, name)) for name in ("ann", "bob")]
    try:
        for person in people:
            person.start()
        for person in people:
            person.join(60)
    finally:
        for person in people:
            person.kill()
    assert len(VoteLog(path).votes()) == 20

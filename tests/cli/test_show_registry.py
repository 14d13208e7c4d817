"""What verbs of the registry print: whole lines, numbered steps, and nothing of users taken for markup."""

from __future__ import annotations

import pytest
from tests.cli.test_show import HOSTILE

from smallcraft.cli.show_registry import (
    describe_transfer,
    show_aliases,
    show_comparison,
    show_details,
    show_story,
    show_verified,
)
from smallcraft.registry.memory.comparing import ComparedRow, Comparison
from smallcraft.registry.memory.deltas import Delta
from smallcraft.registry.memory.story import Detail, HistoryLine, Story
from smallcraft.registry.proofs.transfer import Transfer
from smallcraft.registry.verify.report import Step, VerifyReport


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


def line(**fields):
    plain = {"created": "2026", "chosen": "ngram", "quality": "0.9", "size": "1 MB", "sentence": "best"}
    return HistoryLine(**{"release": "helpdesk@1", **plain, **fields})


def comparison(*rows):
    return Comparison("helpdesk@1", "helpdesk@2", rows, Delta("helpdesk@1", "helpdesk@2"))


def test_what_held_is_numbered_and_the_head_is_told_with_what_it_is_for(capsys):
    steps = (Step("layout", "fine", 1), Step("log", "follows on", 1200))
    show_verified(VerifyReport(steps, head="3:sha256:9", notes=("the clock was set back",)))
    out = capsys.readouterr().out
    assert out.startswith("(1) holds layout: fine (1)\n(2) holds log: follows on (1,200)\n")
    assert "note: the clock was set back\nhead of the log: 3:sha256:9\n" in out
    assert "--pin FILE" in out


def test_what_is_no_log_has_no_head(capsys):
    show_verified(VerifyReport((Step("bundle", "sha256:9", 4),)))
    assert capsys.readouterr().out == "(1) holds bundle: sha256:9 (4)\n"


def test_a_story_is_printed_newest_first_in_whole_lines(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    long = "because " * 30
    show_story(Story((line(why=long), line(release="helpdesk@2"))))
    out = capsys.readouterr().out
    assert out.index("helpdesk@2") < out.index("helpdesk@1")
    assert long.strip() in out


def test_a_comparison_is_a_table_a_section_in_the_order_given(capsys):
    show_comparison(
        comparison(
            ComparedRow("metric", "accuracy on dev", "0.9", "0.95", "+0.05 [0.01, 0.09]", "n=200"),
            ComparedRow("cost", "p50_ms (ms)", "0.1", "0.2"),
            ComparedRow("metric", "macro_f1 on dev", "0.8", "0.8"),
        )
    )
    out = capsys.readouterr().out
    assert out.count("helpdesk@1") == out.count("difference") == 2
    places = [out.index(word) for word in ("accuracy on dev", "macro_f1 on dev", "p50_ms (ms)")]
    assert places == sorted(places)
    assert "+0.05 [0.01, 0.09]" in out


def test_what_a_transfer_did_is_a_line():
    pushed = Transfer("example.com/models", 3, 9, blobs=1200, copied_bytes=10**6)
    line = "example.com/models to /mnt/shared: 3 to 9 entries; 1,200 blobs, 1,000,000 bytes copied"
    assert describe_transfer(pushed, "to /mnt/shared") == line
    pulled = describe_transfer(Transfer("example.com/models", 9, 9), "from /mnt/shared")
    assert pulled == "example.com/models from /mnt/shared: nothing new; 0 blobs, 0 bytes copied"


def test_a_remote_that_is_behind_is_said_to_be():
    behind = [describe_transfer(Transfer("o", 9, 9, ahead=count), "from x") for count in (1, 2)]
    assert ["it is 1 entry behind" in behind[0], "it is 2 entries behind" in behind[1]] == [True, True]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_wrote_is_printed_as_it_stands(text, capsys):
    def printed():
        return capsys.readouterr().out.count(text)

    show_story(Story((line(why=text, sentence=text, changed=(text,), events=(text,), trials=(text,)),)))
    assert printed() == 4
    show_story(Story((line(why="x", sentence=text),), before=(text,)))
    assert printed() == 2
    show_details((Detail(text, text),))
    assert printed() == 2
    show_comparison(comparison(ComparedRow("config", text, text, text, text, text)))
    assert printed() == 5
    show_verified(VerifyReport((Step("log", text, 1),), notes=(text,)))
    assert printed() == 2
    show_aliases({f"a@{text}": f"a@{text}"}, text)
    assert printed() == 3
    show_aliases({}, text)
    assert printed() == 1
    assert text in describe_transfer(Transfer("o", 0, 1), text)

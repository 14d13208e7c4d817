"""What was seen under faults is kept as it was seen, and the page is made from it."""

from __future__ import annotations

from benchmarks.faults.kept import KeptFaults, keep, read
from benchmarks.faults.outcomes import Outcome, System
from benchmarks.faults.page import PAGE, render_page

SEEN = {
    "bit_flip": {"one": Outcome("silent", "a | b"), "two": Outcome("noticed", "said so")},
    "kill": {"one": Outcome("n/a", "no such thing"), "two": Outcome("held", "whole")},
}
SYSTEMS = [System("one", {"one": "1"}, "as it is", {}), System("two", {"two": "2"}, "likewise", {})]


def test_what_was_seen_comes_back(tmp_path):
    path = tmp_path / "faults.json"
    keep(KeptFaults(SEEN, SYSTEMS, "today", "a machine"), path)
    found = read(path)
    assert (found.seen, list(found.systems), found.date, found.machine) == (
        SEEN,
        SYSTEMS,
        "today",
        "a machine",
    )
    assert read(tmp_path / "none.json") is None


def test_silence_is_counted_among_the_faults_that_were_tried():
    found = KeptFaults(SEEN, SYSTEMS, "", "")
    assert found.silent("one") == (1, 1)
    assert found.silent("two") == (0, 2)


def test_the_page_is_what_was_kept():
    kept = read()
    assert PAGE.read_text("utf-8") == render_page(
        kept.seen, kept.systems, date=kept.date, machine=kept.machine
    )

"""docs/ladder.md is what the kept results say."""

from __future__ import annotations

from benchmarks.ladders.contestants import Trained
from benchmarks.ladders.measure import Standing
from benchmarks.ladders.page import COLUMNS, PAGE, listing_of, render_page, rounding_listing, seeds_listing
from benchmarks.records import Sample


def test_the_page_is_what_the_kept_results_say():
    assert PAGE.read_text(encoding="utf-8") == render_page()


def test_a_contestant_that_failed_is_a_line_with_its_reason():
    listing = listing_of("All", [Standing("setfit", reason="no wheel")], {})
    assert listing.lines == (("setfit", "not measured: no wheel", *[""] * (len(COLUMNS) - 2)),)


def test_what_was_not_timed_is_not_zero():
    score = Sample(94.0, 100, "rows", 90.0, 97.0)
    untimed = Standing("fast", score, score, Trained(10.0, 12.5, "somewhere"))
    (line,) = listing_of("All", [untimed], {}).lines
    assert line == (
        "fast",
        *["94.00 [90.00, 97.00]"] * 2,
        *["not measured"] * 5,
        "12.50",
        "not measured",
        "10.00",
    )


def test_seeds_are_told_by_mean_range_and_each():
    (line,) = seeds_listing({"student": [94.0, 95.0, 94.5]}, {"student": 17.4}).lines
    assert line == ("student", "94.50", "94.00 to 95.00", "94.00, 95.00, 94.50", "17.40")


def test_what_rounding_changed_is_told_with_its_direction():
    def one(name: str, answers: str) -> Standing:
        return Standing(name, answers=list(answers))

    truth = list("aabb")
    (line,) = rounding_listing(
        [one("fast", "abba"), one("fast:fp32", "aaba"), one("tiny", "aaaa")], truth
    ).lines
    assert (line[0], *line[2:]) == ("fast", "1", "1", "0", "-25.00")
    (line,) = rounding_listing([one("fast", "aabb"), one("fast:fp32", "abab")], truth).lines
    assert line[2:] == ("2", "0", "2", "+50.00")

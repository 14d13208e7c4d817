"""docs/compare.md holds the table that the command draws, links that lead somewhere, and known tools only."""

from __future__ import annotations

import re

import pytest
from benchmarks.comparison.lines import Line, read_lines
from benchmarks.comparison.page import BEGIN, END, PAGE, render_page, render_table

TOOLS = (
    *(
        "cleanlab",
        "Evidently",
        "NannyML",
        "MLflow",
        "DVC",
        "fairlearn",
        "Argo Rollouts",
        "Flagger",
        "BentoML",
    ),
    *("Olive", "Label Studio", "Argilla", "SetFit", "deepchecks"),
)


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def feature_rows(page):
    table = page.partition("## What each does")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line[:1] == "|"
    ]


def test_the_measured_table_is_what_the_command_draws(page):
    assert page == render_page(page, read_lines()), (
        "docs/compare.md is out of date: python -m benchmarks.comparison"
    )


def test_every_tool_is_told_in_words_with_when_to_use_it_instead(page):
    words = page.partition("## In a sentence each")[2].partition("\n## ")[0]
    for tool in TOOLS:
        paragraph = next(text for text in words.split("\n\n") if f"**{tool}**" in text)
        assert "*Use " in " ".join(paragraph.split()), tool


def test_the_table_of_features_names_known_tools_with_a_reason_for_each_in_part(page):
    head, _, *rows = feature_rows(page)
    assert head == ["what", "smallcraft", "others that do", "others, in part"]
    assert len(rows) > 20
    for what, own, others, partly in rows:
        assert re.match(r"(yes|no|in part)\b", own), what
        named = [name for name in others.split(", ") if name]
        assert set(named) <= set(TOOLS), what
        for group in (part for part in partly.split("; ") if part):
            names, _, reason = group.partition(": ")
            assert reason, f"{what}: {group} has no reason"
            assert set(names.split(", ")) <= set(TOOLS), f"{what}: {names}"
            assert not set(names.split(", ")) & set(named), what


def test_what_smallcraft_does_not_do_stands_there_too(page):
    rows = feature_rows(page)[2:]
    assert sum(own.startswith("no") for _, own, *_ in rows) >= 4


def test_every_link_leads_to_a_file_and_a_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page):
        file, _, anchor = target.partition("#")
        path = (PAGE.parent / file).resolve()
        assert path.exists(), target
        if anchor:
            headings = [line[3:] for line in path.read_text("utf-8").splitlines() if line.startswith("## ")]
            anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in anchors, target


def test_the_words_around_the_table_stay_as_they_are():
    line = Line("tool", "tool 1", "time, s", "2", "1", "smallcraft", "2026-01-01 00:00 UTC", "python -m x")
    drawn = render_page(f"before\n{BEGIN}\nstale\n{END}\nafter\n", [line])
    assert drawn.startswith(f"before\n{BEGIN}\n1 lines: smallcraft is better in 1, level in 0, worse in 0")
    assert drawn.endswith(f"{END}\nafter\n")
    assert "stale" not in drawn
    assert render_page(drawn, [line]) == drawn


def test_a_table_of_nothing_says_so():
    assert render_table([]) == "Nothing was measured yet.\n"

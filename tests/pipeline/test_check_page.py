from __future__ import annotations

import base64
import hashlib
import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pipeline.quality_reports import (
    NOW,
    empty_report,
    estimate,
    hostile_report,
    label_issues,
    leakage,
    make_report,
    novel_check,
    row_counts,
    shown_rows,
    undetermined_report,
)
from tests.pipeline.test_report import HOSTILE, LOADING
from tests.pipeline.test_report import Page as AnyPage

from smallcraft.pipeline import check_page
from smallcraft.pipeline.check_page import render_check_page
from smallcraft.pipeline.report_parts.quoting import inert
from smallcraft.records import CheckResult, Finding, FlaggedRows, Outcome

REPORTS = {
    "rich": make_report(),
    "undetermined": undetermined_report(),
    "empty": empty_report(),
    "hostile": hostile_report(HOSTILE[2]),
}
LONG = "long " * 2000


class Page(AnyPage):
    """The page without the places where a long name may break."""

    def __init__(self, html):
        super().__init__(html.replace("<wbr>", ""))


def render(report):
    return render_check_page(report, now=NOW)


@pytest.fixture(scope="module")
def htmls():
    return {name: render(report) for name, report in REPORTS.items()}


@pytest.fixture(scope="module")
def html(htmls):
    return htmls["rich"]


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def each_page(test):
    return pytest.mark.parametrize("name", REPORTS)(test)


def plainly(text):
    """Words as they are read: without the backticks that make a command."""
    return " ".join(text.replace("`", "").split())


def row_cells(page):
    return page.table("The worst rows")[1:]


# --- everything that was found is there ----------------------------------------------


def test_every_check_has_a_line_with_outcome_summary_and_how_many_rows_it_flagged(page):
    rows = {row[1]: row for row in page.table("What was looked for")[1:]}
    flagged = {"leakage": "4", "personal data": "2", "label issues": "40"}
    assert len(rows) == len(make_report().checks)
    for check in make_report().checks:
        name = check.check.replace("_", " ")
        outcome, _, summary, count = rows[name]
        assert outcome.endswith(check.outcome.value)
        assert summary == plainly(check.summary)
        assert count.split()[0] == flagged.get(name, "none")


def test_what_failed_stands_first_then_what_is_undecided(page):
    outcomes = [row[0].split()[-1] for row in page.table("What was looked for")[1:]]
    assert outcomes == ["FAIL", *["UNDECIDED"] * 3, *["PASS"] * 3]


@pytest.mark.parametrize("name", ["rich", "undetermined"])
def test_the_words_and_the_remedy_of_every_finding_are_there(htmls, name):
    text = Page(htmls[name]).text
    for check in REPORTS[name].checks:
        for finding in check.findings:
            assert plainly(finding.what) in text
            assert plainly(finding.remedy) in text


def test_every_measurement_of_a_whole_split_has_its_interval_and_method(page):
    row = page.row("Measured; intervals in brackets.", "krippendorff alpha")
    assert row == ["krippendorff alpha", "0.774 [0.740, 0.808]", "n: 1,200", "bootstrap over items, 95%"]


def test_what_a_check_that_passed_rests_on_is_folded_and_what_needs_a_look_is_not(html):
    heads = html.split('<div class="check ')[1:]
    assert heads
    for head in heads:
        says_pass, is_folded = head.startswith("PASS"), "rests on</summary>" in head
        assert not is_folded or says_pass
    assert any("rests on</summary>" in head for head in heads)


def test_rows_flagged_are_counted_by_split_and_kind(html):
    tables = [rows for caption, rows in captions(html) if caption.startswith("Rows flagged")]
    assert tables == [
        [["cert", "exact copy", "4"]],
        [["train", "email", "2"]],
        [["train", "wrong", "12"], ["train", "ambiguous", "28"]],
    ]


def captions(html):
    """Every table with its caption, in order; several may have the same one."""
    return [
        (caption, rows[1:])
        for table in re.findall(r"<table.*?</table>", html, flags=re.DOTALL)
        for caption, rows in Page(table).tables.items()
    ]


def test_every_row_shown_stands_in_the_order_of_the_report_with_all_that_is_known(page):
    report = make_report()
    cells = row_cells(page)
    assert len(cells) == len(report.rows)
    for cell, row in zip(cells, report.rows, strict=True):
        assert cell[0] == f"{row.split} {row.row} {row.line:,} in the file"
        assert row.given in cell[2]
        assert row.suggested is None or cell[2].endswith(row.suggested)
        assert row.why in cell[3]
        assert row.remedy in cell[3]
        assert cell[4].startswith(f"{row.check.replace('_', ' ')} {row.kind}")
    assert cells[4][4] == "label issues wrong score -9"


def test_how_many_rows_are_shown_of_how_many_is_said(page):
    assert "31 rows, worst first over all checks; the Parquet file" in page.text
    report = make_report()
    only = (leakage(),)
    assert "Parquet" not in Page(render(replace(report, checks=only, rows=shown_rows(only[0])))).text


def test_a_row_flagged_for_two_reasons_counts_once():
    rows = np.array([1, 2, 3], dtype=np.int64)
    flagged = (
        FlaggedRows("dev", "a", rows),
        FlaggedRows("dev", "b", rows[:2]),
        FlaggedRows("cert", "a", rows),
    )
    check = CheckResult("odd", Outcome.FAIL, "odd", {}, (), (), flagged)
    page = Page(render(replace(make_report(), checks=(check,))))
    assert page.row("What was looked for", "odd")[3].startswith("6")


def test_splits_notes_and_the_model_are_told(page):
    assert page.row("Splits", "train") == ["train", "7,000", "16", f"sha256:{7000:0>64}"]
    for note in make_report().notes:
        assert note in page.text
    assert "out-of-fold, 5 folds, rung 'fast'" in page.text


def test_a_check_that_nobody_has_heard_of_is_told_like_any_other(page):
    assert page.row("What was looked for", "tone")[2] == "some rows shout"
    assert "column 'message' shouts (all, column message) lower its voice" in page.text
    assert "shouting 12" in page.text


# --- the headline and the index ------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "headline"),
    [
        (
            (row_counts(), label_issues(), leakage()),
            (
                "First, leakage: row 4 of cert copies row 104 of train exactly; remove the copy from train "
                "(and 3 more findings)."
            ),
        ),
        ((row_counts(), novel_check()), "First, tone: column 'message' shouts; lower its voice."),
        ((replace(novel_check(), findings=()),), "First, tone: some rows shout."),
        ((row_counts(),), "No check found a fault: there is nothing to do first."),
        ((), "No check was made."),
    ],
)
def test_the_headline_says_what_to_do_first(checks, headline):
    html = render(replace(make_report(), checks=checks, rows=()))
    assert unescape(re.search(r'<p class="headline">(.*?)</p>', html)[1]) == headline


def test_the_tally_counts_every_check(page):
    assert (
        "Of 7 checks: 1 failed (leakage); 3 undecided (personal data, label issues, tone); 3 passed."
        in page.text
    )


def test_the_index_stands_with_its_factors_and_as_a_product(page):
    assert "data quality index 0.934" in page.text
    assert "0.941 × (1 − 0.0068) × (1 − 0.0002) = 0.934" in page.text
    assert page.row("What the index is", "label accuracy")[1:4] == [
        "0.957 [0.941, 0.971]",
        "enters as: 0.941, its lower bound",
        "n: 120",
    ]
    assert page.row("What the index is", "leaked share")[2] == "enters as: 1 − 0.0068, its upper bound"
    assert page.row("What the index is", "failing share")[1:3] == ["0.0002", "enters as: 1 − 0.0002"]


def test_an_undetermined_index_has_no_number_and_names_what_would_determine_it(htmls):
    page = Page(htmls["undetermined"])
    assert "data quality index undetermined" in page.text
    assert "The index is undetermined: no label was audited. smallcraft check --audit 120" in page.text
    assert "×" not in page.text
    row = page.row("What the index is", "label accuracy")
    assert row[1:3] == ["not measured", "enters as: not measured"]
    assert "unverified range" in row[4]
    assert page.row("What the index is", "failing share")[1:3] == ["0", "enters as: 1 − 0"]


def test_an_index_that_is_undetermined_never_passes(htmls):
    assert '<span class="label">data quality</span>\n<span class="badge UNDECIDED">' in htmls["undetermined"]
    report = replace(undetermined_report(), index=make_report().index)
    assert '<span class="label">data quality</span>\n<span class="badge PASS">' in render(report)


def test_nothing_at_all_still_has_its_page(htmls):
    page = Page(htmls["empty"])
    for said in ("No check was made.", "No row was flagged.", "Factors: not measured", "undetermined"):
        assert said in page.text
    assert page.tables == {}


# --- charts --------------------------------------------------------------------------


def test_every_chart_says_in_words_what_it_shows_and_has_its_table(html, page):
    labels = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert [label.partition(":")[0].partition(",")[0] for label in labels] == [
        "margin on train",
        "flagged share by class on train",
        "label accuracy by class on cert",
        "annotator accuracy by annotator",
    ]
    found = [caption for caption, _ in captions(html)]
    for title in (
        "margin on train",
        "flagged share by class",
        "label accuracy by class",
        "annotator accuracy",
    ):
        assert sum(caption.startswith(title) for caption in found) == 1


def test_the_table_of_a_histogram_has_every_bin(page):
    rows = page.table("margin on train")[1:]
    assert [int(row[2].replace(",", "")) for row in rows] == [
        value for name, value in label_issues().numbers.items() if "margin_count" in name
    ]
    assert rows[0] == ["-8", "-7", "3"]


def test_the_table_of_slices_has_what_was_not_measured_too(page):
    rows = page.table("annotator accuracy by annotator")
    assert [row[0] for row in rows[1:]] == ["ann_c", "ann_b", "ann_a", "ann_d"]
    assert rows[4][1:] == ["not measured", "0"]


def test_slices_of_which_none_was_measured_are_a_table_without_a_chart():
    check = replace(row_counts(), measurements=(estimate("error", None, slice="class=a", n=0),))
    html = render(replace(make_report(), checks=(check,), rows=()))
    assert "<svg" not in html
    assert Page(html).row("error by class", "a")[1] == "not measured"


# --- personal data and words of people -----------------------------------------------


def test_the_content_of_rows_with_personal_data_is_not_shown(page):
    hidden = [cell for cell in row_cells(page) if cell[1] == "not shown: personal data"]
    assert {(cell[0].split()[1], cell[4].split()[0]) for cell in hidden} == {
        ("24", "label"),
        ("24", "personal"),
        ("55", "personal"),
    }
    secret = "reach me at jane.doe@example.org"
    report = make_report()
    rows = tuple(
        replace(row, content=secret) if row.split == "train" and row.row in {24, 55} else row
        for row in report.rows
    )
    assert secret not in render(replace(report, rows=rows))


@pytest.fixture(scope="module")
def harmless():
    return render(hostile_report("word"))


def skeleton(html):
    """Tags and the names of their attributes: everything that text must not change."""
    drawn = {"g", "path", "text", "line", "rect", "title", "svg"}
    return [(tag, sorted(attributes)) for tag, attributes in Page(html).tags if tag not in drawn]


@pytest.mark.parametrize("word", [*HOSTILE, "\u202eevil\u2066", "a=b", "\U0001f469\u200d\U0001f467"])
def test_hostile_words_change_nothing_but_text(harmless, word):
    html = render(hostile_report(word))
    assert skeleton(html) == skeleton(harmless)
    page = Page(html)
    assert page.texts["script"] == Page(harmless).texts["script"]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


@pytest.mark.parametrize("word", HOSTILE[:5])
def test_hostile_words_are_still_readable(word):
    page = Page(render(hostile_report(word)))
    shown = " ".join(word.split())
    (first, _) = row_cells(page)
    assert first[1] == shown
    assert plainly(shown) in first[3]
    assert page.headings[0] == ["h1", word]


@settings(max_examples=15)
@given(st.text(min_size=1, max_size=60))
def test_any_text_is_shown_as_text(word):
    report = make_report()
    (shown,) = row_cells(
        Page(render(replace(report, checks=(), rows=(replace(report.rows[0], content=word),))))
    )
    expected = " ".join(inert(word).replace("\r\n", "\n").replace("\r", "\n").split())
    assert shown[1] == (expected or shown[1])


@pytest.mark.parametrize("name", ["content", "given", "suggested", "kind", "why", "remedy", "split", "check"])
def test_long_words_are_cut_and_what_is_left_out_is_counted(name):
    report = replace(make_report(), checks=())
    html = render(replace(report, rows=(replace(report.rows[5], **{name: LONG}),)))
    base = render(replace(report, rows=report.rows[5:6]))
    assert len(html) < len(base) + 3000
    assert re.search(r"… ?(</bdi>)?\s*<small>\(?[89],\d{3} more characters\)?</small>", html)


def test_a_page_of_long_words_stays_small():
    assert len(render(hostile_report(LONG))) < 150_000


def test_text_that_would_turn_the_page_round_is_shown_not_obeyed():
    html = render(hostile_report("a\u202eb\u2067c"))
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(html)
    assert '<bdi dir="auto">a\ufffdb\ufffdc</bdi>' in html


def test_the_page_is_utf8_without_characters_that_html_forbids():
    text = render(hostile_report(HOSTILE[-1])).encode("utf-8").decode("utf-8")
    assert re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe]", text) is None
    assert "a\ufffdb" in text


def test_a_label_may_break_between_its_words_and_nowhere_is_it_changed():
    report = make_report()
    html = render(replace(report, checks=(), rows=(replace(report.rows[0], given="card_not_working"),)))
    assert '<span class="tag"><bdi>card_<wbr>not_<wbr>working</bdi></span>' in html


def test_a_command_in_a_sentence_is_set_as_one_and_stays_text():
    finding = Finding("tone", "all", None, None, "see `smallcraft check --audit 120 <b>`", "a ` alone")
    html = render(replace(make_report(), checks=(replace(novel_check(), findings=(finding,)),), rows=()))
    assert "see <code>smallcraft check --audit 120 &lt;b&gt;</code>" in html
    assert "a ` alone" in html


# --- filters -------------------------------------------------------------------------


def choices(html):
    return {
        name: re.findall(r'<option value="(\d+)">(.*?)</option>', options)
        for name, options in re.findall(r'<select name="(\w+)">(.*?)</select>', html, flags=re.DOTALL)
    }


def test_rows_can_be_filtered_by_check_kind_split_and_class(html):
    found = choices(html)
    assert [text for _, text in found["check"]] == ["leakage", "label issues", "personal data"]
    assert [text for _, text in found["kind"]] == ["exact copy", "wrong", "ambiguous", "email"]
    assert [text for _, text in found["split"]] == ["cert", "train"]
    assert len(found["classes"]) == 16


def test_the_codes_of_a_row_are_those_of_its_words(page, html):
    texts = {name: dict(options) for name, options in choices(html).items()}
    rows = [a for tag, a in page.tags if tag == "tr" and "data-check" in a]
    for attributes, row in zip(rows, make_report().rows, strict=True):
        assert texts["check"][attributes["data-check"]] == row.check.replace("_", " ")
        assert texts["kind"][attributes["data-kind"]] == row.kind
        assert texts["split"][attributes["data-split"]] == row.split
        labels = {texts["classes"][code] for code in attributes["data-classes"].split()}
        assert labels == {row.given, row.suggested} - {None}


def test_a_filter_with_one_choice_is_left_out():
    report = make_report()
    assert list(choices(render(replace(report, rows=report.rows[:1])))) == []


def test_without_a_script_every_row_is_there_and_no_dead_filter_is_seen(html):
    without = Page(re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL))
    assert without.tables == Page(html).tables
    hidden = [attributes.get("class") for _, attributes in without.tags if "hidden" in attributes]
    assert hidden == ["filters", "quiet shown", "more"]
    assert all("hidden" not in attributes for tag, attributes in without.tags if tag == "tr")


# --- one file, offline, for everyone -------------------------------------------------


@each_page
def test_nothing_is_loaded_from_anywhere(htmls, name):
    page = Page(htmls[name])
    loading = [(tag, key) for tag, attributes in page.tags for key in LOADING & set(attributes)]
    assert set(loading) <= {("a", "href")}
    assert "url(" not in htmls[name]
    assert "@import" not in htmls[name]
    assert re.findall(r"https?:|//[a-z]+\.", htmls[name]) == []
    forbidden = {"link", "iframe", "object", "embed", "img", "base", "form"}
    assert {tag for tag, _ in page.tags} & forbidden == set()


@each_page
def test_every_link_stays_in_the_page_and_every_name_is_its_own(htmls, name):
    page = Page(htmls[name])
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    wanted = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert wanted | {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


@each_page
def test_the_page_forbids_every_script_but_its_own(htmls, name):
    page = Page(htmls[name])
    (policy,) = (
        attributes["content"]
        for _, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(page.texts["script"].encode("utf-8")).digest()).decode("ascii")
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert [tag for tag, _ in page.tags].count("script") == 1


def test_importing_the_page_loads_neither_the_charts_library_nor_the_templates():
    code = "import sys, smallcraft.pipeline.check_page; print(*sys.modules)"
    source = {"PYTHONPATH": str(Path(check_page.__file__).parents[2])}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | source
    )
    assert "smallcraft.pipeline.check_page" in found.stdout.split()
    assert not {"altair", "vl_convert", "jinja2"} & set(found.stdout.split())


@each_page
def test_equal_reports_give_equal_bytes(htmls, name):
    assert render(REPORTS[name]) == htmls[name]


@each_page
def test_headings_go_down_one_level_at_a_time_from_a_single_first(htmls, name):
    levels = [int(tag[1]) for tag, _ in Page(htmls[name]).headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


@each_page
def test_tables_have_captions_and_scopes_and_the_page_a_language(htmls, name):
    page = Page(htmls[name])
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table")
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in page.tags if tag == "th")
    assert dict(page.tags)["html"] == {"lang": "en"}


@each_page
def test_what_scrolls_can_be_reached_by_keyboard_and_has_a_name(htmls, name):
    boxes = [a for _, a in Page(htmls[name]).tags if a.get("class") == "scroll"]
    assert all(box["tabindex"] == "0" and "aria-label" in box for box in boxes)
    assert len(boxes) >= htmls[name].count("<table")


def test_an_outcome_is_told_in_words_not_in_colour_alone(html):
    badges = re.findall(r'<span class="badge (\w+)"><span aria-hidden="true">.</span> (\w+)</span>', html)
    assert len(badges) == 1 + 2 * len(make_report().checks)
    assert all(kind == word for kind, word in badges)

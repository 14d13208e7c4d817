from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import pytest
from tests.pipeline.builds import (
    CLASSES,
    NOW,
    costs,
    make_build,
    make_checks,
    make_facts,
    measured,
    not_built,
)
from tests.pipeline.dev_answers import make_movement, make_seen
from tests.pipeline.quality_reports import hostile_report, make_report

from smallcraft.pipeline.report import render_report
from smallcraft.pipeline.report_parts.points import cost_points
from smallcraft.pipeline.result import PlanAnswer
from smallcraft.records import CandidateStatus, CheckResult, Evidence, Finding, Measurement, Outcome, Verdict

VOID = {"meta", "br", "link", "img", "input"}
LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "xlink:href"}


class Page(HTMLParser):
    """Elements in order, and the text of each table by its caption."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.open = [], {}, []
        self.tables, self.headings = {}, []
        self._rows = self._caption = None
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")
        elif tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append([tag, ""])

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = [[" ".join(cell.split()) for cell in row] for row in self._rows]

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag] = self.texts.get(tag, "") + data
        if "caption" in self.open:
            self._caption += data
        elif self.open[-1:] and ("td" in self.open or "th" in self.open):
            self._rows[-1][-1] += data
        if self.headings and self.open and self.open[-1] == self.headings[-1][0]:
            self.headings[-1][1] += data

    def table(self, word):
        (found,) = (rows for caption, rows in self.tables.items() if word in caption)
        return found

    def row(self, word, name):
        (found,) = (row for row in self.table(word) if name in row)
        return found

    @property
    def text(self):
        return " ".join(self.texts["body"].split())


def render(result=None, facts=None, checks=None, *, seen=None, movement=None):
    result = make_build() if result is None else result
    facts = make_facts(result) if facts is None else facts
    checks = make_checks() if checks is None else checks
    return render_report(result, facts, checks, seen=seen, movement=movement, now=NOW)


def render_whole():
    result = replace(make_build(), quality=make_report())
    return render(result, seen=make_seen(), movement=make_movement())


@pytest.fixture(scope="module")
def html():
    return render_whole()


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


# --- everything that was recorded is there -------------------------------------------


def test_every_candidate_has_a_row_with_how_it_ended(page):
    rows = page.table("Every rung")
    assert [(row[0], row[1]) for row in rows[1:]] == [
        ("majority", "lost"),
        ("ngram", "lost"),
        ("fast", "lost"),
        ("frozen", "tied"),
        ("cascade", "chosen"),
        ("tuned", "skipped"),
        ("trees", "crashed"),
    ]


def test_a_row_of_a_measured_candidate_has_a_cell_for_each_title(page):
    rows = page.table("Every rung")
    assert {len(row) for row in rows if row[0] not in {"tuned", "trees"}} == {len(rows[0])}


def test_a_rung_that_was_not_built_tells_why_in_its_row(page):
    assert page.row("Every rung", "tuned")[2] == (
        "not measured: torch is not installed; pip install 'smallcraft[train]'"
    )
    assert page.row("Every rung", "trees")[2] == "not measured: MemoryError: 40 GB wanted; use fewer features"


def test_every_loser_stands_with_the_reason(page):
    for rung, reason in make_build().decision.lost.items():
        assert f"{rung} {reason}" in page.text


def test_every_gate_has_a_row_with_verdict_reason_and_what_would_settle_it(page):
    rows = page.table("What had to hold")
    assert len(rows) == 1 + len(make_build().verdicts)
    assert page.row("What had to hold", "quality_floor")[0] == "✓ PASS"
    undecided = page.row("What had to hold", "not_worse_than_incumbent (not required)")
    assert undecided[0] == "? UNDECIDED"
    assert "about 420 more labelled rows" in undecided[3]


def test_every_class_and_group_has_a_row(page):
    names = [row[0] for caption, rows in page.tables.items() if "dev" in caption for row in rows]
    assert set(CLASSES) | {"unseen"} <= set(names)
    assert [row[1] for row in page.table("Accuracy of cascade")[1:]] == ["south", "north", "(missing)"]


def test_the_classes_stand_worst_first_and_those_without_an_f1_last(page):
    rows = page.table("lowest F1 first")[1:]
    scores = [row[1].split()[0] for row in rows]
    assert scores[:-1] == sorted(scores[:-1], key=float)
    assert scores[-1] == "not"
    assert rows[-1][0] == "unseen"


def test_checks_stand_with_findings_worst_first_and_say_how_many_are_not_shown(page):
    names = [text.split()[-1] for tag, text in page.headings if tag == "h4"]
    assert names == ["leakage", "integrity", "row_counts"]
    assert "row 4 of cert is a copy" in page.text
    assert "row 5 of cert is a copy" not in page.text
    assert "and 4 more findings" in page.text


def test_rows_in_and_out_notes_and_splits_are_told(page):
    for said in ("10,012", "rows set aside 12", "rows of one customer_id stay together"):
        assert said in page.text
    assert [row[:2] for row in page.table("Splits")[1:]] == [
        ["train", "7,000"],
        ["dev", "1,500"],
        ["cert", "1,500"],
    ]


def test_digests_machine_and_commands_are_told(page):
    for said in ("sha256:" + "d" * 64, "sha256:" + "1" * 64, "x86_64", "numpy 2.3.1"):
        assert said in page.text
    assert "smallcraft predict --release helpdesk@3 --input" in page.text
    assert 'load("helpdesk@3")' in page.text


def test_the_cost_table_has_every_measurement_with_its_method(page):
    released = make_build().released
    rows = {row[0]: row for row in page.table("bundle that ships")[1:]}
    assert list(rows) == [measurement.name for measurement in released.measurements]
    assert rows["p50_ms"][1].startswith("0.590 [0.578, 0.608]")
    assert "order statistics" in rows["p50_ms"][3]
    assert "needs 662 timed requests" in rows["p99_ms"][3]


def test_the_sealed_set_stands_with_its_bound_and_bits(page):
    assert page.row("1,500 sealed rows", "macro_f1")[1] == "0.941 [0.929, 0.951]"
    assert "±0.047" in page.text
    assert "1 look at this set so far, which revealed 19.9 bits" in page.text
    assert "cost nothing" not in page.text


def test_an_answer_from_the_ledger_is_told_as_such():
    result = make_build()
    page = Page(render(replace(result, cert=replace(result.cert, is_repeated=True))))
    assert "in the ledger already and cost nothing" in page.text


# --- decision and release ------------------------------------------------------------


def test_a_release_is_named_first(page):
    assert page.headings[0] == ["h1", "helpdesk"]
    assert "Released as helpdesk@3: every required gate passed." in page.text
    assert make_build().decision.sentence in page.text
    assert page.text.index("✓ PASS") < page.text.index("Released as")


def test_a_build_that_is_not_released_names_what_blocks_it_and_puts_it_first():
    page = Page(render(make_build(is_released=False)))
    assert "Not released: 1 gate blocks it (size_mb)." in page.text
    assert page.table("What had to hold")[1][:2] == ["✕ FAIL", "size_mb"]
    assert "none: nothing was released" in page.text
    assert "--bundle /project/.smallcraft/bundles/cascade-cccc" in page.text
    assert "helpdesk@3" not in page.text


def test_a_required_gate_that_is_undecided_is_said_to_block():
    result = replace(
        make_build(is_released=False),
        outcome=Outcome.UNDECIDED,
        verdicts=(
            Verdict("a", Outcome.UNDECIDED, "it was not measured", "measure it"),
            Verdict("b", Outcome.FAIL, "is not"),
        ),
    )
    assert "Not released: 2 gates block it (a, b)." in Page(render(result)).text


# --- not measured is never 0 ---------------------------------------------------------


def test_what_was_not_measured_is_printed_as_such_in_its_cell(page):
    titles = page.table("Every rung")[0]
    row = page.row("Every rung", "cascade")
    assert row[titles.index("p99 ms")] == "not measured"
    assert row[titles.index("peak MB in memory")] == "not measured"
    assert row[titles.index("p50 ms")] == "0.580"
    assert page.row("Accuracy of cascade", "(missing)")[2] == "not measured"


def test_a_candidate_without_a_single_number_shows_no_number():
    bare = Evidence("cascade", CandidateStatus.MEASURED, "sha256:" + "c" * 64, ())
    result = replace(make_build(), candidates=(bare,), released=bare)
    page = Page(render(result))
    assert set(page.row("Every rung", "cascade")[2:]) == {"not measured"}
    assert "There is no chart" in page.text
    assert "Not drawn, for want of a quality or a cost above 0: cascade." in page.text
    assert "Classes: not measured" in page.text
    assert "Groups: not measured" in page.text
    assert "Cost: not measured" in page.text
    tiles = re.findall(r"<dd[^>]*>(.*?)</dd>", render(result).split('class="tiles"')[1].split("</dl>")[0])
    assert [re.sub("<.*?>", "", tile) for tile in tiles][1:] == ["not measured"] * 3


def test_a_measured_zero_is_printed_as_zero():
    zero = replace(make_build().released, measurements=(Measurement("size_mb", 0.0, "MB", 1, "files"),))
    assert Page(render(replace(make_build(), released=zero))).row("bundle that ships", "size_mb")[1] == "0"


def test_a_sealed_set_that_gave_no_answer_is_not_measured():
    result = make_build(is_released=False)
    refused = replace(result.cert, bound=None, measurements=(), queries=5, bits=43.0)
    page = Page(render(replace(result, cert=refused)))
    assert "gave no answer: its scores are not measured" in page.text
    assert "How far an answer may be from the truth: not measured" in page.text
    assert "5 looks at this set so far, which revealed 43.0 bits" in page.text


def test_a_build_without_facts_verdicts_or_checks_still_has_its_page():
    page = Page(render(replace(make_build(), verdicts=()), facts={}, checks=()))
    assert "No gate was judged." in page.text
    assert "No check was made." in page.text
    assert "rows read not recorded" in page.text


def test_a_metric_where_lower_is_better_stands_once():
    page = Page(render(make_build(metric="log_loss")))
    titles = page.table("Every rung")[0]
    assert titles[:5] == ["rung", "status", "log_loss", "accuracy", "ECE"]


# --- words of people are words -------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script></style></title></svg><script>alert(1)</script>",
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}<!-- --><![CDATA[",
    "a\x00b\x0b\x1f\ufffe\ud800&lt;b&gt;",
)


def hostile_build(word):
    """Every text of a build replaced by one word."""
    result = make_build()
    kinds = {
        "quality": 0.9,
        "p50_ms": 1.0,
        "size_mb": 1.0,
        "train_cpu_s": 1.0,
        "classes": (word, "b"),
        "groups": ((word, word, 0.9),),
    }
    winner = measured(word, **kinds)
    notes = tuple(replace(m, method=word, detail=word) for m in winner.measurements)
    return replace(
        result,
        name=word,
        release=replace(result.release, name=word),
        decision=replace(
            result.decision, chosen=word, best=word, tied=(word,), lost={word: word}, sentence=word
        ),
        candidates=(
            replace(winner, measurements=notes),
            not_built(word + "2", CandidateStatus.CRASHED, word),
        ),
        released=replace(winner, measurements=notes),
        verdicts=(Verdict(word, Outcome.UNDECIDED, word, needs=word, required=False),),
        cert=replace(
            result.cert,
            measurements=tuple(replace(m, method=word, detail=word) for m in result.cert.measurements),
        ),
    )


def hostile_page(word):
    result = hostile_build(word)
    facts = {
        "smallcraft_version": word,
        "task": {"text": word},
        "data": {
            "path": word,
            "source": word,
            "license": word,
            "digest": word,
            "notes": [word],
            "splits": {word: {"rows": 3, "digest": word}},
        },
        "backbone": {"name": word, "digest": word},
        "environment": {"python": word, word: word},
    }
    finding = Finding(word, word, 3, word, word, word)
    return render(
        replace(result, quality=hostile_report(word)),
        facts,
        (CheckResult(word, Outcome.FAIL, word, {word: 1}, (finding,)),),
        seen=make_seen(word=word, intents=(word, f"{word} 2", f"{word} 3")),
        movement=make_movement(word=word),
    )


def skeleton(html):
    """Tags and the names of their attributes: everything that text must not change."""
    return [(tag, sorted(attributes)) for tag, attributes in Page(html).tags]


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_change_nothing_but_text(word):
    html = hostile_page(word)
    drawn = {"g", "path", "text", "line", "rect", "title", "svg"}
    kept = [entry for entry in skeleton(html) if entry[0] not in drawn]
    assert kept == [entry for entry in skeleton(hostile_page("word")) if entry[0] not in drawn]
    page = Page(html)
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in Page(hostile_page("word")).tags}
    assert page.texts["script"] == Page(render()).texts["script"]
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


@pytest.mark.parametrize("word", HOSTILE[:5])
def test_hostile_words_are_still_readable(word):
    page = Page(hostile_page(word))
    shown = " ".join(word.split())
    assert page.row("lowest F1 first", shown)[0] == shown
    assert page.headings[0] == ["h1", word]
    assert word in page.texts["svg"]


def test_the_page_is_always_utf8_without_characters_that_html_forbids():
    text = hostile_page(HOSTILE[-1]).encode("utf-8").decode("utf-8")
    assert re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe]", text) is None
    assert "a\ufffdb" in text


# --- one file, offline ---------------------------------------------------------------


def test_nothing_is_loaded_from_anywhere(html, page):
    assert [tag for tag, attributes in page.tags if LOADING & set(attributes)] == []
    places = [attributes["href"] for _, attributes in page.tags if "href" in attributes]
    assert places
    assert {place[0] for place in places} == {"#"}
    assert "url(" not in html
    assert "@import" not in html
    assert re.findall(r"https?:|//[a-z]+\.", html) == []
    assert {tag for tag, _ in page.tags} & {
        "link",
        "iframe",
        "object",
        "embed",
        "img",
        "base",
        "form",
    } == set()


def test_the_page_forbids_every_script_but_its_own(page):
    (policy,) = (
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(page.texts["script"].encode("utf-8")).digest()).decode("ascii")
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_the_same_build_gives_the_same_bytes(html):
    assert render_whole() == html


def test_the_page_needs_no_script_to_be_complete(html):
    without = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    page = Page(without)
    assert page.tables == Page(html).tables
    assert [tag for tag, _ in page.tags].count("svg") == 3


def test_layout_style_and_script_are_shipped_beside_the_module():
    folder = resources.files("smallcraft.pipeline") / "pages"
    names = {entry.name for entry in folder.iterdir()}
    assert names >= {"report.html.jinja", "report.css", "report.js"}


# --- readable by everyone ------------------------------------------------------------


def test_headings_go_down_one_level_at_a_time_from_a_single_first(page):
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_the_decision_stands_before_what_it_rests_on(page):
    titles = [text for tag, text in page.headings if tag == "h2"]
    assert titles[:3] == ["Gates", "What moved since helpdesk@2", "Candidates: quality against cost"]
    first = make_build().decision.sentence
    assert page.text.index(first) < page.text.index("What moved since")


def test_tables_have_captions_and_scopes_and_the_page_a_language(html, page):
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table") == len(page.tables)
    assert all(attributes.get("scope") in {"row", "col"} for tag, attributes in page.tags if tag == "th")
    assert dict(page.tags)["html"] == {"lang": "en"}


def test_every_name_in_the_page_is_its_own_and_every_reference_has_its_target(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    wanted = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    places = {attributes["href"][1:] for _, attributes in page.tags if "href" in attributes}
    assert wanted | places <= set(ids)


def test_the_contents_lead_to_every_section(page):
    places = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert {attributes["id"] for tag, attributes in page.tags if tag == "h2"} == places
    alone = Page(render())
    assert "moved" not in {attributes.get("href", "#")[1:] for _, attributes in alone.tags}


def test_every_chart_says_in_words_what_it_shows_and_has_its_table(page):
    charts = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert [chart["role"] for chart in charts] == ["img"] * 3
    by_cost, by_confidence, by_class = (chart["aria-label"] for chart in charts)
    for point in cost_points(make_build().candidates, make_build().decision):
        assert f"{point.rung} {point.quality:.3f}" in by_cost
        assert page.row("Every rung", point.rung)[2].startswith(f"{point.quality:.3f} [")
    assert by_class.startswith("F1 on dev of 30 classes")
    assert "0.735 sure and 0.750 right" in by_confidence
    assert sum(int(row[3]) for row in page.table("bins of equal numbers")[1:]) == 28


def test_an_outcome_is_told_in_words_not_in_colour_alone(html):
    for badge in re.findall(r'<span class="badge (\w+)">(.*?)</span>\s*(\w+)</span>', html):
        assert badge[2] == badge[0]
    assert html.count('class="badge') == 1 + len(make_build().verdicts) + len(make_checks())


def test_a_build_with_one_cheap_candidate_has_a_page():
    only = replace(
        measured("majority", quality=0.5, p50_ms=0.1, size_mb=1, train_cpu_s=1, classes=("a",)),
    )
    result = make_build()
    decision = replace(result.decision, chosen="majority", best="majority", tied=("majority",), lost={})
    released = replace(only, measurements=costs(p50_ms=0.1, size_mb=1, train_cpu_s=1))
    page = Page(render(replace(result, decision=decision, candidates=(only,), released=released)))
    assert "Nothing: there was one candidate." in page.text
    assert len(page.table("Every rung")) == 2


def test_a_plan_is_told_in_a_sentence_and_no_score_or_average_stands_beside_it():
    result = make_build()
    plan = PlanAnswer("macro_f1", "macro_f1 at least 0.9", passed=True, question=3, questions=50, passes=1)
    cert = replace(result.cert, measurements=(), plan=plan, wear="the plan is used up", registrations=2)
    page = Page(render(replace(result, cert=cert)))
    assert plan.sentence in page.text
    assert "The plan is used up." in page.text
    assert "Asked under 2 pre-registrations" in page.text
    assert "An average over these rows" not in page.text
    assert "gave no answer" not in page.text


# --- what moved, mistakes, confidence, rows to look at, what to do next --------------


def test_the_page_says_the_delta_with_its_interval_and_the_reason(page):
    rows = page.table("Quality before and now")
    assert rows[1][1:4] == ["before: 0.912", "now: 0.944", "difference: +0.032 [+0.011, +0.053]"]
    assert rows[1][4].startswith("better 1,410 rows; paired")
    assert rows[2][3:] == ["difference: not compared", "the sealed rows are not the same ones"]
    for said in (
        "macro_f1 on dev: 0.912 -> 0.944, +0.032 [+0.011, +0.053] over 1,410 rows both saw: better.",
        "60 doubted labels were corrected",
        "the reason that a person gave",
        "rows: 9,000 -> 10,000; 1,000 added, 0 removed, 60 relabelled",
        "settings: quality.margin 0.02 -> 0.01",
        'smallcraft alias stable helpdesk@2 --because "..."',
        "Not compared: tensors: helpdesk@2 lists no files of its bundle.",
    ):
        assert said in page.text
    assert page.row("Costs before and now", "MB on disk")[3:] == ["difference: -4.7", "cheaper counted"]


def test_a_reason_that_nobody_gave_is_told_as_the_rules():
    assert "the rule's reason: nobody gave one" in Page(render(movement=make_movement(author="rule"))).text


def test_every_mix_up_stands_with_rows_of_dev_the_surest_first(page):
    assert "7 of 28 rows of dev answered wrongly by cascade." in page.text
    mistakes = page.text.split("7 of 28 rows")[1].split("Does it mean its confidence?")[0]
    assert "billing answered as login 4 rows: 25% of the rows of billing, 57% of all errors." in mistakes
    shown = re.findall(r"message of dev row (\d+) dev \d+, (\S+) in the file; (\S+) sure", mistakes)
    assert shown == [
        ("24", "1,024", "0.84"),
        ("23", "1,023", "0.83"),
        ("22", "1,022", "0.82"),
        ("26", "1,026", "0.86"),
        ("25", "1,025", "0.85"),
    ]


def test_the_confidence_of_the_winner_is_told_in_a_sentence(page):
    assert "On average it is 0.735 sure and 0.750 right: it is 1.5 points too modest." in page.text


def test_the_rows_that_the_checks_doubt_stand_with_why_and_where_the_others_are(page):
    rows = page.table("Doubted rows of train and dev")[1:]
    assert {row[0].split()[0] for row in rows} <= {"train", "dev"}
    assert any("→" in row[2] for row in rows)
    assert "check/check.html" in page.text


def test_no_row_of_the_sealed_set_is_shown():
    quality = make_report()
    sealed = tuple(
        replace(row, split="cert", content=f"sealed words {place}") for place, row in enumerate(quality.rows)
    )
    page = Page(render(replace(make_build(), quality=replace(quality, rows=sealed)), seen=make_seen()))
    assert "sealed words" not in page.text
    assert "No row of train or dev stands out." in page.text


def test_a_row_with_personal_data_is_counted_and_not_shown():
    found = Finding("personal_data", "dev", 24, "message", "row 24 of dev holds a name", "mask it")
    checks = (CheckResult("personal_data", Outcome.UNDECIDED, "1 row", {}, (found,)),)
    page = Page(render(checks=checks, seen=make_seen()))
    assert "message of dev row 24" not in page.text
    assert "message of dev row 23" in page.text
    assert "not shown: personal data dev 24, 1,024 in the file; 0.84 sure" in page.text


def test_the_next_command_stands_at_the_top(page):
    head = page.text.split("What had to hold")[0]
    assert "next smallcraft rollout start helpdesk@3" in head
    first = Page(render())
    assert "next smallcraft serve" in first.text


def test_what_stands_in_the_way_of_a_release_is_listed_with_what_would_settle_it():
    page = Page(render(make_build(is_released=False)))
    assert "What stands in the way size_mb: size_mb 26.3 MB is not at most 20" in page.text
    assert "next smallcraft build" in page.text


def test_without_rows_of_dev_mistakes_and_confidence_are_not_measured():
    page = Page(render())
    assert "Mistakes: not measured" in page.text
    assert "Confidence: not measured" in page.text

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from tests.pipeline.evaluated import ticket_rows, write_tickets

from smallcraft.evaluate.harness.openers.callable import model_of_function
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.pipeline.evaluations.page import render_evaluation_page, slice_tables
from smallcraft.pipeline.evaluations.plan import EvaluateOptions
from smallcraft.pipeline.evaluations.run import evaluate_file, evaluate_frame
from smallcraft.records import Roles

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
VOID = {"meta", "br", "wbr", "link", "img", "input"}


class Tags(HTMLParser):
    """Fails where tags do not nest; keeps what the page says and asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gates = tmp_path / "gates.toml"
    gates.write_text(
        '[gates.g]\nrule = "at_least"\nmeasurement = "accuracy"\nlimit = 0.99\n', encoding="utf-8"
    )
    found = evaluate_file(
        write_tickets(tmp_path, "page_models"),
        ["page_models:answer", "page_models:unsure"],
        options=EvaluateOptions(gates=gates),
    )
    return render_evaluation_page(found, now=NOW)


def test_the_page_nests_loads_nothing_and_runs_nothing(page):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    assert tags.loads == []
    assert "default-src 'none'" in page


def test_the_page_says_scores_slices_differences_gates_and_what_it_rests_on(page):
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for words in (
        "2 models on 240 rows with 3 labels",
        "Differences",
        "after Holm",
        "FAIL",
        "Each class, lowest first",
        "region=north",
        "labels only",
        "they count as wrong",
        "Clopper-Pearson 95%",
        "CPU time of this process",
        "those of one customer",
        "columns were guessed",
        "2026-11-28 12:00 UTC",
    ):
        assert words in text, words


def test_several_models_stand_side_by_side_and_what_one_lacks_is_not_measured(page):
    side_by_side = page.split("Scores side by side")[1].split("</table>")[0]
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in side_by_side.split("<tr>")[1:]]
    assert rows[0][1:] == ["page_models:answer", "page_models:unsure"]
    accuracy = next(row for row in rows if row[0] == "accuracy")
    assert accuracy[1] != accuracy[-3]
    log_loss = next(row for row in rows if row[:2] == ["log", "loss"])
    assert log_loss[2:4] == ["not", "measured"]
    assert log_loss[4] != "not"


def test_one_model_has_nothing_beside_it():
    model = model_of_function(lambda texts: ["billing"] * len(texts), "always", OpenOptions())
    found = evaluate_frame(ticket_rows(60), [model], Roles("intent", "message"))
    assert "Scores side by side" not in render_evaluation_page(found, now=NOW)


def test_what_a_model_or_a_file_is_called_is_never_markup():
    evil = "<script>alert(1)</script>"
    rows = ticket_rows().with_columns(intent="<b>" + ticket_rows()["intent"])
    model = model_of_function(lambda texts: [evil] * len(texts), evil, OpenOptions())
    found = evaluate_frame(rows, [model], Roles("intent", "message"))
    page = render_evaluation_page(found, now=NOW)
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;" in page


def test_equal_inputs_give_equal_bytes_and_classes_come_lowest_first():
    model = model_of_function(lambda texts: ["billing"] * len(texts), "always", OpenOptions())
    found = evaluate_frame(ticket_rows(), [model], Roles("intent", "message", groups=("region",)))
    assert render_evaluation_page(found, now=NOW) == render_evaluation_page(found, now=NOW)
    classes, groups = slice_tables(found.models[0])
    assert [row.name for row in classes.rows][-1] == "class=billing"
    assert [row.name for row in groups.rows] == ["region=north", "region=south"]

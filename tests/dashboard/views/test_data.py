"""Data: the index with what it lacks, every flagged row, people, what changed from release to release."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.dashboard.projects import UGLY, build_ugly
from tests.dashboard.watched import visitor

from smallcraft.dashboard.asked import Asked
from smallcraft.dashboard.sources import Sources
from smallcraft.dashboard.views import data
from smallcraft.errors import NotFoundError
from smallcraft.pipeline.workspace import open_registry


def shown(folder, **query):
    return data.read(Sources(folder), Asked(query=query))


def test_every_flagged_row_is_on_some_page_and_none_twice(watched_once):
    first = shown(watched_once).checked.value.issues
    pages = [shown(watched_once, page=str(one + 1)).checked.value.issues for one in range(first.pages)]
    met = [(row.check, row.kind, row.split, row.line) for page in pages for row in page.rows]
    findings = pl.read_parquet(watched_once / "check/findings.parquet")
    lines = findings.with_columns(pl.col("line") + 1).select("check", "kind", "split", "line")
    assert sorted(met) == sorted(lines.iter_rows())
    assert sum(n for *_, n in first.kinds) == first.total == findings.height


def test_a_filter_shows_one_kind_alone(watched_once):
    kinds = shown(watched_once).checked.value.issues.kinds
    check, kind, n = kinds[0]
    issues = shown(watched_once, issue=f"{check}/{kind}").checked.value.issues
    assert {(row.check, row.kind) for row in issues.rows} == {(check, kind)}
    assert issues.total == n


def test_an_index_that_is_not_determined_is_told_with_what_it_lacks_and_never_as_zero(watched_once):
    view = shown(watched_once)
    assert view.checked.value.index.value is None
    assert view.picture is None
    page = visitor(watched_once).get("/data").text
    assert "undetermined" in page
    assert "<code>smallcraft check --audit" in page


def test_each_release_tells_its_data_and_what_changed_since(tmp_path):
    folder = build_ugly(tmp_path / "p")
    second, first = shown(folder).releases.value
    facts = open_registry(folder).read("rows@2").facts
    assert (second.release, first.release) == ("rows@2", "rows@1")
    assert second.splits == {name: split["rows"] for name, split in facts["data"]["splits"].items()}
    assert list(second.splits) == ["train", "dev", "cert"]
    assert first.changes is None
    assert second.changes.before == sum(first.splits.values())
    assert second.changes.after == sum(second.splits.values())
    page = visitor(folder).get("/data")
    assert page.status_code == 200
    assert "→" in page.text


def test_people_stand_with_how_often_they_are_right_and_its_interval(built):
    """The helpdesk of the tour has three, one of whom is worse."""
    checked = built / "check"
    assert not checked.exists()
    report = {
        "source": "tickets.csv",
        "index": {"name": "data_quality_index", "value": 0.9, "low": 0.88, "high": 1.0, "factors": {}},
        "checks": [
            {
                "check": "consensus",
                "outcome": "PASS",
                "summary": "fine",
                "findings": [],
                "measurements": [_right("ann_a", 0.94), _right("ann_c", 0.76)],
            }
        ],
    }
    people = data._annotators(report["checks"])
    assert [(one.name, one.accuracy.value, one.n) for one in people] == [
        ("ann_a", 0.94, 50),
        ("ann_c", 0.76, 50),
    ]
    assert people[0].accuracy.interval == "[0.890, 0.990]"
    assert data.share_of(report["index"]).interval == "[0.880, 1.000]"


def _right(name, value):
    return {
        "name": "annotator_accuracy",
        "value": value,
        "low": value - 0.05,
        "high": value + 0.05,
        "n": 50,
        "slice": f"annotator={name}",
        "split": "train",
        "detail": "says parcel for billing, 3%",
    }


def test_a_label_that_is_a_script_is_text(watched_once):
    browser = visitor(watched_once)
    for number in range(1, shown(watched_once).checked.value.issues.pages + 1):
        page = browser.get("/data", params={"page": number}).text
        assert UGLY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_project_without_a_check_says_how_to_make_one(tmp_path):
    page = visitor(tmp_path).get("/data")
    assert page.status_code == 200
    assert "smallcraft check" in page.text


def test_a_check_that_flagged_nothing_is_told(watched_once):
    with pytest.raises(NotFoundError, match="flagged no row; those that did are"):
        shown(watched_once, issue="weather/rain")


def test_a_damaged_report_is_told_on_the_page_and_takes_no_release_with_it(watched):
    path = watched / "check/check.json"
    path.write_text(json.dumps(json.loads(path.read_text()))[:-20])
    page = visitor(watched).get("/data")
    assert page.status_code == 200
    assert "rows@1" in page.text
    assert "cannot be read" in page.text

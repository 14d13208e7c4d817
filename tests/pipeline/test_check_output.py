from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from tests.pipeline.stages.test_agree import voted
from tests.projects import message_rows, save_rows

from smallcraft.data.repair import read_record, record_path
from smallcraft.errors import InvalidInputError
from smallcraft.pipeline.check_output import CheckOptions
from smallcraft.pipeline.checking import check_file
from smallcraft.pipeline.findings_file import SCHEMA

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def copied(tmp_path):
    """Rows of which two are exact copies of the first, one of them under another label."""
    rows = message_rows(90)
    rows["message"] += [rows["message"][0]] * 2
    rows["intent"] += [rows["intent"][0], "login" if rows["intent"][0] != "login" else "parcel"]
    return save_rows(tmp_path / "rows.csv", rows)


def test_page_json_and_findings_tell_the_same(copied, tmp_path):
    done = check_file(copied, backbone="none", options=CheckOptions(output=tmp_path / "out"), now=NOW)
    document = json.loads((tmp_path / "out" / "check.json").read_text("utf-8"))
    assert document == json.loads(json.dumps(done.as_json()))
    findings = pl.read_parquet(done.findings)
    assert findings.schema == SCHEMA
    for check in document["checks"]:
        told = sum(group["count"] for group in check["flagged"])
        assert findings.filter(pl.col("check") == check["check"]).height == told


def test_what_was_not_asked_for_is_null(copied, tmp_path):
    done = check_file(copied, backbone="none", options=CheckOptions(output=tmp_path / "out"), now=NOW)
    told = done.as_json()
    assert (told["audit_sheet"], told["version"], told["repairs"]) == (None, None, None)


def test_a_version_is_written_once_with_its_record(copied, tmp_path):
    options = CheckOptions(output=tmp_path / "out", fix=("drop", "merge"))
    done = check_file(copied, backbone="none", options=options, now=NOW)
    assert done.version == tmp_path / "out" / "fixed.csv"
    assert read_record(record_path(done.version)).counts == done.as_json()["repairs"]
    kept = pl.read_csv(done.version)["message"]
    first = pl.read_csv(copied)["message"][0]
    assert kept.to_list().count(first) == 0
    with pytest.raises(InvalidInputError, match=r"fixed\.csv"):
        check_file(copied, backbone="none", options=options, now=NOW)


def test_the_suffix_of_a_version_is_that_of_the_file(tmp_path):
    path = save_rows(tmp_path / "rows.parquet", message_rows(90) | {"extra": list(range(90))})
    options = CheckOptions(output=tmp_path / "out", fix=("merge",))
    done = check_file(path, label="intent", text="message", backbone="none", options=options, now=NOW)
    assert done.version.name == "fixed.parquet"
    assert pl.read_parquet(done.version).equals(pl.read_parquet(path))


def test_the_consensus_of_each_row_is_a_file_of_its_own(tmp_path):
    frame = voted(120, seed=4).rename({name: f"ann_{name}" for name in "abc"})
    frame.write_csv(tmp_path / "rows.csv")
    options = CheckOptions(output=tmp_path / "out")
    check_file(tmp_path / "rows.csv", label="label", text="text", backbone="none", options=options, now=NOW)
    found = pl.read_parquet(tmp_path / "out" / "consensus.parquet")
    assert found["line"].to_list() == list(range(120))
    assert (found["label"] == frame["label"]).mean() > 0.9
    assert found["confidence"].is_between(0.5, 1).all()

"""What a release tells of its data: files, columns, splits and classes; never a sealed label."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest
from tests.projects import change_project

from smallcraft.canonical import canonical_json
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.stages.data_facts import data_facts
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.workspace import open_registry


def prepared_of(folder):
    config = load_config(folder)
    return config, prepare_data(config, SilentListener())


def test_each_file_stands_with_its_own_sha256_the_main_one_first(tiny):
    files = data_facts(*prepared_of(tiny))["files"]
    assert [file["path"] for file in files] == ["rows.csv", "cert.csv"]
    for file in files:
        data = (tiny / file["path"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert (file["size_bytes"], file["format"]) == (len(data), "csv")


def test_the_same_rows_in_another_format_have_the_same_table_and_another_file(tiny):
    as_text = data_facts(*prepared_of(tiny))
    pl.read_csv(tiny / "rows.csv").write_parquet(tiny / "rows.parquet")
    change_project(tiny, '"rows.csv"', '"rows.parquet"')
    found = data_facts(*prepared_of(tiny))
    assert found["digest"] == as_text["digest"]
    assert found["files"][0]["format"] == "parquet"
    assert found["files"][0]["sha256"] != as_text["files"][0]["sha256"]


def test_a_file_that_is_gone_by_now_is_left_out_and_not_made_up(tiny):
    config, prepared = prepared_of(tiny)
    (tiny / "cert.csv").unlink()
    assert [file["path"] for file in data_facts(config, prepared)["files"]] == ["rows.csv"]


def test_columns_stand_with_type_and_role(people_built):
    columns = {column["name"]: column for column in data_facts(*prepared_of(people_built))["columns"]}
    assert {name: column["role"] for name, column in columns.items()} == {
        "age": "feature",
        "job": "feature",
        "insured": "feature",
        "bought": "label",
    }
    assert columns["age"]["type"] == "Float64"


def test_a_column_of_several_parts_has_the_one_a_model_knows_it_by(people_built):
    config, prepared = prepared_of(people_built)
    roles = replace(prepared.table.roles, groups=("job",), key="job")
    table = replace(prepared.table, ref=replace(prepared.table.ref, roles=roles))
    found = data_facts(config, replace(prepared, table=table))["columns"]
    assert {column["name"]: column["role"] for column in found}["job"] == "feature"


def test_classes_are_counted_in_every_split_but_the_sealed_one(tiny):
    config, prepared = prepared_of(tiny)
    counts = data_facts(config, prepared)["class_counts"]
    assert set(counts) == {"train", "dev"}
    for name in counts:
        assert counts[name] == Counter(prepared.splits.frames[name]["intent"].to_list())


def test_no_sealed_label_changes_what_is_told(tiny):
    config, prepared = prepared_of(tiny)
    cert = prepared.splits.frames["cert"].with_columns(pl.lit("login").alias("intent"))
    frames = {**prepared.splits.frames, "cert": cert}
    turned = replace(prepared, splits=replace(prepared.splits, frames=frames))
    assert data_facts(config, turned) == data_facts(config, prepared)


def test_no_word_of_a_row_is_told(tiny):
    config, prepared = prepared_of(tiny)
    told = canonical_json(data_facts(config, prepared)).decode("utf-8")
    words = {word for text in prepared.splits.frames["train"]["message"] for word in text.split()}
    assert not [word for word in words if word.startswith("case") and word in told]


def test_a_release_records_them(tiny):
    config, prepared = prepared_of(tiny)
    assert open_registry(tiny).read("latest").facts["data"] == data_facts(config, prepared)


@pytest.mark.parametrize("named", ["source", "license"])
def test_where_nothing_was_said_none_stands_and_not_a_guess(tiny, named):
    assert data_facts(*prepared_of(tiny))[named] is None
    change_project(tiny, "[data]", f'[data]\n{named} = "as it was said"')
    assert data_facts(*prepared_of(tiny))[named] == "as it was said"

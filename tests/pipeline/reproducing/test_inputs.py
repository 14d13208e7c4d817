from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.reproducing.test_origin import origin_of
from tests.projects import change_project

from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.machine import describe_machine
from smallcraft.pipeline.reproducing.inputs import changed_settings, compare_inputs
from smallcraft.pipeline.reproducing.origin import Origin
from smallcraft.pipeline.reproducing.record import Compared
from smallcraft.pipeline.stages.logs import rows_log
from smallcraft.pipeline.stages.prepare import Prepared, prepare_data

SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab/~", max_size=2),
    lambda values: st.dictionaries(st.text("ab/~", min_size=1, max_size=2), values, max_size=3),
    max_leaves=8,
)


def prepared(project: Path) -> Prepared:
    return prepare_data(load_config(project), SilentListener())


def compared(origin: Origin, project: Path) -> dict[str, Compared]:
    return {item.what: item for item in compare_inputs(origin, prepared(project), None, project=project)}


def with_environment(origin: Origin, **changes: Any) -> Origin:
    facts = {**origin.facts, "environment": {**origin.environment, **changes}}
    return replace(origin, facts=facts)


def test_on_the_same_machine_from_the_same_files_no_input_differs(tiny_again):
    assert [item.what for item in tiny_again.inputs if item.differs] == []
    order = [item.what for item in tiny_again.inputs]
    assert order.index("smallcraft") < order.index("numpy") < order.index("settings") < order.index("data")
    assert order.index("data") < order.index("train rows") < order.index("BLAS kernel")


def test_another_package_is_named_with_the_command_that_brings_it_back(tiny_built):
    found = compared(with_environment(origin_of(tiny_built), scipy="1.2.3"), tiny_built)["scipy"]
    assert (found.recorded, found.same, found.bearing) == ("1.2.3", False, "content")
    assert found.remedy == "install it: `pip install scipy==1.2.3`"


def test_a_machine_that_is_recorded_is_compared_and_moves_last_digits_only(tiny_built):
    machine = {**describe_machine(), "blas": "openblas 0.3.30 SkylakeX"}
    found = compared(with_environment(origin_of(tiny_built), machine=machine), tiny_built)
    kernel = found["BLAS kernel"]
    assert (kernel.recorded, kernel.same, kernel.bearing) == ("openblas 0.3.30 SkylakeX", False, "rounding")
    assert "OPENBLAS_CORETYPE" in kernel.remedy
    assert found["processor"].same is True


def test_what_is_not_recorded_is_neither_the_same_nor_another(tiny_built):
    origin = origin_of(tiny_built)
    recorded = {name: value for name, value in origin.environment.items() if name not in ("code", "machine")}
    found = compared(replace(origin, facts={**origin.facts, "environment": recorded}), tiny_built)
    for what in ("smallcraft's code", "BLAS kernel"):
        assert (found[what].same, found[what].detail) == (None, "the release does not record it")


def test_a_backbone_that_is_gone_is_named(tiny_built):
    origin = origin_of(tiny_built)
    with_one = {"name": "wheel:x", "digest": "sha256:1", "license": None}
    found = compared(replace(origin, facts={**origin.facts, "backbone": with_one}), tiny_built)["backbone"]
    assert (found.same, found.now, found.remedy) == (
        False,
        "none",
        "bring wheel:x in the version that was recorded",
    )


def test_facts_that_speak_of_other_settings_than_the_file_beside_them_are_named(tiny_built):
    origin = origin_of(tiny_built)
    found = compared(replace(origin, facts={**origin.facts, "margin": 0.2}), tiny_built)["settings"]
    assert found.same is False
    assert found.detail == "/quality/margin: 0.2, now 0.01"


def test_a_project_file_that_changed_since_is_told_and_not_used(tiny):
    origin = origin_of(tiny)
    change_project(tiny, "[data]", "seed = 7\n[data]")
    found = compared(origin, tiny)["smallcraft.toml today"]
    assert (found.same, found.bearing) == (False, "none")
    assert found.detail == "/seed: 0, now 7; the rebuild used what was recorded"


def test_a_project_file_that_is_gone_is_told(tiny):
    origin, rows = origin_of(tiny), prepared(tiny)
    (tiny / "smallcraft.toml").unlink()
    *_, found = compare_inputs(origin, rows, None, project=tiny)
    assert found.same is None
    assert "there is no project file" in found.detail


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows[1:], "1 removed"),
        (lambda rows: pl.concat([rows, rows[:1].with_columns(message=pl.lit("a new one"))]), "1 added"),
        (
            lambda rows: rows.with_columns(
                intent=pl.when(pl.col("message") == rows["message"][0])
                .then(pl.lit("parcel"))
                .otherwise("intent")
            ),
            "1 under another label",
        ),
        (lambda rows: rows.reverse(), "the same ones in another order or split"),
    ],
)
def test_changed_rows_are_counted_where_the_release_keeps_its_rows(tiny, change, words):
    origin = replace(origin_of(tiny), rows=rows_log(prepared(tiny)))
    path = tiny / "rows.csv"
    change(pl.read_csv(path)).write_csv(path)
    found = compared(origin, tiny)["data"]
    assert found.same is False
    assert found.detail == f"rows.csv holds other rows ({words})"
    assert "put back the file" in found.remedy


def test_without_kept_rows_a_changed_file_is_named_all_the_same(tiny):
    origin = replace(origin_of(tiny), rows=None)
    path = tiny / "rows.csv"
    pl.read_csv(path)[1:].write_csv(path)
    found = compared(origin, tiny)
    assert found["data"].detail == "rows.csv holds other rows"
    assert found["cert rows"].same is True


@given(SETTINGS, SETTINGS)
def test_settings_change_where_they_are_not_the_same(before, after):
    told = changed_settings({"a": before}, {"a": after})
    assert changed_settings({"a": before}, {"a": before}) == ()
    assert (told == ()) == (changed_settings({"a": after}, {"a": before}) == ())

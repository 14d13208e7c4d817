"""Evidently's files and mapping become a project that works, over their files as they lie."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.projects import person_rows

from smallcraft.cli.main import run
from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.importing.evidently import EvidentlyFiles, import_evidently, read_mapping
from smallcraft.pipeline.importing.evidently_columns import Columns

COLUMNS = Columns("bought", ("said",), ("age",), ("job",), (), None, "customer")


def people(rows, seed):
    made = pl.DataFrame(person_rows(rows, seed=seed), strict=False)
    label = next(name for name in made.columns if name == "bought")
    return made.with_columns(
        pl.Series("customer", [f"c{seed}-{row}" for row in range(rows)]),
        made[label].alias("said"),
    )


@pytest.fixture
def files(tmp_path):
    people(300, 1).write_parquet(tmp_path / "reference.parquet")
    people(200, 2).write_parquet(tmp_path / "current.parquet")
    return EvidentlyFiles(tmp_path / "reference.parquet", tmp_path / "current.parquet", COLUMNS)


def test_the_project_reads_the_reference_where_it_lies(files, tmp_path):
    before = files.reference.read_bytes(), files.current.read_bytes()
    done = import_evidently(files, tmp_path / "out")
    config = load_config(tmp_path / "out")
    assert config.data.label == "bought"
    assert sorted(config.data.features) == ["age", "job"]
    assert (tmp_path / "out" / config.data.path).resolve() == files.reference
    assert (files.reference.read_bytes(), files.current.read_bytes()) == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"smallcraft.toml", "answers.csv"}
    assert [words[0] for words in done.commands] == ["drift", "check", "evaluate", "build"]


def test_every_command_that_is_named_runs(files, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = import_evidently(files, tmp_path / "out")
    for words in done.commands[:3]:
        assert run([*words, "--json"]) in {0, 2}, words
        told = json.loads(capsys.readouterr().out)
    (model,) = told["models"]
    accuracy = next(one for one in model["measurements"] if one["name"] == "accuracy")
    assert accuracy["value"] == 1.0


def test_a_prediction_is_never_a_feature_also_where_no_feature_is_named(files, tmp_path):
    bare = EvidentlyFiles(files.reference, files.current, Columns("bought", ("said",), identifier="customer"))
    import_evidently(bare, tmp_path / "out")
    features = load_config(tmp_path / "out").data.features
    assert {"said", "bought", "customer"} & set(features) == set()
    assert "age" in features


def test_without_a_target_there_is_drift_alone(files, tmp_path):
    bare = EvidentlyFiles(files.reference, files.current, Columns(numerical=("age",)))
    done = import_evidently(bare, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert done.commands == (("drift", str(files.reference), str(files.current), "--column", "age"),)
    assert done.became[-1].given == "no target"


def test_probabilities_become_columns_that_evaluate_reads(files, tmp_path, capsys):
    both = people(200, 2).with_columns(
        (pl.col("bought") == 1).cast(pl.Float64).alias("1"),
        (pl.col("bought") == 0).cast(pl.Float64).alias("0"),
    )
    both.write_parquet(files.current)
    people(300, 1).with_columns(pl.lit(0.5).alias("1"), pl.lit(0.5).alias("0")).write_parquet(files.reference)
    import_evidently(
        EvidentlyFiles(files.reference, files.current, Columns("bought", ("0", "1"), ("age",), ("job",))),
        tmp_path / "out",
    )
    assert pl.read_csv(tmp_path / "out/answers.csv").columns == ["prob_0", "prob_1"]


def test_a_column_that_is_named_and_not_there_is_refused_by_name(files, tmp_path):
    wrong = EvidentlyFiles(files.reference, files.current, Columns("bought", numerical=("agee",)))
    with pytest.raises(DataError, match=r"agee"):
        import_evidently(wrong, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_current_data_need_no_labels_yet(files, tmp_path):
    people(200, 2).drop("bought").write_parquet(files.current)
    done = import_evidently(files, tmp_path / "out")
    assert [words[0] for words in done.commands] == ["drift", "check", "build"]


def test_a_mapping_is_read_from_json(tmp_path):
    (tmp_path / "m.json").write_text('{"target": "bought", "numerical_features": ["age"]}')
    assert read_mapping(tmp_path / "m.json") == Columns("bought", numerical=("age",))
    (tmp_path / "m.json").write_text("[1]")
    with pytest.raises(InvalidInputError, match="must hold an object, got list"):
        read_mapping(tmp_path / "m.json")
    (tmp_path / "m.json").write_text("ColumnMapping()")
    with pytest.raises(InvalidInputError, match=r"is no JSON .*dataclasses.asdict"):
        read_mapping(tmp_path / "m.json")
    with pytest.raises(NotFoundError, match="check the path of --mapping"):
        read_mapping(tmp_path / "none.json")

from __future__ import annotations

import polars as pl
import pytest
from tests.projects import message_rows, save_rows

from smallcraft.api import load
from smallcraft.cli.main import run


@pytest.fixture
def questions(tmp_path):
    return save_rows(tmp_path / "questions.csv", message_rows(12, seed=3))


def test_the_command_line_answers_as_the_python_face_does(small_built, questions, tmp_path, capsys):
    target = tmp_path / "answers.parquet"
    assert run(["predict", "-p", str(small_built), "-i", str(questions), "-o", str(target)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"wrote 12 answers of rows@1 to {target}",
        f"next  smallcraft serve rows@1 --project {small_built}",
    ]
    predictor = load("latest", project=small_built)
    texts = message_rows(12, seed=3)["message"]
    answers = pl.read_parquet(target)
    assert answers["label"].to_list() == predictor.predict(texts).tolist()
    assert answers["confidence"].to_list() == predictor.predict_proba(texts).max(axis=1).tolist()


@pytest.mark.parametrize("release", ["rows@1", "1", "latest"])
def test_a_release_by_any_of_its_names_and_its_bundle_answer_the_same(
    small_built, questions, tmp_path, release
):
    bundle = load("latest", project=small_built).bundle.path
    common = ["predict", "-p", str(small_built), "-i", str(questions)]
    assert run([*common, "-o", str(tmp_path / "a.csv"), "--release", release]) == 0
    assert run(["predict", "-i", str(questions), "-o", str(tmp_path / "b.csv"), "--bundle", str(bundle)]) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_the_output_folder_is_made_and_the_input_may_be_a_glob(small_built, questions, tmp_path):
    save_rows(tmp_path / "questions-2.csv", message_rows(5, seed=4))
    target = tmp_path / "out of the way" / "answers.jsonl"
    arguments = ["predict", "-p", str(small_built), "-i", str(tmp_path / "questions*.csv"), "-o", str(target)]
    assert run(arguments) == 0
    assert pl.read_ndjson(target).height == 17


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--release", "2"], "2"),
        (["--release", "other@1"], "other"),
        (["--abstain-below", "-0.1"], "must be in [0, 1]"),
        (["--abstain-below", "nan"], "must be in [0, 1]"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_is_refused(
    small_built, questions, tmp_path, arguments, words, capsys
):
    target = tmp_path / "answers.csv"
    common = ["predict", "-p", str(small_built), "-i", str(questions), "-o", str(target)]
    assert run([*common, *arguments]) == 1
    assert words in capsys.readouterr().err
    assert not target.exists()


def test_an_output_that_is_a_folder_is_one_line_of_error(small_built, questions, tmp_path, capsys):
    (tmp_path / "answers.csv").mkdir()
    arguments = ["predict", "-p", str(small_built), "-i", str(questions), "-o", str(tmp_path / "answers.csv")]
    assert run(arguments) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert list((tmp_path / "answers.csv").iterdir()) == []
    assert list(tmp_path.glob(".answers*")) == []

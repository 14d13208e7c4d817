"""What every opener keeps to, and the bundle's own laws."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest
from tests.evaluate.harness.openers.toy_models import number_questions, text_questions
from tests.models.toys import MIXED, TABLE, TEXT, toy_rows, toy_workshop

from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.errors import DataError, IntegrityError, NotFoundError
from smallcraft.evaluate.harness.answers import Questions
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers.bundle import model_of_bundle
from smallcraft.evaluate.harness.openers.opener import OpenOptions
from smallcraft.models.ladder import fit_rung

EXAMPLES = {
    "inference_url": "http://host:80/v2/models/x",
    "skops": "a/model.SKOPS",
    "onnx": "model.onnx",
    "predictions": "answers.csv.gz",
    "mlflow": "models:/tickets/3",
    "callable": "pkg.mod:fn",
}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> dict[str, Bundle]:
    made = {}
    for name, rung, spec in (("text", "ngram", TEXT), ("table", "linear", TABLE), ("mixed", "ngram", MIXED)):
        workshop = toy_workshop(tmp_path_factory.mktemp(name), spec)
        path = fit_rung(rung, workshop, workshop.scratch / "bundles", about={}).bundle
        made[name] = open_bundle(path)
    return made


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_every_opener_knows_its_own_example_and_no_other(name, tmp_path):
    examples = {**EXAMPLES, "bundle": str(tmp_path)}
    assert {kind for kind, opener in BUILTIN.items() if opener.fits(examples[name])} == {name}
    assert BUILTIN[name].example


@pytest.mark.parametrize("name", ["skops", "onnx", "predictions", "bundle"])
def test_what_is_not_there_is_refused_by_name(name, tmp_path):
    target = {"skops": "no.skops", "onnx": "no.onnx", "predictions": "no.csv", "bundle": "no"}[name]
    with pytest.raises((NotFoundError, DataError), match=r"no(\.|'| |/|$)"):
        BUILTIN[name].open(str(tmp_path / target), OpenOptions())


def file_of(columns, folder) -> pl.DataFrame:
    """As a CSV file holds them: everything is text."""
    path = folder / "rows.csv"
    pl.DataFrame(columns, strict=False).write_csv(path)
    return pl.read_csv(path, infer_schema=False)


@pytest.mark.parametrize("kind", ["text", "table", "mixed"])
def test_a_bundle_gives_its_own_probabilities_also_from_a_file_of_text(kind, bundles, tmp_path):
    bundle, columns = bundles[kind], toy_rows(40, seed=9).columns
    raw = file_of(columns, tmp_path)
    asked = Questions(raw.select("message"), raw, "message", (), bundle.classes)
    found = model_of_bundle(bundle, "b").answer(asked)
    assert found.classes == bundle.classes
    assert np.abs(found.probs - bundle.predict_proba(columns)).max() < 1e-12
    assert found.notes == ()


def test_a_bundles_text_is_read_from_the_texts_of_the_data_and_that_is_noted(bundles):
    columns = toy_rows(10, seed=9).columns
    frame = pl.DataFrame({"body": columns["message"]})
    found = model_of_bundle(bundles["text"], "b").answer(Questions(frame, frame, "body", (), ()))
    assert np.abs(found.probs - bundles["text"].predict_proba(columns["message"])).max() < 1e-12
    assert found.notes == ("its text 'message' is read from the column 'body'",)


def test_a_bundle_without_its_columns_or_with_words_for_numbers_is_refused(bundles):
    with pytest.raises(DataError, match="column 'message' is not in the data"):
        model_of_bundle(bundles["text"], "b").answer(number_questions(age=[1.0]))
    with pytest.raises(DataError, match="column 'age' is not in the data"):
        model_of_bundle(bundles["table"], "b").answer(text_questions())
    columns = {"age": ["old", "young"], "amount": [1.0, 2.0], "plan": ["free"] * 2, "city": ["x"] * 2}
    with pytest.raises(DataError, match="column 'age' must hold numbers"):
        model_of_bundle(bundles["table"], "b").answer(number_questions(**columns))


def test_a_bundle_whose_bytes_were_changed_is_not_opened(bundles, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(bundles["text"].path, copy)
    victim = next(path for path in sorted(copy.rglob("*")) if path.is_file() and path.name != "bundle.json")
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    with pytest.raises(IntegrityError):
        BUILTIN["bundle"].open(str(copy), OpenOptions())

from __future__ import annotations

import zipfile

import numpy as np
import polars as pl
import pytest
import skops.io as sio
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from tests.evaluate.harness.openers.toy_models import LABELS, TEXTS, names, number_questions, text_questions

from smallcraft.errors import DataError, InvalidInputError, MissingPartError
from smallcraft.evaluate.harness.openers import BUILTIN
from smallcraft.evaluate.harness.openers import skops as module
from smallcraft.evaluate.harness.openers.estimator import model_of_estimator
from smallcraft.evaluate.harness.openers.opener import OpenOptions


class Own(LogisticRegression):
    """A type that skops does not know."""


def test_probabilities_are_those_of_the_estimator(tmp_path):
    fitted = make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, LABELS)
    sio.dump(fitted, tmp_path / "m.skops")
    found = BUILTIN["skops"].open(str(tmp_path / "m.skops"), OpenOptions()).answer(text_questions())
    assert found.classes == ("neg", "pos")
    assert np.abs(found.probs - fitted.predict_proba(TEXTS)).max() < 1e-12
    assert not found.labels_only


def test_an_estimator_without_probabilities_gives_labels_only(tmp_path):
    fitted = make_pipeline(CountVectorizer(), LinearSVC()).fit(TEXTS, LABELS)
    sio.dump(fitted, tmp_path / "m.skops")
    found = BUILTIN["skops"].open(str(tmp_path / "m.skops"), OpenOptions()).answer(text_questions())
    assert found.labels_only
    assert names(found) == list(fitted.predict(TEXTS))


def test_columns_are_given_by_the_names_it_was_fitted_on(tmp_path):
    frame = pl.DataFrame({"age": [1.0, 9.0, None, 8.0], "job": ["a", "b", "a", "c"]})
    fitted = make_pipeline(
        ColumnTransformer(
            [("n", SimpleImputer(), ["age"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["job"])]
        ),
        LogisticRegression(),
    ).fit(frame, ["neg", "pos", "neg", "pos"])
    sio.dump(fitted, tmp_path / "m.skops")
    trusted = OpenOptions(trusted=tuple(sio.get_untrusted_types(file=tmp_path / "m.skops")))
    model = BUILTIN["skops"].open(str(tmp_path / "m.skops"), trusted)
    assert model.reads == ("age", "job")
    columns = {"job": ["b", "a"], "more": [1.0, 2.0], "age": [9.0, None]}
    found = model.answer(number_questions(**columns))
    assert np.abs(found.probs - fitted.predict_proba(pl.DataFrame(columns))).max() < 1e-12
    with pytest.raises(DataError, match="column 'age' is not in the data"):
        model.answer(number_questions(job=["b"]))


def test_a_column_that_was_there_at_fitting_but_is_not_picked_is_not_asked_for():
    frame = pl.DataFrame({"truth": ["neg", "pos"] * 4, "age": [1.0, 9.0] * 4, "noise": [3.0, 4.0] * 4})
    picking = ColumnTransformer([("n", SimpleImputer(), ["age"])])
    fitted = make_pipeline(picking, LogisticRegression()).fit(frame, frame["truth"].to_list())
    model = model_of_estimator(fitted, "m", kind="skops")
    assert model.reads == ("age",)
    assert names(model.answer(number_questions(age=[1.0, 9.0]))) == ["neg", "pos"]
    rest = ColumnTransformer([("n", SimpleImputer(), ["age"])], remainder="passthrough")
    fitted = make_pipeline(rest, LogisticRegression()).fit(frame.drop("truth"), frame["truth"].to_list())
    assert model_of_estimator(fitted, "m", kind="skops").reads == ("age", "noise")


def test_a_matrix_is_made_of_the_features_in_their_order():
    fitted = LogisticRegression().fit(np.array([[0.0, 5], [1, 3], [0, 4], [1, 9]]), [0, 1, 0, 1])
    model = model_of_estimator(fitted, "m", kind="skops")
    assert names(model.answer(number_questions(a=[0.0, 1.0], b=[4.0, 4.0]))) == ["0", "1"]
    with pytest.raises(InvalidInputError, match=r"m reads 2 features, got 1 \(a\)"):
        model.answer(number_questions(a=[0.0]))
    with pytest.raises(InvalidInputError, match="column 'b' holds String"):
        model.answer(number_questions(a=[0.0], b=["x"]))


def test_types_that_are_not_known_are_refused_before_loading_and_taken_when_trusted(tmp_path):
    path = tmp_path / "own.skops"
    sio.dump(Own().fit([[0.0], [1.0]], ["neg", "pos"]), path)
    (unknown,) = sio.get_untrusted_types(file=path)
    with pytest.raises(InvalidInputError, match=f"not known to be safe: {unknown}.*--trust {unknown}"):
        BUILTIN["skops"].open(str(path), OpenOptions())
    model = BUILTIN["skops"].open(str(path), OpenOptions(trusted=(unknown,)))
    assert names(model.answer(number_questions(x=[0.0, 1.0]))) == ["neg", "pos"]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04K\x01."])
def test_what_skops_did_not_write_is_refused(tmp_path, content):
    path = tmp_path / "m.skops"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="must be a file that skops wrote"):
        BUILTIN["skops"].open(str(path), OpenOptions())


def test_a_damaged_archive_and_one_that_unpacks_to_too_much_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}" + " " * 10_000)
    with pytest.raises(InvalidInputError, match="cannot be opened"):
        BUILTIN["skops"].open(str(path), OpenOptions())
    monkeypatch.setattr(module, "LARGEST_BYTES", 5_000)
    assert path.stat().st_size < 5_000
    with pytest.raises(InvalidInputError, match="unpacks to 10,002 bytes"):
        BUILTIN["skops"].open(str(path), OpenOptions())


def test_without_skops_the_message_says_how_to_install_it(tmp_path, monkeypatch):
    path = tmp_path / "m.skops"
    sio.dump(LogisticRegression(), path)
    monkeypatch.delitem(module.sys.modules, "skops")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"smallcraft\[harness\]"):
        BUILTIN["skops"].open(str(path), OpenOptions())


def test_what_cannot_answer_is_refused():
    with pytest.raises(InvalidInputError, match="must hold an estimator that predicts, got dict"):
        model_of_estimator({"a": 1}, "m", kind="skops")
    regression = LinearRegression().fit([[0.0], [1.0]], [0.25, 0.5])
    with pytest.raises(InvalidInputError, match="is it a classifier"):
        model_of_estimator(regression, "m", kind="skops").answer(number_questions(x=[0.0, 1.0]))
    unfitted = model_of_estimator(make_pipeline(CountVectorizer(), LogisticRegression()), "m", kind="skops")
    with pytest.raises(InvalidInputError, match="failed on 6 rows with NotFittedError"):
        unfitted.answer(text_questions())

"""The Python face: a release answers as a scikit-learn classifier that is already fitted."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, get_scorer, log_loss
from sklearn.utils.validation import check_is_fitted
from tests.projects import message_rows, write_messages

from smallcraft import api
from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.thresholds import Thresholds
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.runtime import open_bundle
from smallcraft.errors import ConfigError, DataError, IntegrityError, InvalidInputError, NotFoundError
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import Outcome, Roles


@pytest.fixture
def predictor(built):
    return api.load("latest", project=built)


@pytest.fixture(scope="module")
def rows(built):
    return pl.read_csv(built / "tickets.csv").head(200)


def test_every_public_name_is_there_and_says_what_it_is():
    for name in api.__all__:
        assert inspect.getdoc(getattr(api, name))


def test_every_form_of_the_same_rows_gets_the_same_answers(predictor, rows):
    texts = rows["message"].to_list()
    expected = predictor.predict_proba(texts)
    assert expected.shape == (200, len(predictor.classes_))
    np.testing.assert_allclose(expected.sum(axis=1), 1.0)
    for same in (
        tuple(texts),
        rows,
        rows.lazy().collect(),
        {"message": texts},
        np.array(texts, dtype=object),
    ):
        np.testing.assert_array_equal(predictor.predict_proba(same), expected)
    np.testing.assert_array_equal(predictor.predict(texts), predictor.classes_[expected.argmax(axis=1)])


def test_answers_come_with_their_confidence_and_missing_ones_as_none(predictor, rows):
    texts = rows["message"].to_list()
    probs = predictor.predict_proba(texts)
    usual = predictor.decide(texts)
    assert list(usual.labels) == predictor.predict(texts).tolist()
    np.testing.assert_array_equal(usual.confidence, probs.max(axis=1))
    cautious = with_decision(predictor, Abstain(float(np.median(probs.max(axis=1)))))
    answers = cautious.predict(texts)
    assert answers.dtype == object
    np.testing.assert_array_equal(answers == None, cautious.decide(texts).abstained)  # noqa: E711 - each one
    assert 0 < sum(answer is None for answer in answers) < 200


def test_several_labels_are_tuples_and_numbers_are_numbers(predictor, rows):
    texts = rows["message"].to_list()
    several = with_decision(predictor, Thresholds((0.0, 0.0) + (2.0,) * (len(predictor.classes_) - 2)))
    assert several.predict(texts).tolist() == [tuple(predictor.classes_[:2].tolist())] * 200
    number = with_decision(predictor, Value(1.0, 0.9))
    found = number.predict(texts)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(number.decide(texts).high, found + 1.0)


def test_scikit_learn_takes_a_model_of_numbers_for_a_regressor(predictor, rows):
    texts = rows["message"].to_list()
    assert is_classifier(predictor)
    assert not is_regressor(predictor)
    assert predictor.score(texts, predictor.predict(texts)) == 1.0
    decoder = replace(predictor.bundle.decoder, link="identity", decider=Value(1.0, 0.9))
    number = api.Predictor(replace(predictor.bundle, decoder=decoder))
    assert is_regressor(number)
    assert not is_classifier(number)
    answers = number.predict(texts)
    assert number.score(texts, answers) == 1.0
    assert number.score(texts, np.zeros(len(texts)) + np.arange(len(texts))) < 1.0


def with_decision(predictor, decider):
    bundle = predictor.bundle
    return api.Predictor(replace(bundle, decoder=replace(bundle.decoder, decider=decider)))


def test_a_frame_of_another_library_is_read_by_its_columns_with_its_holes(people_frame, people_bundle):
    predictor = api.load(people_bundle)
    rows = {"age": [30.0, None], "job": ["cook", None]}
    np.testing.assert_array_equal(predictor.predict_proba(people_frame), predictor.predict_proba(rows))


class Column(list):
    """What `predict` uses of another library's column."""

    def tolist(self):
        return list(self)


class Frame:
    """What `predict` uses of another library's frame."""

    loc = None
    columns = ("age", "job", "ignored")

    def __getitem__(self, name):
        columns = {"age": [30.0, float("nan")], "job": ["cook", float("nan")], "ignored": [1, 2]}
        return Column(columns[name])


@pytest.fixture
def people_frame():
    return Frame()


@pytest.fixture(scope="module")
def people_bundle(tmp_path_factory):
    from tests.projects import person_rows, write_rows

    from smallcraft.models.ladder import fit_rung
    from smallcraft.models.workshop import no_progress
    from smallcraft.pipeline.config import load_config
    from smallcraft.pipeline.events import SilentListener
    from smallcraft.pipeline.stages.prepare import prepare_data
    from smallcraft.pipeline.stages.train import open_workshop

    folder = tmp_path_factory.mktemp("people")
    data = 'features = ["age", "job"]\nlabel = "bought"'
    config = load_config(write_rows(folder, person_rows(400), data=data, more=""))
    workshop = open_workshop(config, prepare_data(config, SilentListener()).splits, progress=no_progress)
    bundle = fit_rung("linear", workshop, folder / "bundles", about={}).bundle
    assert bundle is not None
    return bundle


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ("one text", InvalidInputError, "write \\[text\\]"),
        ([1, 2], InvalidInputError, "must hold text, got int"),
        ([None], InvalidInputError, "must hold text, got NoneType"),
        (pl.DataFrame({"mesage": ["a"]}), DataError, "did you mean 'mesage'"),
        ({"mesage": ["a"]}, InvalidInputError, "did you mean 'mesage'"),
    ],
)
def test_rows_that_cannot_be_read_are_refused_with_what_was_wanted(predictor, asked, error, words):
    with pytest.raises(error, match=words):
        predictor.predict(asked)


def test_no_rows_get_no_answers(predictor):
    assert predictor.predict([]).shape == (0,)
    assert predictor.predict_proba([]).shape == (0, len(predictor.classes_))


def test_scikit_learn_takes_it_for_a_fitted_classifier(predictor):
    check_is_fitted(predictor)
    assert is_classifier(predictor)
    assert predictor.fit() is predictor
    assert predictor.fit(["a"], ["b"]) is predictor


def test_scikit_learns_scorers_give_what_its_metrics_give(predictor, rows):
    texts, labels = rows["message"].to_list(), rows["intent"].to_numpy().astype(str)
    guesses, probs = predictor.predict(texts), predictor.predict_proba(texts)
    expected = {
        "accuracy": accuracy_score(labels, guesses),
        "f1_macro": f1_score(labels, guesses, average="macro"),
        "neg_log_loss": -log_loss(labels, probs, labels=predictor.classes_),
    }
    for name, value in expected.items():
        assert get_scorer(name)(predictor, texts, labels) == pytest.approx(value)
    assert predictor.score(texts, labels) == expected["accuracy"]
    assert confusion_matrix(labels, guesses, labels=predictor.classes_).sum() == 200


def test_a_binary_release_has_a_score_for_its_second_class(people_bundle):
    predictor = api.load(people_bundle)
    rows = {"age": [20.0, 30.0, 50.0, 70.0] * 10, "job": ["cook", "clerk", "nurse", None] * 10}
    labels = ["0", "0", "1", "1"] * 10
    assert get_scorer("roc_auc")(predictor, rows, labels) == 1.0


def test_a_clone_is_the_same_release(predictor, rows):
    twin = clone(predictor)
    assert twin is not predictor
    assert twin.get_params() == predictor.get_params() == {"bundle": predictor.bundle, "name": "tickets@1"}
    np.testing.assert_array_equal(twin.predict(rows), predictor.predict(rows))
    renamed = clone(predictor).set_params(name="mine")
    assert (renamed.name, predictor.name) == ("mine", "tickets@1")
    with pytest.raises(ValueError, match="Invalid parameter"):
        predictor.set_params(depth=3)


def test_it_prints_as_its_name(predictor):
    assert repr(predictor) == "Predictor('tickets@1')"


@pytest.mark.parametrize("reference", ["latest", "1", "tickets@1", "tickets"])
def test_a_release_is_loaded_by_any_of_its_names(built, reference):
    assert api.load(reference, project=built).name == "tickets@1"
    assert api.load(reference, project=built / "smallcraft.toml").name == "tickets@1"


def test_a_bundle_is_loaded_by_its_path_open_or_not(predictor):
    path = predictor.bundle.path
    for source in (path, str(path), open_bundle(path)):
        loaded = api.load(source)
        assert (loaded.bundle.digest, loaded.name) == (predictor.bundle.digest, str(path))


def test_what_is_not_there_is_not_loaded(built, tmp_path):
    with pytest.raises(NotFoundError, match=r"holds no bundle.json; name a bundle directory or a release"):
        api.load(tmp_path)
    with pytest.raises(NotFoundError, match="9"):
        api.load("tickets@9", project=built)
    with pytest.raises(NotFoundError, match="smallcraft build"):
        api.load("latest", project=tmp_path)


def test_a_released_model_whose_copy_was_exchanged_is_not_loaded(built_copy):
    copy = api.load("latest", project=built_copy).bundle.path
    other = next(Workspace(built_copy).bundles.glob("majority-*"))
    for path in copy.rglob("*"):
        if path.is_file():
            path.unlink()
    for path in other.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(other)).parent.mkdir(parents=True, exist_ok=True)
            (copy / path.relative_to(other)).write_bytes(path.read_bytes())
    with pytest.raises(IntegrityError, match="is not what tickets@1 recorded"):
        api.load("latest", project=built_copy)


def test_a_project_a_file_and_a_frame_are_checked(built_copy, tmp_path):
    report = api.check(built_copy)
    assert {result.check for result in report.checks} >= {"row_counts", "leakage", "label_issues"}
    assert report.index.value is None
    frame = pl.DataFrame(message_rows(60))
    frame.write_csv(tmp_path / "rows.csv")
    roles = Roles(label="intent", text="message")
    of_frame = {result.check: result.outcome for result in api.check(frame, roles).checks}
    of_file = {
        result.check: result.outcome
        for result in api.check(tmp_path / "rows.csv", output=tmp_path / "out").checks
    }
    assert of_frame == of_file
    assert of_frame["duplicates"] is Outcome.PASS
    assert (tmp_path / "out" / "check.html").exists()
    with pytest.raises(InvalidInputError, match="a frame needs roles"):
        api.check(frame)


def test_a_project_is_built_by_path_or_by_configuration(tmp_path):
    with pytest.raises(NotFoundError, match="smallcraft init"):
        api.build(tmp_path)
    folder = write_messages(tmp_path / "p", more='[ladder]\nrungs = ["linear"]\n')
    with pytest.raises(InvalidInputError, match="no rung could be built"):
        api.build(str(folder))
    (folder / "smallcraft.toml").write_text("[data]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="path"):
        api.build(folder)


def test_verify_takes_a_project_a_registry_and_a_bundle(built, tmp_path, monkeypatch):
    workspace = Workspace(built)
    whole = api.verify(built)
    assert whole == api.verify(built / "smallcraft.toml")
    assert {step.name for step in api.verify(workspace.registry).steps} < {step.name for step in whole.steps}
    assert api.verify(next(workspace.bundles.glob("ngram-*"))).steps[0].name == "bundle"
    monkeypatch.chdir(built)
    assert api.verify() == api.verify(Path())
    with pytest.raises(NotFoundError):
        api.verify(tmp_path)


def shout(texts):
    return ["billing" if "invoice" in text else "login" for text in texts]


def test_models_of_every_make_are_evaluated_in_memory(built, predictor, tmp_path):
    rows = pl.read_csv(built / "tickets.csv").head(300)
    roles = Roles("intent", "message", groups=("region",))

    class Estimator:
        classes_ = predictor.classes_

        def predict(self, texts):
            return predictor.predict(texts)

        def predict_proba(self, texts):
            return predictor.predict_proba(texts)

    models = {
        "release": predictor,
        "estimator": Estimator(),
        "function": shout,
        "path": predictor.bundle.path,
    }
    found = api.evaluate(rows, models, roles=roles, metrics=["accuracy"], output=tmp_path / "out")
    assert [model.name for model in found.models] == list(models)
    release, estimator, function, path = (model.find("accuracy").value for model in found.models)
    assert release == estimator == path == accuracy_score(rows["intent"], predictor.predict(rows))
    assert function == accuracy_score(rows["intent"], shout(rows["message"]))
    assert [claim.is_shown for claim in found.differences] == [False, True, False]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"evaluation.html", "evaluation.json"}


def test_one_model_and_a_metric_in_memory_on_a_file(built):
    def wrong(truth, predicted, probs, classes):
        assert probs is None
        return float((truth != predicted).sum())

    found = api.evaluate(built / "tickets.csv", shout, metrics=[wrong, "accuracy"])
    (model,) = found.models
    assert model.name == "shout"
    assert model.find("wrong").value == pytest.approx(found.rows * (1 - model.find("accuracy").value))


def test_what_cannot_be_evaluated_is_refused():
    frame = pl.DataFrame({"message": ["a", "b"], "intent": ["x", "y"]})
    with pytest.raises(InvalidInputError, match="a frame needs roles"):
        api.evaluate(frame, shout)
    with pytest.raises(InvalidInputError, match="pass a mapping of name to model"):
        api.evaluate(frame, [shout, shout], roles=Roles("intent", "message"))
    with pytest.raises(InvalidInputError, match="needs a model, got none"):
        api.evaluate(frame, {}, roles=Roles("intent", "message"))


def test_two_frames_drift_as_their_files_do(tmp_path):
    rng = np.random.default_rng(5)
    was, now = (pl.DataFrame({"age": rng.normal(mean, 10, 2000)}) for mean in (40.0, 45.0))
    paths = tmp_path / "was.csv", tmp_path / "now.csv"
    was.write_csv(paths[0])
    now.write_csv(paths[1])
    assert api.drift(was, now).drift == api.drift(*paths).drift
    assert api.drift(was, now).drift.drifted == ("age",)
    assert api.drift(was, was).drift.drifted == ()


def test_what_cannot_drift_is_refused(tmp_path):
    frame = pl.DataFrame({"age": [1.0] * 100})
    with pytest.raises(InvalidInputError, match="two files or two frames, got one of each"):
        api.drift(frame, tmp_path / "now.csv")
    with pytest.raises(DataError, match="column 'agee' is not in the reference"):
        api.drift(frame, frame, columns=["agee"])
    with pytest.raises(DataError, match="the current has no rows"):
        api.drift(frame, frame.clear())

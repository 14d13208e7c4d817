"""The open harness on data and models that nobody here made."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import skops.io as sio
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from smallcraft.cli.main import run

pytestmark = pytest.mark.realdata

NUMBERS = ("age", "education_num", "capital_gain", "capital_loss", "hours")
WORDS = ("workclass", "marital", "occupation", "relationship", "race", "sex", "country")
COLUMNS = (
    *("age", "workclass", "weight", "education", "education_num", "marital", "occupation"),
    *("relationship", "race", "sex", "capital_gain", "capital_loss", "hours", "country", "income"),
)


def adult(path: Path, *, skip: int = 0) -> pl.DataFrame:
    frame = pl.read_csv(path, has_header=False, new_columns=list(COLUMNS), skip_rows=skip, infer_schema=False)
    frame = frame.select(pl.all().str.strip_chars()).filter(pl.col("income").is_not_null())
    return frame.with_columns(
        pl.col("income").str.strip_chars("."), *(pl.col(name).cast(pl.Float64) for name in NUMBERS)
    )


def evaluated(capsys, *arguments: str) -> dict:
    capsys.readouterr()
    code = run(["evaluate", *arguments, "--json"])
    captured = capsys.readouterr()
    assert code in (0, 2, 3), captured.err
    return json.loads(captured.out) | {"code": code}


def score(model: dict, name: str, where: str = "all") -> dict:
    return next(m for m in model["measurements"] if (m["name"], m["slice"]) == (name, where))


def test_an_estimator_of_income_is_measured_by_sex_and_race_and_gated(
    shared_data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    train, test = (
        adult(shared_data / "adult" / "adult.data"),
        adult(shared_data / "adult" / "adult.test", skip=1),
    )
    made = make_column_transformer(
        (StandardScaler(), list(NUMBERS)), (OneHotEncoder(handle_unknown="ignore"), list(WORDS))
    )
    fitted = make_pipeline(made, LogisticRegression(max_iter=300)).fit(train, train["income"].to_list())
    sio.dump(fitted, "income.skops")
    test.write_csv("test.csv")
    Path("gates.toml").write_text(
        '[gates.groups]\nrule = "at_least"\nmeasurement = "accuracy"\nslice = "sex=*"\nlimit = 0.8\n'
        '[gates.strict]\nrule = "at_least"\nmeasurement = "accuracy"\nslice = "sex=Male"\nlimit = 0.9\n',
        encoding="utf-8",
    )
    trusted = [word for name in sio.get_untrusted_types(file="income.skops") for word in ("--trust", name)]
    columns = ["--label", "income", "--features", ",".join((*NUMBERS, *WORDS)), "--groups", "sex,race"]
    document = evaluated(
        capsys, "test.csv", "-m", "income.skops", *trusted, *columns, "--gates", "gates.toml"
    )
    (model,) = document["models"]
    said = fitted.predict(test)
    truth = test["income"].to_numpy()
    assert score(model, "accuracy")["value"] == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    area = roc_auc_score(truth == ">50K", fitted.predict_proba(test)[:, list(fitted.classes_).index(">50K")])
    assert score(model, "auroc")["value"] == pytest.approx(area, abs=1e-9)
    for column in ("sex", "race"):
        for group in test[column].unique():
            inside = (test[column] == group).to_numpy()
            found = score(model, "accuracy", f"{column}={group}")
            assert found["value"] == pytest.approx(accuracy_score(truth[inside], said[inside]), abs=1e-12)
            assert found["n"] == inside.sum()
            assert found["low"] < found["value"] < found["high"]
    outcomes = {(v["gate"], v["slice"]): v["outcome"] for v in model["verdicts"]}
    assert outcomes == {
        ("groups", "sex=Female"): "PASS",
        ("groups", "sex=Male"): "PASS",
        ("strict", "sex=Male"): "FAIL",
    }
    assert document["code"] == 2


def test_a_file_of_answers_of_77_intents_equals_the_model_that_gave_them(
    shared_data, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    train = pl.read_csv(shared_data / "banking77" / "train.csv")
    test = pl.read_csv(shared_data / "banking77" / "test.csv")
    fitted = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=50))
    fitted.fit(train["text"].to_list()[:4000:2], train["category"].to_list()[:4000:2])
    probs = fitted.predict_proba(test["text"].to_list())
    sio.dump(fitted, "bank.skops")
    pl.DataFrame({f"prob_{name}": probs[:, at] for at, name in enumerate(fitted.classes_)}).write_csv(
        "answers.csv"
    )
    test.write_csv("test.csv")
    columns = ["--label", "category", "--text", "text"]
    document = evaluated(capsys, "test.csv", "-m", "bank.skops", "-m", "answers.csv", *columns)
    first, second = document["models"]
    pairs = zip(first["measurements"], second["measurements"], strict=True)
    for one, other in pairs:
        if one["name"] != "cpu_s_per_1000":
            assert one["value"] == pytest.approx(other["value"], abs=1e-9)
    truth, said = test["category"].to_list(), fitted.predict(test["text"].to_list()).tolist()
    assert score(first, "macro_f1")["value"] == pytest.approx(
        f1_score(truth, said, average="macro", zero_division=0), abs=1e-9
    )
    (claim,) = document["differences"]
    assert (claim["value"], claim["is_shown"]) == (0.0, False)

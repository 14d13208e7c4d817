"""Fairness, swaps and functional suites on data that nobody here wrote: adult, census_employment, hatecheck.

Models are trained here, quickly; no text of hatecheck is repeated anywhere.
"""

from __future__ import annotations

import json
import subprocess

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from benchmarks.datasets import Rows, read_adult
from benchmarks.peers import FAIRLEARN
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.pipeline import make_pipeline

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.counterfactual import CounterfactualAudit
from smallcraft.evaluate.audits.fairness import FairnessAudit
from smallcraft.evaluate.functional import FunctionalSuite, run_suite
from smallcraft.records import AuditResult, Measurement, Predictions

pytestmark = pytest.mark.realdata

RATES = ("base_rate", "selection_rate", "tpr", "fpr", "ppv", "accuracy")

ASK_FAIRLEARN = """
import json, sys
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score
rows = pd.read_json(sys.argv[1])
metrics = {
    "base_rate": lambda truth, called: truth.mean(),
    "selection_rate": selection_rate,
    "tpr": true_positive_rate,
    "fpr": false_positive_rate,
    "ppv": lambda truth, called: precision_score(truth, called, zero_division=0),
    "accuracy": accuracy_score,
}
points = {}
for columns in (["sex"], ["race"], ["sex", "race"]):
    frame = MetricFrame(
        metrics=metrics, y_true=rows["truth"], y_pred=rows["called"], sensitive_features=rows[columns]
    )
    for values, found in frame.by_group.iterrows():
        values = values if isinstance(values, tuple) else (values,)
        name = " & ".join(f"{column}={value}" for column, value in zip(columns, values))
        points |= {f"{name}|{metric}": float(value) for metric, value in found.items()}
print(json.dumps(points))
"""


def as_matrix(rows: Rows, like: Rows) -> np.ndarray:
    """Numbers as they are, categories as codes of those of `like`; -1 where unknown."""
    columns = []
    for name, values in rows.columns.items():
        known = [value for value in like.columns[name] if value is not None]
        if isinstance(known[0], float):
            columns.append([np.nan if value is None else value for value in values])
        else:
            codes = {value: code for code, value in enumerate(sorted(set(known)))}
            columns.append([codes.get(value, -1) for value in values])
    return np.array(columns, dtype=float).T


@pytest.fixture(scope="module")
def people() -> tuple[Predictions, dict[str, list]]:
    """The official test rows of adult under boosted trees, and their groups."""
    adult = read_adult()
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1, "seed": 0}
    truth = [np.array([label == ">50K" for label in part.labels]) for part in (adult.train, adult.test)]
    data = lgb.Dataset(as_matrix(adult.train, adult.train), truth[0].astype(int))
    positive = lgb.train(settings, data, 60).predict(as_matrix(adult.test, adult.train), num_threads=1)
    predictions = Predictions(
        ("<=50K", ">50K"), truth[1].astype(np.int64), np.stack([1 - positive, positive], axis=1)
    )
    return predictions, {name: adult.test.columns[name] for name in ("sex", "race")}


def audit(predictions: Predictions, groups: dict) -> AuditResult:
    return FairnessAudit().measure(
        AuditSubject({}, seed=0, predictions=predictions, groups=groups, split="test")
    )


def find(result: AuditResult, name: str, slice_: str) -> Measurement:
    (found,) = [m for m in result.measurements if (m.name, m.slice) == (name, slice_)]
    return found


def test_adult_by_sex_and_race_agrees_with_scikit_learn(people):
    predictions, groups = people
    result = audit(predictions, groups)
    for column, values in groups.items():
        for value in sorted(set(values)):
            rows = np.array(values) == value
            truth, called = predictions.truth[rows], predictions.predicted[rows]
            tn, fp, fn, tp = confusion_matrix(truth, called).ravel()
            by_hand = {
                "selection_rate": (tp + fp, rows.sum()),
                "tpr": (tp, tp + fn),
                "fpr": (fp, fp + tn),
                "ppv": (tp, tp + fp),
            }
            for name, (hits, trials) in by_hand.items():
                found = find(result, name, f"{column}={value}")
                if trials < 30:
                    assert found.value is None
                    assert f"{trials} rows" in found.detail
                else:
                    assert (found.hits, found.trials) == (hits, trials)
            assert find(result, "accuracy", f"{column}={value}").value == pytest.approx(
                accuracy_score(truth, called)
            )


def test_adult_has_known_gaps_and_says_the_largest_with_its_interval(people):
    result = audit(*people)
    tpr, selected = (find(result, f"{name}_gap", "sex=Female") for name in ("tpr", "selection_rate"))
    print(result.summary)
    assert tpr.high < 0
    assert -0.20 < selected.low < selected.high < -0.15
    assert find(result, "accuracy_gap", "sex=Female").low > 0.08
    assert "gaps over 17 groups are more than noise" in result.summary
    assert "sex=Female" in result.summary or "sex=Male" in result.summary
    small = find(result, "tpr", "race=Other")
    assert small.value is None
    assert "shrunken toward the whole: 0." in small.detail


@pytest.mark.peer
def test_adult_agrees_with_fairlearn_in_every_group_and_intersection(people, tmp_path, peer_python):
    predictions, groups = people
    path = tmp_path / "rows.json"
    rows = {"truth": predictions.truth.tolist(), "called": predictions.predicted.tolist(), **groups}
    path.write_text(json.dumps(rows))
    asked = [str(peer_python(FAIRLEARN)), "-c", ASK_FAIRLEARN, str(path)]
    points = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    measured = [m for m in audit(predictions, groups).measurements if m.name in RATES and m.value is not None]
    assert len(measured) > 80
    for found in measured:
        assert found.value == pytest.approx(points[f"{found.slice}|{found.name}"], abs=1e-9)


@pytest.mark.parametrize(
    ("part", "rows", "accuracy", "fpr"),
    [("reference", 68_785, -0.0369, 0.0561), ("analysis", 208_892, -0.0346, 0.0532)],
)
def test_the_supplied_model_of_census_employment_has_a_gap_by_sex(shared_data, part, rows, accuracy, fpr):
    folder = shared_data / "census_employment"
    table = pl.read_parquet(folder / f"employment_MA_{part}.pq")
    if part == "analysis":
        table = table.join(pl.read_parquet(folder / "employment_MA_analysis_target.pq"), on="id")
    positive, truth = table["predicted_probability"].to_numpy(), table["employed"].to_numpy()
    predictions = Predictions(("0", "1"), truth.astype(np.int64), np.stack([1 - positive, positive], axis=1))
    np.testing.assert_array_equal(predictions.predicted, table["prediction"].to_numpy())
    result = audit(predictions, {"SEX": table["SEX"].to_list()})
    women = np.array(table["SEX"].to_list()) == "2"
    right = predictions.predicted == truth
    gap = find(result, "accuracy_gap", "SEX=2")
    assert (gap.hits, gap.trials, gap.trials + gap.rest_trials) == (right[women].sum(), women.sum(), rows)
    assert gap.value == pytest.approx(right[women].mean() - right[~women].mean())
    assert gap.value == pytest.approx(accuracy, abs=5e-5)
    assert gap.high < 0
    assert find(result, "fpr_gap", "SEX=2").value == pytest.approx(fpr, abs=5e-5)
    print(f"{part}: accuracy gap of SEX=2 {gap.value:.4f} [{gap.low:.4f}, {gap.high:.4f}], n={rows}")


@pytest.fixture(scope="module")
def hate(shared_data):
    """A model of half of hatecheck's templates, and the cases of the other half."""
    table = pl.read_csv(shared_data / "hatecheck" / "all_cases.csv")
    template = table["templ_id"].to_numpy()
    numbers = np.unique(template)
    learnt = np.isin(template, np.random.default_rng(0).permutation(numbers)[: len(numbers) // 2])
    hateful = (table["label_gold"] == "hateful").to_numpy().astype(np.int64)
    texts = table["test_case"]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=300)
    )
    model.fit(texts.filter(learnt).to_list(), hateful[learnt])
    rest = table.filter(~learnt)
    suite = FunctionalSuite(
        rows={"text": rest["test_case"].to_list()},
        expected=hateful[~learnt],
        functionality=rest["functionality"].to_list(),
        groups=rest["target_ident"].to_list(),
        templates=template[~learnt],
    )
    return (lambda columns: model.predict_proba(columns["text"])), suite


def test_hatecheck_as_a_functional_suite_shows_what_word_counts_cannot_do(hate):
    answer, suite = hate
    result = run_suite(answer, suite, ("non-hateful", "hateful"))
    rates = [m for m in result.measurements if m.slice.startswith("functionality=")]
    assert len(rates) == 29
    assert [m.value for m in rates] == sorted(m.value for m in rates)
    # A bag of words takes any speech about a group, and any negation, for what it denies.
    worst = {m.slice.removeprefix("functionality=") for m in rates[:3]}
    assert {"ident_pos_nh", "negate_neg_nh"} <= worst
    assert rates[0].high < 0.4
    right = answer(suite.rows).argmax(axis=1) == suite.expected
    for found in rates:
        cases = np.array(suite.functionality) == found.slice.removeprefix("functionality=")
        assert found.value == pytest.approx(right[cases].mean())
    print(result.summary)


def test_hatecheck_templates_get_answers_that_depend_on_the_group(hate):
    answer, suite = hate
    result = run_suite(answer, suite, ("non-hateful", "hateful"))
    whole = find(result, "counterfactual_flip_rate", "all")
    called = answer(suite.rows).argmax(axis=1)
    answers: dict[int, dict[str, set]] = {}
    for template, group, code in zip(suite.templates.tolist(), suite.groups, called.tolist(), strict=True):
        if group is not None:
            answers.setdefault(template, {}).setdefault(group, set()).add(code)
    several = [set().union(*groups.values()) for groups in answers.values() if len(groups) > 1]
    assert (whole.hits, whole.trials) == (sum(len(codes) > 1 for codes in several), len(several))
    assert whole.low > 0
    groups = {m.slice for m in result.measurements if m.name == "pass_rate_gap"}
    assert len(groups) == 7


def test_swapped_identity_words_turn_answers_about_hate_and_no_text_is_told(hate):
    answer, suite = hate
    predictions = Predictions(("non-hateful", "hateful"), suite.expected, answer(suite.rows))
    result = CounterfactualAudit().measure(
        AuditSubject(suite.rows, seed=0, spec=InputSpec(text="text"), answer=answer, predictions=predictions)
    )
    gender = find(result, "counterfactual_flip_rate", "swap=gender")
    assert gender.trials > 200
    assert gender.low > 0.05
    told = " ".join([result.summary, *(finding.what + finding.remedy for finding in result.findings)])
    assert result.findings
    assert not any(text in told for text in suite.rows["text"])
    print(result.summary)

"""Natural shifts on real data: three domains of sentiment against each other, a census over three years."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.shift import ShiftAudit
from smallcraft.evaluate.cross import LabelledRows, cross_matrix
from smallcraft.records import Predictions

pytestmark = pytest.mark.realdata

DOMAINS = {"amazon": "amazon_cells", "imdb": "imdb", "yelp": "yelp"}


def read_domain(folder, name: str) -> tuple[list[str], np.ndarray]:
    lines = (folder / f"{name}_labelled.txt").read_text(encoding="utf-8").split("\n")
    rows = [line.rsplit("\t", 1) for line in lines if "\t" in line]
    return [text for text, _ in rows], np.array([int(label) for _, label in rows])


@pytest.fixture(scope="module")
def domains(shared_data):
    """A model of one half of each domain, and the other half as its test."""
    answers, tests = {}, {}
    for name, file in DOMAINS.items():
        texts, labels = read_domain(shared_data / "uci_sentiment", file)
        order = np.random.default_rng(0).permutation(len(texts))
        learnt, kept = np.split(order, [len(texts) // 2])
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=300)
        )
        model.fit([texts[row] for row in learnt], labels[learnt])
        answers[name] = lambda columns, model=model: model.predict_proba(columns["text"])
        tests[name] = LabelledRows({"text": [texts[row] for row in kept]}, labels[kept])
    return answers, tests


def test_three_domains_of_sentiment_against_each_other(domains):
    answers, tests = domains
    matrix = cross_matrix(answers, tests, ("negative", "positive"), seed=0)
    found = {(m.slice, m.name): m for m in matrix}
    assert len(found) == len(matrix) == 9 * 5
    for model in DOMAINS:
        for test in DOMAINS:
            slice_ = f"train={model} & test={test}"
            accuracy, gap, ece, drop, drift = (
                found[slice_, name]
                for name in ("accuracy", "confidence_gap", "ece", "accuracy_drop", "confidence_gap_change")
            )
            probs = answers[model](tests[test].rows)
            by_hand = accuracy_score(tests[test].truth, probs.argmax(axis=1))
            assert accuracy.value == pytest.approx(by_hand)
            assert gap.value == pytest.approx(probs.max(axis=1).mean() - by_hand)
            assert ece.value >= abs(gap.value) - 1e-9
            print(
                f"{slice_}: accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}], "
                f"confidence gap {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}], ece {ece.value:.3f}"
            )
            if model == test:
                assert (drop.value, drift.value) == (None, None)
            else:
                own = found[f"train={model} & test={model}", "accuracy"]
                assert drop.value == pytest.approx(own.value - accuracy.value)
                # Away from home a model is less right and more sure of itself than it should be.
                assert drift.value > 0
    assert found["train=amazon & test=imdb", "accuracy_drop"].low > 0.05
    assert found["train=imdb & test=amazon", "accuracy_drop"].low > 0
    assert found["train=amazon & test=imdb", "confidence_gap_change"].low > 0.03


def test_the_census_model_is_as_good_in_2018_as_in_2016(shared_data):
    folder = shared_data / "census_employment"
    table = pl.read_parquet(folder / "employment_MA_analysis.pq")
    table = table.join(pl.read_parquet(folder / "employment_MA_analysis_target.pq"), on="id")
    positive, truth = table["predicted_probability"].to_numpy(), table["employed"].to_numpy().astype(np.int64)
    predictions = Predictions(("0", "1"), truth, np.stack([1 - positive, positive], axis=1))
    times = {"time": table["year"].to_numpy().astype(float)}
    result = ShiftAudit().measure(AuditSubject({}, seed=0, predictions=predictions, metadata=times))
    last = [m for m in result.measurements if m.name == "accuracy_change"][-1]
    years = np.unique(times["time"])
    assert len(years) == 3
    assert last.slice == "time=period 3 of 3"
    right = predictions.predicted == truth
    by_hand = [right[times["time"] == year].mean() for year in years]
    assert last.value == pytest.approx(by_hand[2] - by_hand[0])
    # Its age distribution jumps in 2017; its accuracy moves by less than a point.
    assert -0.01 < last.low < last.high < 0.01
    print(result.summary)

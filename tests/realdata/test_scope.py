"""Questions out of scope on clinc150: what the confidence of a linear model tells of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.scope import ScopeAudit
from smallcraft.records import Predictions

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


def test_confidence_tells_questions_out_of_scope_from_others(shared_data):
    parts = json.loads((shared_data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    train, test, outside = (list(zip(*parts[name], strict=True)) for name in ("train", "test", "oos_test"))
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=100))
    model.fit(*train)
    codes = {name: code for code, name in enumerate(model.classes_)}
    rows, beyond = {"text": list(test[0])}, {"text": list(outside[0])}
    answers = {len(columns["text"]): model.predict_proba(columns["text"]) for columns in (rows, beyond)}
    predictions = Predictions(
        tuple(model.classes_), np.array([codes[name] for name in test[1]]), answers[4500]
    )
    result = ScopeAudit().measure(
        AuditSubject(
            rows,
            seed=0,
            answer=lambda columns: answers[len(columns["text"])],
            predictions=predictions,
            out_of_scope=beyond,
        )
    )
    area, accepted = result.measurements
    print(result.summary)
    is_inside = np.repeat([True, False], [4500, 1000])
    scores = np.concatenate([answers[4500].max(axis=1), answers[1000].max(axis=1)])
    assert area.value == pytest.approx(roc_auc_score(is_inside, scores))
    fpr, tpr, _ = roc_curve(is_inside, scores, drop_intermediate=False)
    assert accepted.value == pytest.approx(fpr[np.argmax(tpr >= 0.95)])
    assert (area.n, accepted.n) == (5500, 1000)
    # Measured: 0.934 and 0.331.
    assert 0.92 < area.low < area.high < 0.95
    assert 0.28 < accepted.low < accepted.high < 0.39

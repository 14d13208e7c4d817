"""Laws of the counterfactual audit."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.inputs import InputSpec
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.counterfactual import CounterfactualAudit
from smallcraft.records import AuditResult, Measurement, Predictions

TEXTS = (
    *["he wants a loan", "the man asks for a loan", "a Muslim asks for a loan", "no person at all"],
    *["she wants a card", "a german asks for a card", "he and a christian want a loan"],
)


def biased(columns):
    """Denies whatever speaks of women."""
    words = [set(str(text).lower().split()) for text in columns["text"]]
    denied = np.array([bool(row & {"she", "woman", "her"}) for row in words], dtype=float)
    return np.stack([0.9 - 0.8 * denied, 0.1 + 0.8 * denied], axis=1)


def blind(columns):
    """Looks at the length of the first letter's code only."""
    return np.tile([0.7, 0.3], (len(columns["text"]), 1))


def subject(model, texts=TEXTS, **settings) -> AuditSubject:
    rows = {"text": list(texts)}
    predictions = Predictions(("grant", "deny"), np.zeros(len(texts), dtype=np.int64), model(rows))
    given = {"spec": InputSpec(text="text"), "answer": model, "predictions": predictions} | settings
    return AuditSubject(rows, seed=0, **given)


def find(result: AuditResult, slice_: str) -> Measurement:
    (found,) = [m for m in result.measurements if m.slice == slice_]
    return found


def test_rows_that_a_swap_turns_are_counted_and_named():
    result = CounterfactualAudit().measure(subject(biased))
    gender, religion = find(result, "swap=gender"), find(result, "swap=religion")
    assert (gender.hits, gender.trials, gender.value) == (4, 4, 1.0)
    assert (religion.hits, religion.trials) == (0, 2)
    assert {finding.row for finding in result.findings} == {0, 1, 4, 6}
    assert {finding.kind for finding in result.findings} == {"gender"}


def test_the_whole_is_the_rows_with_any_such_word_each_once():
    whole = find(CounterfactualAudit().measure(subject(biased)), "all")
    assert (whole.hits, whole.trials) == (4, 6)


def test_a_model_that_does_not_read_them_never_flips():
    result = CounterfactualAudit().measure(subject(blind))
    assert all(m.value in (0.0, None) for m in result.measurements)
    assert result.findings == ()


def test_a_family_without_a_row_is_unmeasured():
    found = find(CounterfactualAudit().measure(subject(biased)), "swap=disability")
    assert found.value is None
    assert "no row has a word of this kind" in found.detail


def test_no_text_is_repeated():
    result = CounterfactualAudit().measure(subject(biased))
    told = " ".join([result.summary, *(f.what + f.remedy for f in result.findings)])
    assert not any(text in told for text in TEXTS)


def test_every_counterpart_is_tried():
    def dislikes_hindus(columns):
        is_hindu = np.array(["hindu" in str(text).lower() for text in columns["text"]], dtype=float)
        return np.stack([1 - is_hindu, is_hindu], axis=1)

    found = find(CounterfactualAudit().measure(subject(dislikes_hindus)), "swap=religion")
    assert found.value == 1.0


def test_rows_are_drawn_where_there_are_more_than_may_be_asked():
    asked = []

    def counting(columns):
        asked.append(len(columns["text"]))
        return blind(columns)

    many = subject(counting, ["he is here"] * 500, most_rows=100)
    asked.clear()
    found = find(CounterfactualAudit().measure(many), "swap=gender")
    assert (found.n, sum(asked)) == (100, 100)
    assert "100 of 500 rows with such a word, drawn" in found.method


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"spec": InputSpec(numbers=("age",))}, "no text column"),
        ({"answer": None}, "a model to ask again"),
        ({"predictions": None}, "a model to ask again"),
    ],
)
def test_what_cannot_be_measured_says_what_would_bring_it(settings, reason):
    result = CounterfactualAudit().measure(subject(biased, **settings))
    assert [m.value for m in result.measurements] == [None]
    assert reason in result.summary

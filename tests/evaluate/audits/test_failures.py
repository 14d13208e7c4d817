"""A planted failure is found and named; errors that depend on nothing are left alone."""

from __future__ import annotations

import numpy as np
from tests.evaluate.subjects import CLASSES, predictions, subject_of

from smallcraft.evaluate.audits.failures import FailuresAudit
from smallcraft.records import AuditResult

SEED = 9
_FILL = ("please", "my", "the", "today", "again", "still", "help", "with", "about", "new", "old", "card")


def written(n: int, rng: np.random.Generator) -> list[str]:
    return [" ".join(rng.choice(_FILL, rng.integers(2, 12))) for _ in range(n)]


def audited(rng: np.random.Generator, *, n: int = 600, planted: float = 0.1, **more) -> AuditResult:
    """Rows with the word 'refund' are wrong with chance `planted`, others one time in ten."""
    texts, truth = written(n, rng), rng.integers(4, size=n)
    has_word = rng.random(n) < 0.15
    texts = [f"{text} Refund" if has else text for text, has in zip(texts, has_word, strict=True)]
    wrong = rng.random(n) < np.where(has_word, planted, 0.1)
    answered = np.where(wrong, (truth + 1) % 4, truth)
    groups = {"sex": rng.choice(["Female", "Male"], n).tolist()}
    return FailuresAudit().measure(
        subject_of({"message": texts}, predictions(truth, answered), groups=groups, **more)
    )


def test_rows_with_a_word_that_are_wrong_half_the_time_are_found_and_named():
    result = audited(np.random.default_rng(SEED), planted=0.5)
    rates = {m.slice: m for m in result.measurements}
    assert {m.name for m in result.measurements} == {"error_rate"}
    assert "word=refund" in rates
    found = rates["word=refund"]
    assert 0.3 < found.value < 0.7
    assert found.value == found.hits / found.trials
    assert found.low > rates["all"].value
    assert found.level >= 0.95
    assert "Benjamini-Hochberg" in found.detail
    examples = [finding for finding in result.findings if finding.kind == "word=refund"]
    assert len(examples) == 3
    assert all("with the word 'refund'" in finding.what for finding in examples)
    assert "word=refund" in result.summary


def test_examples_are_wrong_rows_of_the_slice():
    rng = np.random.default_rng(SEED)
    texts, truth = [f"{'refund' if place % 5 == 0 else 'other'} x{place}" for place in range(600)], None
    truth = rng.integers(4, size=600)
    wrong = rng.random(600) < np.where(np.arange(600) % 5 == 0, 0.6, 0.05)
    given = predictions(truth, np.where(wrong, (truth + 1) % 4, truth))
    result = FailuresAudit().measure(subject_of({"message": texts}, given))
    rows = [finding.row for finding in result.findings if "refund" in finding.kind]
    assert rows
    assert all(row % 5 == 0 and wrong[row] for row in rows)


def test_errors_that_depend_on_nothing_confirm_a_slice_in_at_most_5_percent_of_runs():
    runs = 100
    rng = np.random.default_rng(SEED)
    false = sum(len(audited(rng, n=500).measurements) > 1 for _ in range(runs))
    print(f"seed {SEED}: a slice in {false} of {runs} null runs")
    assert false / runs <= 0.05


def test_the_overall_rate_is_that_of_all_rows_with_exact_bounds():
    result = audited(np.random.default_rng(SEED))
    overall = result.measurements[0]
    assert (overall.slice, overall.n, overall.trials) == ("all", 600, 600)
    assert overall.low < overall.value < overall.high


def test_mix_ups_are_told_with_counts_shares_and_rows():
    truth = np.array([0] * 30 + [1] * 30)
    answered = np.array([1] * 8 + [0] * 22 + [1] * 30)
    result = FailuresAudit().measure(subject_of({"message": ["x y"] * 60}, predictions(truth, answered)))
    findings = [finding for finding in result.findings if finding.kind == "confusion"]
    assert len(findings) == 3
    assert findings[0].what.startswith("'a' answered as 'b' in 8 rows: 100% of all errors, 27% of the class")
    assert {finding.row for finding in findings} <= set(range(8))
    assert findings[0].suggested == "b"
    assert "most frequent mix-up: a answered as b (8)" in result.summary


def test_no_text_of_a_row_stands_in_a_summary_or_a_measurement():
    texts = [f"secret{place} words of person{place}" for place in range(100)]
    truth = np.arange(100) % 4
    given = predictions(truth, np.where(np.arange(100) < 30, (truth + 1) % 4, truth))
    result = FailuresAudit().measure(subject_of({"message": texts}, given))
    assert "secret" not in repr(result.summary) + repr(result.measurements)


def test_rows_whose_label_is_no_class_are_left_out():
    truth = np.where(np.arange(100) < 40, -1, 0)
    result = FailuresAudit().measure(subject_of({"message": ["x"] * 100}, predictions(truth, [0] * 100)))
    assert result.measurements[0].value == 0
    assert result.measurements[0].n == 60


def test_too_few_rows_are_said():
    few = FailuresAudit().measure(subject_of({"message": ["x"] * 39}, predictions([0] * 39, [0] * 39)))
    assert few.measurements[0].value is None
    assert "needs 40 rows with labels and answers, there are 39" in few.summary
    assert FailuresAudit().measure(subject_of({"message": []}, None)).measurements[0].value is None
    assert len(CLASSES) == 4

"""Laws of the robustness audit."""

from __future__ import annotations

import numpy as np
import pytest

from smallcraft.bundle.inputs import InputSpec
from smallcraft.errors import InvalidInputError
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.robustness import RobustnessAudit
from smallcraft.evaluate.perturbations import BUILTIN
from smallcraft.records import AuditResult, Measurement, Predictions
from smallcraft.stats.intervals import clopper_pearson_interval

TEXT = InputSpec(text="text")
WORDS = ("refund", "transfer", "balance", "closing", "holiday")


def texts(n: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size=6)) + f" number {row}" for row in range(n)]


class Lookup:
    """Knows some texts by heart, and nothing else."""

    def __init__(self, known):
        self.known, self.calls = set(known), []

    def __call__(self, columns):
        self.calls.append(len(columns["text"]))
        right = np.array([text in self.known for text in columns["text"]], dtype=float)
        return np.stack([right, 1 - right], axis=1)


def steady(columns):
    return np.tile([0.8, 0.2], (len(next(iter(columns.values()))), 1))


def subject(model, rows, spec=TEXT, wrong=0, **settings) -> AuditSubject:
    n = len(next(iter(rows.values())))
    truth = np.zeros(n, dtype=np.int64)
    truth[:wrong] = 1
    clusters = settings.pop("clusters", None)
    given = {"answer": model, "predictions": Predictions(("a", "b"), truth, model(rows), clusters)} | settings
    return AuditSubject(rows, seed=3, spec=spec, **given)


def find(result: AuditResult, name: str) -> Measurement:
    (found,) = [m for m in result.measurements if m.slice == f"perturbation={name}"]
    return found


def test_a_model_that_knows_texts_by_heart_fails_each_changed_row():
    rows = {"text": texts(60)}
    result = RobustnessAudit().measure(subject(Lookup(rows["text"]), rows))
    for found in result.measurements[:-1]:
        changed = 0 if found.value is None else int(found.detail.split(" ")[0])
        assert found.value is None or (found.hits, found.trials) == (changed, 60)
    assert find(result, "typo_swap@1").value == 1.0
    assert find(result, "worst").value == 1.0


def test_a_model_that_does_not_read_never_flips_and_has_an_exact_bound():
    rows = {"text": texts(60)}
    found = find(RobustnessAudit().measure(subject(steady, rows)), "worst")
    assert (found.value, found.hits, found.n) == (0.0, 0, 60)
    assert found.high == clopper_pearson_interval(0, 60).high


def test_only_rows_that_were_right_count():
    rows = {"text": texts(60)}
    found = find(RobustnessAudit().measure(subject(Lookup(rows["text"]), rows, wrong=25)), "typo_drop@2")
    assert (found.n, found.hits) == (35, 35)


def test_a_row_counts_as_worst_when_one_change_turns_it():
    rows = {"text": ["call 5 people now", "the word alone", "payments"]}

    def no_digits_but_five(columns):
        right = np.array([not set("1234678900") & set(str(text)) for text in columns["text"]], dtype=float)
        return np.stack([right, 1 - right], axis=1)

    result = RobustnessAudit().measure(subject(no_digits_but_five, rows))
    assert find(result, "numbers@1").hits == 1
    assert find(result, "typo_swap@3").hits == 0
    assert find(result, "worst").hits == 1
    assert [finding.row for finding in result.findings] == [0]


def test_rows_that_a_change_leaves_are_not_asked_and_each_change_is_one_call():
    rows = {"text": ["I do not know", "hello there", "hello again"]}
    model = Lookup(rows["text"])
    asked = subject(model, rows)
    model.calls.clear()
    RobustnessAudit(perturbations=("contractions", "typo_drop"), severities=(1, 3)).measure(asked)
    assert model.calls == [1, 1, 3, 3]


def test_a_change_that_no_row_can_have_is_unmeasured_and_says_so():
    rows = {"text": ["hello there", "hello again"]}
    found = find(RobustnessAudit().measure(subject(steady, rows)), "numbers@2")
    assert found.value is None
    assert "none has numbers" in found.detail


def test_the_same_seed_gives_the_same_numbers_whatever_else_is_asked():
    rows = {"text": texts(80)}
    model = Lookup([*rows["text"]])
    everything = RobustnessAudit().measure(subject(model, rows, most_rows=40))
    assert everything == RobustnessAudit().measure(subject(model, rows, most_rows=40))
    alone = RobustnessAudit(perturbations=("fillers",)).measure(subject(model, rows, most_rows=40))
    assert find(alone, "fillers@2") == find(everything, "fillers@2")


def test_the_rows_asked_stay_under_the_bounds_and_the_method_tells_the_draw():
    rows = {"text": texts(300)}
    model = Lookup(rows["text"])
    asked = subject(model, rows, most_rows=50)
    model.calls.clear()
    result = RobustnessAudit().measure(asked)
    assert find(result, "worst").n == 50
    assert "50 of 300 right rows, drawn with seed 3" in find(result, "worst").method
    model.calls.clear()
    RobustnessAudit(most_answers=390).measure(asked)
    assert max(model.calls) == 10
    assert sum(model.calls) <= 390


def test_rows_of_one_key_widen_the_interval():
    rows = {"text": texts(10) * 6}
    alone = find(RobustnessAudit().measure(subject(Lookup(texts(10)[:5]), rows)), "fillers@1")
    keyed = find(
        RobustnessAudit().measure(subject(steady, rows, clusters=np.tile(np.arange(10), 6))), "fillers@1"
    )
    assert (alone.trials, keyed.trials) == (30, 10)


def test_tables_are_upset_by_tabular_changes_only():
    rng = np.random.default_rng(1)
    rows = {"age": rng.normal(40, 10, 200).tolist(), "job": rng.choice(["x", "y"], 200).tolist()}

    def picky(columns):
        odd = [(age is None) or (job not in {"x", "y"}) for age, job in zip(*columns.values(), strict=True)]
        return np.stack([1.0 - np.array(odd), np.array(odd, dtype=float)], axis=1)

    spec = InputSpec(numbers=("age",), categories=("job",))
    result = RobustnessAudit().measure(subject(picky, rows, spec))
    names = {m.slice.removeprefix("perturbation=").split("@")[0] for m in result.measurements}
    assert names == {"jitter", "unit_scale", "missingness", "unseen_category", "worst"}
    assert find(result, "jitter@3").value == find(result, "unit_scale@3").value == 0
    assert find(result, "unseen_category@2").value == pytest.approx(0.2, abs=0.08)
    assert find(result, "missingness@3").value == pytest.approx(1 - 0.6**2, abs=0.1)


def test_a_change_of_columns_that_are_not_there_is_unmeasured():
    result = RobustnessAudit(perturbations=("jitter", "typo_swap")).measure(
        subject(steady, {"text": texts(5)})
    )
    found = find(result, "jitter")
    assert found.value is None
    assert "no column of numbers" in found.detail


def test_an_unknown_perturbation_is_refused_with_the_nearest():
    with pytest.raises(InvalidInputError, match="did you mean 'jitter'"):
        RobustnessAudit(perturbations=("jiter",)).measure(subject(steady, {"text": texts(5)}))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"answer": None}, "a model to ask again"),
        ({"predictions": None}, "a model to ask again"),
        ({"spec": InputSpec()}, "which are text, numbers and categories"),
        ({"wrong": 5}, "no row was right"),
    ],
)
def test_what_cannot_be_measured_says_what_would_bring_it(settings, reason):
    result = RobustnessAudit().measure(subject(steady, {"text": texts(5)}, **settings))
    assert [m.value for m in result.measurements] == [None]
    assert reason in result.summary


def test_no_text_is_repeated():
    rows = {"text": texts(20)}
    result = RobustnessAudit().measure(subject(Lookup(rows["text"]), rows))
    told = " ".join([result.summary, *(f.what for f in result.findings)])
    assert result.findings
    assert not any(word in told for word in WORDS)


def test_every_perturbation_for_texts_is_tried_at_every_severity():
    result = RobustnessAudit().measure(subject(steady, {"text": texts(5)}))
    for_text = [name for name, each in BUILTIN.items() if "text" in each.changes]
    assert [m.slice for m in result.measurements] == [
        *(f"perturbation={name}@{severity}" for name in for_text for severity in (1, 2, 3)),
        "perturbation=worst",
    ]

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss
from tests.pipeline.evaluated import ticket_rows, write_tickets

from smallcraft.errors import DataError, InvalidInputError, NotFoundError
from smallcraft.evaluate.harness.openers.callable import model_of_function
from smallcraft.evaluate.harness.openers.opener import OpenedModel, OpenOptions
from smallcraft.evaluate.harness.withheld import NEEDS_PROBABILITIES
from smallcraft.evaluate.scores import BUILTIN
from smallcraft.pipeline.evaluations.plan import EvaluateOptions
from smallcraft.pipeline.evaluations.rows import NamedColumns
from smallcraft.pipeline.evaluations.run import evaluate_file, evaluate_frame
from smallcraft.records import Outcome, Roles

ROLES = Roles("intent", "message", groups=("region",))


@pytest.fixture
def tickets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_tickets(tmp_path, "evaluating_models")


def evaluated(tickets, *targets, **options):
    found = evaluate_file(tickets, targets, options=EvaluateOptions(**options))
    return found if len(targets) > 1 else found.models[0]


def test_points_agree_with_scikit_learn(tickets):
    model = evaluated(tickets, "evaluating_models:unsure")
    rows = pl.read_csv(tickets)
    truth = rows["intent"].to_list()
    said = [model.predictions.classes[code] for code in model.predictions.predicted]
    assert model.find("accuracy").value == pytest.approx(accuracy_score(truth, said), abs=1e-12)
    assert model.find("macro_f1").value == pytest.approx(f1_score(truth, said, average="macro"), abs=1e-12)
    assert model.find("log_loss").value == pytest.approx(log_loss(truth, model.predictions.probs), abs=1e-9)
    assert {name for name in BUILTIN if model.find(name) is None} == set()


def test_probability_scores_of_a_model_of_labels_have_no_value_and_the_others_are_unchanged(tickets):
    labels = evaluated(tickets, "evaluating_models:answer")
    soft = evaluated(tickets, "evaluating_models:unsure")
    assert labels.labels_only
    assert not soft.labels_only
    for name in BUILTIN:
        measured = labels.find(name)
        assert (measured.value is None) == (name in NEEDS_PROBABILITIES), name
        if name in NEEDS_PROBABILITIES:
            assert "labels only" in measured.detail


def test_labels_that_no_row_has_are_wrong_counted_and_said(tickets):
    model = evaluated(tickets, "evaluating_models:answer")
    rows = pl.read_csv(tickets)
    unseen = rows["message"].str.contains("thing").sum()
    assert model.unknown == {"other": unseen}
    assert model.find("accuracy").value == pytest.approx(1 - unseen / rows.height)
    assert any(f"{unseen} of 240 answers are labels that no row has: 'other'" in note for note in model.notes)


def test_classes_groups_and_cost_are_measured(tickets):
    model = evaluated(tickets, "evaluating_models:unsure", batch=50)
    assert {m.slice for m in model.slices} >= {
        "class=billing",
        "class=parcel",
        "region=north",
        "region=south",
    }
    assert all(found.split is None for found in model.measurements)
    cost = model.find("cpu_s_per_1000")
    assert cost.value is not None
    assert cost.n == 190


def test_rows_of_one_key_make_intervals_wider_or_equal(tickets):
    alone = evaluated(tickets, "evaluating_models:unsure", columns=NamedColumns("intent", "message"))
    tied = evaluated(
        tickets, "evaluating_models:unsure", columns=NamedColumns("intent", "message", key="customer")
    )
    assert "Korn-Graubard" in tied.find("accuracy").method
    assert "Korn-Graubard" not in alone.find("accuracy").method


def test_metrics_come_in_the_order_named_and_the_first_compares(tickets):
    found = evaluated(
        tickets,
        "evaluating_models:answer",
        "evaluating_models:unsure",
        metrics=("evaluating_models:half", "accuracy"),
    )
    names = [m.name for m in found.models[0].scores]
    assert names == ["evaluating_models:half", "accuracy", "cpu_s_per_1000"]
    half, whole = (found.models[0].find(name) for name in names[:2])
    assert half.value == pytest.approx(whole.value / 2)
    assert half.low < half.value < half.high
    assert found.metric == "evaluating_models:half"
    assert found.differences[0].metric == "evaluating_models:half"


def constant(label: str, name: str) -> OpenedModel:
    return model_of_function(lambda texts: [label] * len(texts), name, OpenOptions())


def by_word(name: str) -> OpenedModel:
    """Gives all of its probability to the label that a word tells, else to `parcel`."""
    words = {"invoice": "billing", "password": "login"}

    def answer(texts):
        return [
            {next((label for word, label in words.items() if word in text), "parcel"): 1.0} for text in texts
        ]

    return model_of_function(answer, name, OpenOptions())


def test_models_are_compared_with_the_one_named_and_the_tie_is_told():
    models = [constant("billing", "always"), by_word("first"), by_word("second")]
    found = evaluate_frame(
        ticket_rows(),
        models,
        ROLES,
        options=EvaluateOptions(against="always", metrics=("accuracy",), batch=40, margin=0.1),
    )
    assert [claim.model for claim in found.differences] == ["first", "second"]
    for claim in found.differences:
        assert claim.is_shown
        assert claim.against == "always"
        assert claim.value == pytest.approx(
            found.models[1].find("accuracy").value - found.models[0].find("accuracy").value
        )
    assert found.tie.tied == ("first", "second")
    assert found.tie.chosen in ("first", "second")
    assert "statistically tied" in found.tie.sentence


def test_one_models_answers_do_not_change_anothers_numbers():
    alone = evaluate_frame(ticket_rows(), [by_word("first")], ROLES).models[0]
    beside = evaluate_frame(ticket_rows(), [by_word("first"), constant("zzz", "odd")], ROLES).models[0]
    cost = "cpu_s_per_1000"
    assert [m for m in alone.measurements if m.name != cost] == [
        m for m in beside.measurements if m.name != cost
    ]


def test_which_is_cheapest_is_not_said_where_a_cost_is_not_known(tickets):
    rows = pl.read_csv(tickets)
    rows.select("id", prediction=pl.col("intent")).sample(fraction=1, shuffle=True, seed=1).write_csv(
        "said.csv"
    )
    rows.select(label=pl.col("intent")).write_csv("other.csv")
    found = evaluated(tickets, "said.csv", "other.csv", metrics=("accuracy",), margin=0.1)
    assert found.tie.chosen is None
    assert "cannot be said" in found.tie.sentence
    assert [model.find("accuracy").value for model in found.models] == [1.0, 1.0]
    assert "rows joined by 'id'" in found.models[0].notes
    assert found.models[0].find("cpu_s_per_1000").value is None


def test_gates_are_judged_over_every_slice_they_name(tickets, tmp_path):
    gates = tmp_path / "gates.toml"
    gates.write_text(
        '[gates.good]\nrule = "at_least"\nmeasurement = "accuracy"\nlimit = 0.5\n'
        '[gates.regions]\nrule = "at_least"\nmeasurement = "accuracy"\nslice = "region=*"\nlimit = 0.99\n'
        '[gates.sharp]\nrule = "at_most"\nmeasurement = "brier"\nlimit = 1.9\nrequired = false\n',
        encoding="utf-8",
    )
    model = evaluated(tickets, "evaluating_models:answer", gates=gates)
    said = {(v.gate, v.slice): v.outcome for v in model.verdicts}
    assert said == {
        ("good", "all"): Outcome.PASS,
        ("regions", "region=north"): Outcome.FAIL,
        ("regions", "region=south"): Outcome.FAIL,
        ("sharp", "all"): Outcome.UNDECIDED,
    }
    both = evaluated(tickets, "evaluating_models:answer", "evaluating_models:unsure", gates=gates)
    assert both.outcome is Outcome.FAIL
    assert evaluated(tickets, "evaluating_models:answer", "evaluating_models:unsure").outcome is None


def test_equal_rows_answers_and_seed_give_equal_numbers(tickets):
    first, again = (evaluated(tickets, "evaluating_models:unsure", seed=3) for _ in range(2))
    cost = "cpu_s_per_1000"
    assert [m for m in first.measurements if m.name != cost] == [
        m for m in again.measurements if m.name != cost
    ]


def test_rows_of_one_class_are_measured_as_far_as_that_goes():
    rows = ticket_rows().filter(pl.col("intent") == "billing")
    found = evaluate_frame(rows, [by_word("first"), constant("billing", "always")], ROLES)
    assert found.models[1].find("accuracy").value == 1.0
    assert found.models[0].find("auroc").value is None


@pytest.mark.parametrize(
    ("options", "error", "what"),
    [
        ({"metrics": ("acuracy",)}, InvalidInputError, "did you mean 'accuracy'"),
        ({"metrics": ("accuracy", "accuracy")}, InvalidInputError, "each metric may stand once"),
        ({"metrics": ("evaluating_models:nothing",)}, NotFoundError, "has no 'nothing'"),
        ({"against": "someone"}, InvalidInputError, "got 'someone'"),
        ({"confidence": 95.0}, InvalidInputError, "confidence"),
        ({"margin": 0.0}, InvalidInputError, "margin must be above 0"),
        ({"timeout": 0.0}, InvalidInputError, "timeout must be above 0"),
        ({"timeout": float("nan")}, InvalidInputError, "timeout must be above 0"),
        ({"batch": 0}, InvalidInputError, "a batch holds at least 1 row"),
        ({"columns": NamedColumns("intnet")}, DataError, "did you mean 'intent'"),
        (
            {"columns": NamedColumns("intent", "message", groups=("intent",))},
            InvalidInputError,
            "cannot be a group",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(tickets, options, error, what):
    with pytest.raises(error, match=what):
        evaluated(tickets, "evaluating_models:answer", **options)


def test_models_that_are_none_twice_or_the_data_are_refused(tickets):
    with pytest.raises(InvalidInputError, match="needs a model, got none"):
        evaluate_file(tickets, [])
    with pytest.raises(InvalidInputError, match="each model may stand once"):
        evaluated(tickets, "evaluating_models:answer", "evaluating_models:answer")
    with pytest.raises(InvalidInputError, match="is the data itself"):
        evaluated(tickets, str(tickets))
    with pytest.raises(InvalidInputError, match="RuntimeError: out of order, when asked about row 1"):
        evaluated(tickets, "evaluating_models:broken")


def test_no_model_ever_sees_the_truth():
    seen: list[dict] = []

    def looking(columns):
        seen.append(dict(columns))
        return ["billing"] * len(next(iter(columns.values())))

    roles = Roles("intent", "message", ("region",))
    evaluate_frame(ticket_rows(), [model_of_function(looking, "looking", OpenOptions())], roles)
    assert all(set(columns) == {"message", "region"} for columns in seen)


def test_intervals_hold_what_they_say_of_models_of_any_make():
    """Accuracy 0.8 on fresh rows: the exact 90 % interval covers it in at least 90 % of the runs."""
    dice = np.random.default_rng(8)
    print("seed 8")
    covered = 0
    for _ in range(150):
        right = dice.random(60) < 0.8
        frame = pl.DataFrame({"message": [f"{int(x)}" for x in right], "intent": ["yes", "no"] * 30})
        labels = frame["intent"].to_list()
        said = [
            label if hit else "no" if label == "yes" else "yes"
            for label, hit in zip(labels, right, strict=True)
        ]
        model = model_of_function(lambda texts, said=said: said, "toy", OpenOptions())
        options = EvaluateOptions(metrics=("accuracy",), confidence=0.9)
        found = evaluate_frame(frame, [model], Roles("intent", "message"), options=options).models[0]
        accuracy = found.find("accuracy")
        covered += accuracy.low <= 0.8 <= accuracy.high
    assert covered / 150 >= 0.9 - 2 * math.sqrt(0.09 / 150)

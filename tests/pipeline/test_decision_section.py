"""`[decision]`: what may stand there, and that a build keeps it."""

from __future__ import annotations

import polars as pl
import pytest
from tests.pipeline.builds import costs
from tests.projects import MESSAGES, message_rows, save_rows, write_messages

from smallcraft.api import load
from smallcraft.errors import ConfigError
from smallcraft.models.decisions import KINDS, DecisionPlan
from smallcraft.pipeline.answering import answer_file
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config, parse_config
from smallcraft.pipeline.stages import measure
from smallcraft.records import Outcome

DATA = '[data]\npath = "a.csv"\ntext = "message"\nlabel = "intent"\n'
FIXED = costs(p50_ms=0.1, size_mb=0.1, train_cpu_s=0.0)[:-1]


def section(text, task="multiclass"):
    return parse_config(f'{DATA}task = "{task}"\n[decision]\n{text}').decision


def test_without_the_section_every_row_gets_its_most_probable_label():
    assert parse_config(DATA).decision.plan(confidence=0.95) == DecisionPlan()
    assert parse_config(DATA).decision.gates() == ()


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ('kind = "argmax"', DecisionPlan("argmax")),
        ('kind = "abstain"\nerrors_at_most = 0.02', DecisionPlan("abstain", errors_at_most=0.02)),
        (
            'kind = "conformal"\ncoverage = 0.95\nscore = "raps"\nby_class = true',
            DecisionPlan("conformal", coverage=0.95, score="raps", by_class=True),
        ),
        (
            'kind = "hierarchical"\nerrors_at_most = 0.1\nseparator = ": "',
            DecisionPlan("hierarchical", errors_at_most=0.1, separator=": "),
        ),
        (
            'kind = "hierarchical"\nerrors_at_most = 0.1\n[decision.parents]\nlost = "cards"\nfee = "cards"',
            DecisionPlan("hierarchical", errors_at_most=0.1, parents=(("fee", "cards"), ("lost", "cards"))),
        ),
        ('kind = "value"\ncoverage = 0.8', DecisionPlan("value", coverage=0.8)),
        ('kind = "thresholds"', DecisionPlan("thresholds")),
    ],
)
def test_what_stands_there_is_what_is_fitted(text, plan):
    task = next(task for task, kinds in KINDS.items() if plan.kind in kinds)
    assert section(text, task).plan(confidence=0.95) == plan


def test_an_error_budget_is_a_gate():
    (gate,) = section('kind = "abstain"\nerrors_at_most = 0.02\nrequired = false').gates()
    assert (gate.name, gate.rule, gate.measurement, gate.split) == (
        *("error_budget", "at_most", "answered_error", "train"),
    )
    assert (gate.limit, gate.required) == (0.02, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "abstain"', "needs an error budget; add errors_at_most = 0.02"),
        ('kind = "abstain"\nerrors_at_most = 2.0', "write 0.02 for 2%"),
        ("errors_at_most = 0.02", 'errors_at_most is read by kind = "abstain" or "hierarchical", .* no kind'),
        ('kind = "abstain"\nerrors_at_most = 0.1\ncoverage = 0.9', "coverage is read by .* there is kind"),
        ('kind = "argmax"\nscore = "aps"', 'score is read by kind = "conformal"'),
        (
            'kind = "hierarchical"\nerrors_at_most = 0.1\nseparator = "/"\n[decision.parents]\na = "b"',
            "separator and parents both say",
        ),
        (
            'kind = "hierarchical"\nerrors_at_most = 0.1\n[decision.parents]\na = "b"\nb = "a"',
            "in a circle: a < b < a; leave one of them out",
        ),
        ('kind = "thresholds"', "is none for the task of .*, multiclass; write one of argmax, abstain"),
        ('kind = "oracle"', "kind"),
        ('kind = "argmax"\nthreshold = 0.5', "threshold"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(text, words):
    with pytest.raises(ConfigError, match=words):
        section(text)


def built(folder, monkeypatch, decision, *, silent):
    """A project whose every so many-th row says nothing of its label, so that it cannot be answered."""
    monkeypatch.setattr(measure, "measure_cost", lambda bundle, rows, *, seed: FIXED)
    rest = '[quality]\nfloor = 0.1\n[audits]\nrun = ["failures"]'
    more = f'[ladder]\nrungs = ["majority", "ngram"]\n{rest}\n[decision]\n{decision}'
    write_messages(folder, data=f'{MESSAGES}\ncert = "cert.csv"', more=more)
    for name, n, seed in (("rows.csv", 240, 1), ("cert.csv", 60, 9)):
        told = message_rows(n, seed=seed)
        nothing = [f"hello{seed} again{row} there" for row in range(n)]
        told["message"] = [
            nothing[row] if row % silent == 0 else text for row, text in enumerate(told["message"])
        ]
        save_rows(folder / name, told)
    return build(load_config(folder))


def test_a_build_with_an_error_budget_answers_what_it_is_sure_of(tmp_path, monkeypatch):
    result = built(tmp_path / "p", monkeypatch, 'kind = "abstain"\nerrors_at_most = 0.1', silent=7)
    (verdict,) = [found for found in result.verdicts if found.gate == "error_budget"]
    assert verdict.outcome is Outcome.PASS
    winner = next(found for found in result.candidates if found.rung == "ngram")
    share, error = winner.find("answered_share", split="dev"), winner.find("answered_error", split="dev")
    assert 0.5 < share.value < 1.0
    assert error.value <= 0.15
    predictor = load(result.bundle)
    found = predictor.decide(["hello there", "invoice refund charge please"])
    assert found.labels == (None, "billing")
    assert predictor.predict(["hello there", "invoice refund charge please"]).tolist() == [None, "billing"]
    source = save_rows(tmp_path / "q.csv", {"message": ["hello there", "invoice refund charge please"]})
    answer_file(predictor.bundle, str(source), tmp_path / "a.csv", abstain_below=None)
    answers = pl.read_csv(tmp_path / "a.csv")
    assert answers["label"].to_list() == [None, "billing"]
    assert answers["abstained"].to_list() == [True, False]


def test_a_budget_that_the_rows_cannot_show_is_undecided_and_says_how_many_more_would(tmp_path, monkeypatch):
    result = built(tmp_path / "p", monkeypatch, 'kind = "abstain"\nerrors_at_most = 0.005', silent=1000)
    (verdict,) = [found for found in result.verdicts if found.gate == "error_budget"]
    assert verdict.outcome is Outcome.UNDECIDED
    assert "more labelled rows" in verdict.needs
    assert verdict.blocks
    assert result.release is None

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from tests.pipeline.stages.test_agree import CLASSES, sure
from tests.pipeline.stages.test_material import material

from smallcraft.data.checks import run_checks
from smallcraft.data.quality.answers import AuditAnswers
from smallcraft.pipeline.stages.assess import assess
from smallcraft.records import Measurement, Outcome, Roles

ROLES = Roles(label="label", text="text")


def rows(count: int, *, seed: int, wrong: tuple[int, ...] = ()) -> pl.DataFrame:
    """Messages that no two share; those at `wrong` carry the other label."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, count)
    given = truth.copy()
    given[list(wrong)] = 1 - given[list(wrong)]
    return pl.DataFrame(
        {
            "text": [
                f"message {seed} of {rng.integers(10**9)} and {rng.integers(10**9)}" for _ in range(count)
            ],
            "label": [CLASSES[code] for code in given],
            "truth": [CLASSES[code] for code in truth],
        }
    )


def judged(frame: pl.DataFrame, *, right: float = 0.95):
    """A model that knows the truth, beside the given labels."""
    found = sure(frame.with_columns(label=pl.col("truth")), right=right)
    return replace(found, truth=np.array([CLASSES.index(label) for label in frame["label"]]))


def audited(frame: pl.DataFrame, split: str, *, every: int = 2) -> AuditAnswers:
    """Every second row looked at, in one stratum."""
    at = np.arange(0, frame.height, every)
    sizes = np.zeros(7, dtype=np.int64)
    sizes[0] = frame.height
    classes = np.zeros((2, 7), dtype=np.int64)
    classes[:, 0] = [(frame["label"] == name).sum() for name in CLASSES]
    return AuditAnswers(
        split=split,
        audit="x",
        items=np.arange(len(at)),
        rows=at,
        stratum=np.zeros(len(at), dtype=np.int64),
        given=tuple(frame["label"].gather(at)),
        adjudicated=tuple(frame["truth"].gather(at)),
        is_unsure=np.zeros(len(at), dtype=np.bool_),
        classes=CLASSES,
        sizes=sizes,
        class_sizes=classes,
        asked=len(at),
    )


@pytest.fixture(scope="module")
def splits():
    wrong = (3, 40, 41)
    return {
        "train": rows(200, seed=1, wrong=wrong),
        "dev": rows(80, seed=2, wrong=(5,)),
        "cert": rows(80, seed=3, wrong=(0, 2)),
    }


@pytest.fixture(scope="module")
def whole(splits):
    return replace(
        material(splits),
        roles=ROLES,
        row_checks=run_checks(splits, ROLES),
        predictions={name: judged(frame) for name, frame in splits.items()},
    )


def found_by(assessment, name):
    return next(check for check in assessment.checks if check.check == name)


def test_every_check_is_told_as_it_is_done(whole):
    told = []
    assessment = assess(whole, tell=told.append)
    assert [check.check for check in told] == [
        "label_issues",
        "difficulty",
        "label_accuracy",
        "noise_ceiling",
    ]
    assert assessment.checks[-len(told) :] == tuple(told)
    assert [check.check for check in assessment.checks[: -len(told)]] == [c.check for c in whole.row_checks]


def test_wrong_labels_are_flagged_in_their_split(whole):
    flagged = {
        rows.split: set(rows.rows.tolist()) for rows in found_by(assess(whole), "label_issues").flagged
    }
    assert flagged == {"train": {3, 40, 41}, "dev": {5}}


def test_no_number_is_made_of_a_model_and_the_sealed_labels(whole):
    """Whatever the model says of cert, and whatever cert's labels are, nothing that is told changes."""
    other = judged(whole.frames["cert"])
    turned = replace(other, probs=other.probs[:, ::-1].copy())
    changed = replace(whole, predictions={**whole.predictions, "cert": turned})
    told, again = assess(whole), assess(changed)
    assert [check.numbers for check in told.checks] == [check.numbers for check in again.checks]
    assert [check.summary for check in told.checks] == [check.summary for check in again.checks]
    assert told.index == again.index


def test_without_an_audit_the_index_is_undetermined(whole):
    index = assess(whole).index
    assert index.value is None
    assert index.split == "cert"


def test_an_audit_of_the_sealed_rows_determines_the_index(whole, splits):
    answers = audited(splits["cert"], "cert")
    assessment = assess(replace(whole, answers=answers))
    accuracy = assessment.index.label_accuracy
    assert accuracy.value == pytest.approx(38 / 40, abs=0.01)
    assert assessment.index.value < accuracy.low
    assert assessment.index.value == pytest.approx(
        accuracy.low * (1 - assessment.index.leaked_share.high), abs=1e-9
    )


def test_the_ceiling_is_set_against_what_a_model_measured(whole, splits):
    answers = audited(splits["cert"], "cert")
    near = Measurement("accuracy", 0.95, "fraction", 80, "counted", 0.90, 0.98, split="cert")
    low = replace(near, value=0.5, low=0.4, high=0.6)
    of_near = found_by(assess(replace(whole, answers=answers, model_accuracy=near)), "noise_ceiling")
    of_low = found_by(assess(replace(whole, answers=answers, model_accuracy=low)), "noise_ceiling")
    assert (of_near.outcome, of_low.outcome) == (Outcome.UNDECIDED, Outcome.PASS)


def test_leaked_rows_are_measured_with_and_without(splits):
    leaky = {**splits, "dev": pl.concat([splits["dev"], splits["train"].head(10)])}
    base = replace(
        material(leaky),
        roles=ROLES,
        row_checks=run_checks(leaky, ROLES),
        predictions={name: judged(frame) for name, frame in leaky.items()},
    )
    leakage = found_by(assess(base), "leakage")
    told = {m.name: m for m in leakage.measurements if m.split == "dev"}
    assert told["accuracy_with_leaked"].n == 90
    assert told["accuracy_without_leaked"].n == 80


def test_one_split_of_its_own_has_nothing_to_leak_into(splits):
    frames = {"all": splits["train"]}
    base = replace(
        material(frames),
        roles=ROLES,
        row_checks=run_checks(frames, ROLES, names=["row_counts", "integrity", "duplicates"]),
        predictions={"all": judged(splits["train"])},
        answers=audited(splits["train"], "all"),
    )
    index = assess(base).index
    assert index.leaked_share.value == 0
    assert index.value == pytest.approx(index.label_accuracy.low)


def test_a_split_with_one_known_class_is_not_judged(splits):
    one = splits["dev"].with_columns(pl.lit("no").alias("label"))
    frames = {**splits, "dev": one}
    base = replace(
        material(frames),
        roles=ROLES,
        row_checks=run_checks(frames, ROLES),
        predictions={name: judged(frame) for name, frame in frames.items()},
    )
    assert set(assess(base).issues) == {"train"}


def test_rows_alone_can_be_assessed(splits):
    base = replace(material(splits), roles=ROLES, row_checks=run_checks(splits, ROLES))
    assessment = assess(base)
    assert not assessment.issues
    assert found_by(assessment, "label_accuracy").outcome is Outcome.UNDECIDED

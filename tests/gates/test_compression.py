"""The gate on compression: of the parts that were measured, and undecided where too few rows were asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smallcraft.gates.compression import COMPRESSION_GATE, CompressionLimits, compression_specs
from smallcraft.gates.policy import judge_all
from smallcraft.records import CandidateStatus, Evidence, Measurement, Outcome


def agreement(hits: int, n: int, split: str = "dev") -> Measurement:
    told = {"split": split, "level": 0.95, "hits": float(hits), "trials": float(n)}
    return Measurement("agreement_with_exact", hits / n, "fraction", n, "exact", **told)


def loss(value: float, reach: float, metric: str = "macro_f1") -> Measurement:
    name, bounds = f"{metric}_over_exact", (value - reach, value + reach)
    return Measurement(name, value, "difference", 900, "paired", *bounds, split="dev", level=0.9)


def cosine(mean: float, near: int, stage: str = "frozen") -> tuple[Measurement, ...]:
    where = {"split": "dev", "slice": f"encoder={stage}"}
    return (
        Measurement("embedding_cosine", mean, "fraction", 300, "", mean - 1e-4, mean + 1e-4, **where),
        Measurement(
            "near_embedding_share",
            near / 300,
            "fraction",
            300,
            "",
            hits=near,
            trials=300,
            level=0.95,
            **where,
        ),
    )


def judge(*found: Measurement, limits: CompressionLimits | None = None, metric: str = "macro_f1"):
    specs = compression_specs(limits or CompressionLimits(), found, metric=metric)
    return judge_all(specs, Evidence("frozen", CandidateStatus.MEASURED, "sha256:0", found))[0]


GOOD = (agreement(998, 1000), loss(0.0, 0.004), *cosine(0.996, 299))


def test_it_joins_only_where_agreement_was_asked_for():
    assert compression_specs(CompressionLimits(), [loss(0, 0.01)], metric="macro_f1") == ()
    (spec,) = compression_specs(CompressionLimits(), GOOD, metric="macro_f1")
    assert spec.name == COMPRESSION_GATE
    assert [part.name for part in spec.parts] == ["agreement_on_dev", "loss", "cosine", "near_rows"]


def test_what_keeps_all_bounds_passes():
    verdict = judge(*GOOD)
    assert verdict.outcome is Outcome.PASS
    assert not verdict.required


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ((agreement(940, 1000), *GOOD[1:]), "agreement_on_dev"),
        ((GOOD[0], loss(-0.03, 0.005), *GOOD[2:]), "loss"),
        ((*GOOD[:2], *cosine(0.98, 300)), "cosine"),
        ((*GOOD[:2], *cosine(0.996, 270)), "near_rows"),
        ((*GOOD, *cosine(0.9, 100, "tuned")), "encoder=tuned"),
    ],
)
def test_one_bad_part_is_enough_to_block(worse, said):
    verdict = judge(*worse)
    assert verdict.outcome is Outcome.FAIL
    assert said in verdict.reason
    assert verdict.blocks


def test_too_few_rows_are_undecided_and_say_how_many_would_settle_it():
    verdict = judge(agreement(99, 100), *GOOD[1:])
    assert verdict.outcome is Outcome.UNDECIDED
    assert "more" in verdict.needs
    assert not verdict.blocks
    assert judge(agreement(99, 100), *GOOD[1:], limits=CompressionLimits(required=True)).blocks


def test_agreement_that_could_not_be_measured_is_undecided_not_passed():
    lost = Measurement("agreement_with_exact", None, "fraction", 0, "", split="dev", detail="crashed: why")
    verdict = judge(lost)
    assert verdict.outcome is Outcome.UNDECIDED
    assert "crashed" in verdict.reason


def test_after_a_refit_the_bundle_that_ships_must_agree_on_cert_too():
    assert judge(*GOOD, agreement(997, 1000, "cert")).outcome is Outcome.PASS
    verdict = judge(*GOOD, agreement(900, 1000, "cert"))
    assert verdict.outcome is Outcome.FAIL
    assert "agreement_on_cert" in verdict.reason


def test_the_margin_and_the_metric_are_the_projects():
    found = (GOOD[0], loss(-0.02, 0.004, "accuracy"), *GOOD[2:])
    assert judge(*found, metric="accuracy").outcome is Outcome.FAIL
    wide = replace(CompressionLimits(), margin=0.03)
    assert judge(*found, metric="accuracy", limits=wide).outcome is Outcome.PASS

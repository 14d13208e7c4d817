"""A build sets what ends as INT8 beside its exact form: with labels on dev, without on cert, once."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import polars as pl
import pytest
from tests.projects import change_project

from smallcraft.bundle.runtime import open_bundle
from smallcraft.evaluate.audits.compression import AGREEMENT
from smallcraft.models.exact import list_rounded
from smallcraft.pipeline.build import build
from smallcraft.pipeline.config import load_config
from smallcraft.pipeline.events import SilentListener
from smallcraft.pipeline.gating import gate_project
from smallcraft.pipeline.stages import audit as audit_stage
from smallcraft.pipeline.stages import compress
from smallcraft.pipeline.stages.climb import split_of
from smallcraft.pipeline.stages.compress import compare_released, is_compressed, write_exact
from smallcraft.pipeline.stages.prepare import prepare_data
from smallcraft.pipeline.stages.train import open_workshop
from smallcraft.pipeline.workspace import Workspace
from smallcraft.records import CandidateStatus, Outcome

pytestmark = pytest.mark.usefixtures("fixed_costs")


def compression_of(result):
    return next(found for found in result.audits if found.audit == "compression")


def test_a_winner_with_int8_parts_is_audited_and_gated_without_being_asked(tiny):
    result = build(load_config(tiny))
    found = {(m.name, m.split): m for m in compression_of(result).measurements if m.slice == "all"}
    assert found[AGREEMENT, "dev"].value >= 0.98
    assert found["macro_f1_over_exact", "dev"].value is not None
    shipped = result.released.find(AGREEMENT, split="cert")
    assert shipped.value >= 0.98
    assert shipped.n == result.cert.rows
    (verdict,) = [verdict for verdict in result.verdicts if verdict.gate == "compression"]
    assert verdict.outcome in (Outcome.PASS, Outcome.UNDECIDED)
    assert not verdict.blocks
    assert not (Workspace(tiny).cache / "exact").exists()


def test_a_limit_of_the_project_blocks_a_release(tiny):
    change_project(tiny, "[ladder]", "[gates.compression]\nagreement = 0.9999\nrequired = true\n[ladder]")
    result = build(load_config(tiny))
    (verdict,) = [verdict for verdict in result.verdicts if verdict.gate == "compression"]
    assert verdict.outcome is Outcome.UNDECIDED
    assert "more" in verdict.needs
    assert result.release is None
    assert gate_project(load_config(tiny)).outcome is Outcome.UNDECIDED


def test_a_winner_that_rounds_nothing_has_neither_audit_nor_gate(tiny):
    change_project(tiny, 'rungs = ["majority", "ngram"]', 'rungs = ["majority"]')
    change_project(tiny, "[ladder]", "[budget]\nsize_mb = 30\n[ladder]")
    result = build(load_config(tiny))
    assert "compression" not in {found.audit for found in result.audits}
    assert "compression" not in {verdict.gate for verdict in result.verdicts}
    assert result.released.find(AGREEMENT, split="cert") is None


def test_the_exact_form_may_be_a_candidate_and_win(tiny):
    change_project(tiny, 'rungs = ["majority", "ngram"]', 'rungs = ["majority", "ngram:fp32"]')
    result = build(load_config(tiny))
    assert result.decision.chosen == "ngram:fp32"
    assert list_rounded(open_bundle(result.bundle).stages) == ()
    assert "compression" not in {verdict.gate for verdict in result.verdicts}


def test_a_second_build_writes_no_exact_form_again(tiny, monkeypatch):
    first = build(load_config(tiny))
    for module in (compress, audit_stage):
        monkeypatch.setattr(module, "write_exact", lambda *_: pytest.fail("written again"))
    again = build(load_config(tiny))
    assert compression_of(again) == compression_of(first)
    assert again.released == first.released


def test_an_audit_that_crashes_leaves_the_gate_undecided(tiny, monkeypatch):
    def fall_over(*_):
        raise RuntimeError("no room left")

    shutil.rmtree(Workspace(tiny).cache / "audits")
    monkeypatch.setattr(audit_stage, "write_exact", fall_over)
    result = build(load_config(tiny))
    assert compression_of(result).summary.startswith("crashed: RuntimeError: no room left")
    (verdict,) = [verdict for verdict in result.verdicts if verdict.gate == "compression"]
    assert verdict.outcome is Outcome.UNDECIDED
    assert "no room left" in verdict.reason


def test_the_labels_of_sealed_rows_are_not_read(tiny, monkeypatch):
    """The same rows under labels that are nonsense give the same agreement."""
    config = load_config(tiny)
    result = build(config)
    prepared = prepare_data(config, SilentListener())
    workshop = open_workshop(config, prepared.splits, progress=lambda *_: None)
    cert = split_of(prepared, "cert")
    nonsense = cert.frame.with_columns(pl.lit("nobody's label").alias(cert.roles.label))
    built = next(found for found in result.candidates if found.rung == "ngram")
    folder = Workspace(tiny).bundles / f"ngram-{built.candidate[7:19]}"
    attempt = replace(
        compress.fit_rung("ngram", workshop, Workspace(tiny).bundles, about={}),
        status=CandidateStatus.MEASURED,
        bundle=folder,
    )
    told = []
    for frame, ref in ((cert.frame, "sha256:1"), (nonsense, "sha256:2")):
        split = replace(cert, frame=frame, ref=replace(cert.ref, digest=ref))
        told.append(compare_released(config, workshop, attempt, split, listener=SilentListener()))
    assert told[0] == told[1]
    assert json.loads(json.dumps(told[0][0].value)) >= 0.98


def test_the_exact_form_of_an_attempt_keeps_its_decoder_and_rounds_nothing(tiny):
    config = load_config(tiny)
    prepared = prepare_data(config, SilentListener())
    workshop = open_workshop(config, prepared.splits, progress=lambda *_: None)
    attempt = compress.fit_rung("ngram", workshop, Workspace(tiny).bundles, about={})
    exact = open_bundle(write_exact(config, workshop, attempt))
    assert exact.decoder == attempt.decoder
    assert list_rounded(exact.stages) == ()
    assert is_compressed(open_bundle(attempt.bundle))
    assert not is_compressed(exact)

"""INT8 beside fp32: what rounding did is told row by row, and what it should not have done is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.models.tinybert import make_weights, write_backbone
from tests.models.toys import TEXT, rows_for, toy_rows, toy_workshop

from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.bundle.stage import Stage
from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.compression import (
    AGREEMENT,
    CompressionAudit,
    measure_agreement,
    over_exact,
)
from smallcraft.gates.compression import CompressionLimits, compression_specs
from smallcraft.gates.policy import judge_all
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.export import write_bundle
from smallcraft.models.ladder import fit_rung
from smallcraft.models.parts.encoder import make_encoder
from smallcraft.records import CandidateStatus, Evidence, Outcome, Predictions

ROWS = toy_rows(300, seed=11)


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """A backbone with a thousand times the queries and a thousandth of the keys: exact scores are equal."""
    folder = write_backbone(tmp_path_factory.mktemp("spread") / "b")
    weights = make_weights()
    for name, scale in (("query", 1000), ("key", 0.001)):
        for layer, kind in product((0, 1), ("weight", "bias")):
            weights[f"encoder.layer.{layer}.attention.self.{name}.{kind}"] *= np.float32(scale)
    save_file(weights, folder / "model.safetensors")
    return find_backbone(str(folder))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    backbone = find_backbone(str(write_backbone(tmp_path_factory.mktemp("even") / "b")))
    return toy_workshop(tmp_path_factory.mktemp("w"), TEXT, backbone=backbone, n=300)


@pytest.fixture(scope="module")
def pair(workshop):
    made = [fit_rung(name, workshop, workshop.scratch / "b", about={}) for name in ("frozen", "frozen:fp32")]
    assert all(attempt.status is CandidateStatus.MEASURED for attempt in made)
    return tuple(open_bundle(attempt.bundle) for attempt in made)


def subject_of(rounded: Bundle, exact: Bundle, **more) -> AuditSubject:
    rows = rows_for(rounded.inputs, ROWS)
    predictions = Predictions(rounded.classes, ROWS.labels, rounded.predict_proba(rows))
    return AuditSubject(
        rows=rows,
        seed=3,
        bundle=rounded.path,
        spec=rounded.spec,
        predictions=predictions,
        exact=lambda: exact.path,
        **more,
    )


def judged(found, metric="accuracy"):
    placed = tuple(replace(m, split=m.split or "dev") for m in found)
    # Sixteen random dimensions leave many rows between two classes; a real encoder's rows are held to 0.98.
    limits = CompressionLimits(agreement=0.9, margin=0.05)
    specs = compression_specs(limits, placed, metric=metric)
    (verdict,) = judge_all(specs, Evidence("frozen", CandidateStatus.MEASURED, "sha256:0", placed))
    return verdict


def with_encoder(workshop, exact: Bundle, *, per_channel: bool, backbone=None) -> Bundle:
    """The exact bundle's head over an encoder quantized another way."""
    target = workshop.scratch / f"encoder-{per_channel}-{exact.digest[7:15]}"
    write_encoder(source_of(backbone or workshop.backbone), target, per_channel=per_channel)
    files = BundleFiles(target, listed_digests(read_description(target)[0]))
    (stage,) = exact.stages
    made = (Stage(stage.name, (make_encoder(files), *stage.blocks[1:]), stage.head),)
    about = {"rung": f"frozen-{per_channel}"}
    path, _ = write_bundle(
        workshop.scratch / "b", made, exact.decoder, classes=exact.classes, spec=exact.spec, about=about
    )
    return open_bundle(path)


# --- what is measured ------------------------------------------------------------------------


def test_agreement_and_accuracy_are_those_of_the_two_bundles(pair):
    rounded = pair[0]
    rows = rows_for(rounded.inputs, ROWS)
    one, two = (bundle.predict_proba(rows).argmax(axis=1) for bundle in pair)
    found = {(m.name, m.slice): m for m in CompressionAudit().measure(subject_of(*pair)).measurements}
    same = found[AGREEMENT, "all"]
    assert (same.hits, same.trials) == (float((one == two).sum()), 300.0)
    lost = found[over_exact("accuracy"), "all"]
    assert lost.value == pytest.approx(np.mean(one == ROWS.labels) - np.mean(two == ROWS.labels))
    assert lost.low < lost.value < lost.high
    for code, name in enumerate(rounded.classes):
        part = ROWS.labels == code
        assert found[AGREEMENT, f"class={name}"].value == pytest.approx(np.mean(one[part] == two[part]))


def test_the_projects_own_metric_is_measured_beside_accuracy(pair):
    found = CompressionAudit("macro_f1").measure(subject_of(*pair)).measurements
    whole = [m.name for m in found if m.slice == "all"]
    assert whole[:3] == [AGREEMENT, over_exact("macro_f1"), over_exact("accuracy")]


def test_every_value_of_a_group_is_a_slice_of_its_own(pair):
    plan = [str(value) for value in ROWS.columns["plan"]]
    found = CompressionAudit().measure(subject_of(*pair, groups={"plan": plan})).measurements
    groups = {m.slice: m.n for m in found if m.slice.startswith("plan=") and m.name == AGREEMENT}
    assert groups == {f"plan={value}": plan.count(value) for value in sorted(set(plan))}


def test_embeddings_are_compared_by_cosine_on_a_seeded_draw(pair):
    rounded = pair[0]
    found = CompressionAudit().measure(subject_of(*pair, most_rows=40)).measurements
    cosine, least = (
        next(m for m in found if m.name == name) for name in ("embedding_cosine", "least_embedding_cosine")
    )
    assert cosine.slice == least.slice == "encoder=frozen"
    assert cosine.n == least.n == 40
    assert least.value <= cosine.low <= cosine.value <= cosine.high <= 1
    inputs = read_inputs(rows_for(rounded.inputs, ROWS), rounded.spec)
    rows = [bundle.stages[0].blocks[0].encode(inputs).values / 4 for bundle in pair]
    assert (rows[0] * rows[1]).sum(axis=1).min() <= least.value + 1e-6


def test_a_bundle_without_an_encoder_has_no_embeddings_to_compare(workshop):
    made = [fit_rung(name, workshop, workshop.scratch / "b", about={}) for name in ("ngram", "ngram:fp32")]
    found = CompressionAudit().measure(subject_of(*(open_bundle(a.bundle) for a in made))).measurements
    assert not [m for m in found if "cosine" in m.name]
    assert judged(found).outcome in (Outcome.PASS, Outcome.UNDECIDED)


def test_what_was_bought_is_told_in_bytes_and_milliseconds(pair):
    found = CompressionAudit().measure(subject_of(*pair)).measurements
    sizes = [sum(p.stat().st_size for p in b.path.rglob("*") if p.is_file()) for b in pair]
    ratio = next(m for m in found if m.name == "size_over_exact")
    assert ratio.value == pytest.approx(sizes[0] / sizes[1])
    times = {m.slice: m for m in found if m.name == "form_ms"}
    assert set(times) == {"form=int8", "form=fp32"}
    assert all(m.unit == "ms" and m.value > 0 for m in times.values())


def test_measuring_twice_gives_the_same_but_for_the_clock(pair):
    one, two = (CompressionAudit().measure(subject_of(*pair)) for _ in range(2))
    assert one.findings == two.findings
    assert one.summary == two.summary
    assert [m for m in one.measurements if m.unit != "ms"] == [m for m in two.measurements if m.unit != "ms"]


def test_without_an_exact_form_it_says_so_and_has_no_value(pair):
    found = CompressionAudit().measure(replace(subject_of(*pair), exact=None))
    assert [m.value for m in found.measurements] == [None]
    assert "nothing in it is rounded" in found.summary


def test_agreement_needs_no_labels(pair):
    rounded, exact = pair
    rows = rows_for(rounded.inputs, ROWS)
    found = measure_agreement(rounded, exact, rows, clusters=None, confidence=0.95)
    assert found.n == 300
    assert 0.9 <= found.value <= 1


# --- the gate --------------------------------------------------------------------------------


def test_quantization_by_channel_passes_and_by_tensor_is_refused(spread, tmp_path):
    """The same weights, the same head; only the number of scales differs."""
    workshop = toy_workshop(tmp_path, TEXT, backbone=spread, n=300)
    exact = open_bundle(fit_rung("frozen:fp32", workshop, tmp_path / "b", about={}).bundle)
    verdicts = {}
    for per_channel in (True, False):
        rounded = with_encoder(workshop, exact, per_channel=per_channel)
        found = CompressionAudit().measure(subject_of(rounded, exact))
        verdicts[per_channel] = (judged(found.measurements), found)
    good, bad = verdicts[True][0], verdicts[False][0]
    assert good.outcome is not Outcome.FAIL
    assert bad.outcome is Outcome.FAIL
    assert "near_rows" in bad.reason
    assert bad.blocks
    flipped = {kept: len(found.findings) for kept, (_, found) in verdicts.items()}
    assert flipped[False] > flipped[True]


def test_every_flipped_row_is_listed_with_both_answers_and_the_truth(spread, tmp_path):
    workshop = toy_workshop(tmp_path, TEXT, backbone=spread, n=300)
    exact = open_bundle(fit_rung("frozen:fp32", workshop, tmp_path / "b", about={}).bundle)
    rounded = with_encoder(workshop, exact, per_channel=False)
    result = CompressionAudit().measure(subject_of(rounded, exact))
    rows = rows_for(rounded.inputs, ROWS)
    one, two = (bundle.predict_proba(rows).argmax(axis=1) for bundle in (rounded, exact))
    flipped = np.flatnonzero(one != two)
    assert len(flipped) > 0
    assert sorted(finding.row for finding in result.findings) == flipped.tolist()
    for finding in result.findings:
        assert f"fp32 says {exact.classes[two[finding.row]]} (" in finding.what
        assert f"INT8 says {exact.classes[one[finding.row]]} (" in finding.what
        assert finding.what.endswith(f"labelled {exact.classes[ROWS.labels[finding.row]]}")
    kinds = [finding.kind for finding in result.findings]
    assert kinds == sorted(kinds, key=["turned wrong", "turned right", "wrong both ways"].index)
    assert f"({len(flipped)} flipped)" in result.summary

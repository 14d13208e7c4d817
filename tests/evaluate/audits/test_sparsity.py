"""Laws of the audit of experts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from tests.models.tinybert import write_backbone
from tests.models.toy_experts import toy_experts
from tests.models.toys import TEXT, toy_workshop

from smallcraft.evaluate.audits.audit import AuditSubject
from smallcraft.evaluate.audits.sparsity import SparsityAudit, entropy_bits
from smallcraft.models.backbone import find_backbone
from smallcraft.models.ladder import fit_rung


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experts")
    backbone = find_backbone(str(write_backbone(folder / "tiny")))
    return toy_experts(folder / "toy", backbone, n_experts=3)


@pytest.fixture(scope="module")
def found(toy):
    return SparsityAudit().measure(AuditSubject({"message": toy.workshop.texts}, seed=0, bundle=toy.path))


def measured(found, name):
    return [measurement for measurement in found.measurements if measurement.name == name]


def test_a_sparse_bundle_is_proved_sparse(found, toy):
    (foreign,) = measured(found, "foreign_operators")
    (changed,) = measured(found, "poison_changed")
    assert (foreign.value, foreign.n) == (0.0, 3)
    assert (changed.value, changed.hits, changed.trials) == (0.0, 0.0, toy.inputs.n)
    assert changed.high < 0.05
    assert f"{toy.inputs.n} of {toy.inputs.n} answers are NaN" in changed.detail


def test_the_load_is_counted_for_every_expert(found, toy):
    shares = measured(found, "expert_share")
    taken = toy.open().stages[1].blocks[0].route(toy.inputs)
    assert [share.hits for share in shares] == np.bincount(taken, minlength=3).tolist()
    assert [share.slice for share in shares] == ["expert=0", "expert=1", "expert=2"]
    assert sum(share.value for share in shares) == pytest.approx(1)
    (spread,) = measured(found, "router_entropy")
    assert spread.value == pytest.approx(entropy(np.bincount(taken), base=2))


def test_a_bundle_without_experts_is_not_measured(tmp_path):
    attempt = fit_rung("ngram", toy_workshop(tmp_path, TEXT, n=60), tmp_path / "bundles", about={})
    found = SparsityAudit().measure(AuditSubject({"message": ["my card"]}, seed=0, bundle=attempt.bundle))
    assert [(one.value, one.detail) for one in found.measurements] == [(None, "the bundle has no experts")]


@pytest.mark.parametrize("rows", [{"message": []}, None])
def test_without_rows_or_without_a_bundle_nothing_is_claimed(toy, rows):
    bundle = None if rows is None else toy.path
    found = SparsityAudit().measure(AuditSubject(rows or {"message": []}, seed=0, bundle=bundle))
    assert [one.value for one in found.measurements] == [None]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8).filter(any))
def test_entropy_agrees_with_scipy(counts):
    assert entropy_bits(np.array(counts)) == pytest.approx(entropy(counts, base=2), abs=1e-9)

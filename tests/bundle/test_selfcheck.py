"""A bundle's own test: it agrees where nothing changed, and says what differs where something did."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.models.toys import ALL_BUNDLES

from smallcraft.bundle.heads.linear import LinearHead
from smallcraft.bundle.runtime import open_bundle
from smallcraft.bundle.selfcheck import GOLDEN, SelfCheck, _is_same, golden_answers, run_selfcheck
from smallcraft.canonical import canonical_json, digest_bytes
from smallcraft.errors import BundleFormatError, IntegrityError


@pytest.fixture
def copy_of(bundles, tmp_path):
    return lambda name: shutil.copytree(bundles[name].bundle, tmp_path / name)


@pytest.mark.parametrize("name", ALL_BUNDLES)
def test_a_bundle_agrees_with_itself(bundles, name):
    check = run_selfcheck(open_bundle(bundles[name].bundle))
    assert (check.rows, check.agreeing, check.largest_difference) == (32, 32, 0.0)


@pytest.mark.parametrize("name", [name for name in ALL_BUNDLES if name != "majority"])
def test_the_made_up_rows_tell_weights_apart(bundles, name):
    """A self-check of rows that all look the same to the model would check nothing."""
    golden = open_bundle(bundles[name].bundle).files.arrays(GOLDEN)
    assert len(np.unique(golden["probs"].argmax(axis=1))) > 1
    assert len(np.unique(golden["probs"], axis=0)) > 8


def test_a_processor_that_computes_otherwise_is_seen(bundles):
    bundle = open_bundle(bundles["fast"].bundle)
    stage = bundle.stages[0]
    assert isinstance(stage.head, LinearHead)
    bias = stage.head.bias.copy()
    bias[0] += 5
    odd = replace(bundle, stages=(replace(stage, head=replace(stage.head, bias=bias)),))
    check = run_selfcheck(odd)
    assert check.agreeing < check.rows == 32
    assert check.largest_difference > 0.1


def test_an_encoder_that_computes_otherwise_is_seen_though_nobody_would_ask_it(bundles):
    """The first stage is made sure of everything; the second is checked all the same."""
    bundle = open_bundle(bundles["cascade"].bundle)
    decoder = replace(bundle.decoder, threshold=0.0)
    sure = replace(bundle, decoder=decoder)
    golden = golden_answers(bundle.stages, decoder, bundle.spec)
    assert not np.array_equal(golden["logits1"], golden["probs"])
    first, second = bundle.stages
    turned = replace(second, head=replace(second.head, bias=second.head.bias[::-1].copy() * 3))
    odd = replace(sure, stages=(first, turned))
    check = run_selfcheck(odd)
    assert check.agreeing < check.rows
    assert check.largest_difference > 0.01


def test_a_self_check_of_an_earlier_version_still_checks_the_whole(copy_of):
    root = copy_of("cascade")
    arrays = {n: a for n, a in open_bundle(root).files.arrays(GOLDEN).items() if not n.startswith("logits")}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    check = run_selfcheck(rewrite(root, buffer.getvalue()))
    assert (check.rows, check.agreeing, check.largest_difference) == (32, 32, 0.0)


def test_the_same_stages_give_the_same_rows_and_answers(bundles):
    bundle = open_bundle(bundles["mixed-cascade"].bundle)
    again = golden_answers(bundle.stages, bundle.decoder, bundle.spec)
    golden = bundle.files.arrays(GOLDEN)
    assert {name: array.tolist() for name, array in again.items()} == {
        n: a.tolist() for n, a in golden.items()
    }


def test_no_row_of_the_users_is_in_it(bundles):
    from tests.models.toys import toy_rows

    golden = open_bundle(bundles["ngram"].bundle).files.arrays(GOLDEN)
    assert not set(golden["texts"].tolist()) & set(toy_rows(150).columns["message"])


def test_a_changed_self_check_is_found(copy_of):
    root = copy_of("ngram")
    data = bytearray((root / GOLDEN).read_bytes())
    data[len(data) // 2] ^= 1
    (root / GOLDEN).write_bytes(data)
    with pytest.raises(IntegrityError, match=r"selfcheck\.npz does not match its record"):
        run_selfcheck(open_bundle(root))


def rewrite(root, data):
    """Put other bytes in the place of the self-check and record them; None takes it away."""
    description = json.loads((root / "bundle.json").read_bytes())
    if data is None:
        del description["files"][GOLDEN]
    else:
        (root / GOLDEN).write_bytes(data)
        description["files"][GOLDEN] = {"digest": digest_bytes(data), "size_bytes": len(data)}
    (root / "bundle.json").write_bytes(canonical_json(description))
    return open_bundle(root)


def test_a_bundle_without_one_is_refused(copy_of):
    with pytest.raises(
        BundleFormatError, match=r"has no selfcheck\.npz; take a bundle written by this version"
    ):
        run_selfcheck(rewrite(copy_of("ngram"), None))


@pytest.mark.parametrize(
    "change",
    [
        {"probs": None},
        {"texts": None},
        {"probs": np.empty((0, 3))},
        {"probs": np.ones((32, 2))},
        {"numbers": np.ones((31, 1))},
        {"extra": np.ones(1)},
    ],
    ids=lambda change: "-".join(change),
)
def test_one_that_does_not_fit_the_bundle_is_refused(copy_of, change):
    root = copy_of("mixed-ngram")
    arrays = dict(open_bundle(root).files.arrays(GOLDEN)) | change
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(BundleFormatError, match="must hold rows that the bundle reads and their answers"):
        run_selfcheck(rewrite(root, buffer.getvalue()))


def test_a_number_is_the_same_when_it_is_near_and_no_number_never_is():
    was = np.array([[100.0], [1.0], [-50.0], [2.0]])
    now = np.array([[104.0], [7.0], [-50.0], [np.nan]])
    assert _is_same(now, was).tolist() == [True, False, True, False]


def test_probabilities_that_are_no_numbers_are_never_the_same():
    was = np.array([[0.2, 0.8], [0.8, 0.2]])
    assert _is_same(np.array([[np.nan, np.nan], [0.7, 0.3]]), was).tolist() == [False, True]


@pytest.mark.parametrize(("agreeing", "is_fine"), [(32, True), (31, False), (0, False)])
def test_a_model_is_the_same_when_nearly_all_rows_are(agreeing, is_fine):
    assert SelfCheck(32, agreeing, 0.1).is_fine == is_fine

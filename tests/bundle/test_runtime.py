"""A bundle, opened: the answers it was made with, each row for itself, from recorded bytes only."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import ALL_BUNDLES, rows_for, some_rows, toy_rows

import smallcraft.bundle
from smallcraft.bundle.decoder import Decoder, softmax
from smallcraft.bundle.inputs import read_inputs
from smallcraft.bundle.runtime import open_bundle
from smallcraft.canonical import canonical_json, digest_file
from smallcraft.errors import BundleFormatError, IntegrityError, InvalidInputError, NotFoundError

FRESH = toy_rows(40, seed=99)
# Beside the toys: nothing to read, nothing known, other scripts, markup of the tokenizer, much too long.
ODD_TEXTS = (
    "",
    "   \t\n",
    "🙂🙂 👩‍👩‍👧",
    "x" * 300,
    "[CLS] [SEP] [PAD]",
    "кредит 卡 بطاقة",
    "\x00\u200b",
    "card " * 400,
)


@pytest.fixture(scope="module")
def opened(bundles):
    return {name: open_bundle(bundles[name].bundle) for name in ALL_BUNDLES}


@pytest.fixture
def copy_of(bundles, tmp_path):
    """A bundle of the test's own, to be damaged."""

    def copy(name: str) -> Path:
        return shutil.copytree(bundles[name].bundle, tmp_path / name)

    return copy


def odd_rows(bundle):
    columns = {name: list(values) for name, values in rows_for(bundle.inputs, FRESH).items()}
    for position, text in enumerate(ODD_TEXTS):
        if "message" in columns:
            columns["message"][position] = text
        if "amount" in columns:
            columns["amount"][position] = (None, 1e300, -1e300, 0.0, -0.0, 1e-300, 5, True)[position]
        if "plan" in columns:
            columns["plan"][position] = ("free", "never seen", None, 3.0, True, "", "paid", "trial")[position]
    return columns


@pytest.mark.parametrize("name", ALL_BUNDLES)
@settings(max_examples=8)
@given(order=st.lists(st.integers(0, 39), min_size=1, max_size=60))
def test_a_rows_answer_never_depends_on_its_neighbours(opened, name, order):
    bundle = opened[name]
    columns = odd_rows(bundle)
    alone = [bundle.predict_proba(some_rows(columns, [row]))[0] for row in sorted(set(order))]
    single = dict(zip(sorted(set(order)), alone, strict=True))
    together = bundle.predict_proba(some_rows(columns, order))
    assert np.array_equal(together, np.stack([single[row] for row in order]))


@pytest.mark.parametrize("name", ALL_BUNDLES)
def test_rows_of_probabilities_sum_to_one_whatever_the_text(opened, name):
    bundle = opened[name]
    probs = bundle.predict_proba(odd_rows(bundle))
    assert probs.shape == (40, len(bundle.classes))
    assert np.isfinite(probs).all()
    assert (probs >= 0).all()
    assert np.abs(probs.sum(axis=1) - 1).max() < 1e-12


@pytest.mark.parametrize("name", ALL_BUNDLES)
def test_no_rows_give_no_answers(opened, name):
    bundle = opened[name]
    columns = {column: [] for column in bundle.inputs}
    assert bundle.predict_proba(columns).shape == (0, len(bundle.classes))
    assert bundle.predict(columns) == []
    if bundle.inputs == ("message",):
        assert bundle.predict([]) == []


@pytest.mark.parametrize("name", ALL_BUNDLES)
def test_opening_gives_the_answers_that_the_trained_object_gave(opened, name, bundles):
    """The self-check was written by the trained stages; here the stages read back answer it."""
    bundle = opened[name]
    golden = bundle.files.arrays("selfcheck.npz")
    texts = None if bundle.spec.text is None else [str(text) for text in golden["texts"]]
    columns = {} if texts is None else {bundle.spec.text: texts}
    columns |= dict(zip(bundle.spec.numbers, golden["numbers"].T.tolist(), strict=True))
    columns |= {
        column: [value or None for value in values.tolist()]
        for column, values in zip(bundle.spec.categories, golden["categories"], strict=False)
    }
    assert np.array_equal(bundle.predict_proba(columns), golden["probs"])
    assert bundle.digest == bundles[name].digest


def test_the_digest_is_that_of_the_description(bundles):
    bundle = open_bundle(str(bundles["ngram"].bundle))
    assert bundle.digest == digest_file(bundles["ngram"].bundle / "bundle.json")
    assert bundle.path == bundles["ngram"].bundle


def test_an_opened_bundle_needs_its_directory_no_more(copy_of):
    root = copy_of("escalating")
    bundle = open_bundle(root)
    before = bundle.predict_proba(FRESH.columns)
    shutil.rmtree(root)
    assert np.array_equal(bundle.predict_proba(FRESH.columns), before)


def test_a_list_of_texts_and_a_mapping_are_the_same_rows(opened):
    bundle = opened["fast"]
    texts = FRESH.columns["message"]
    assert np.array_equal(bundle.predict_proba(texts), bundle.predict_proba({"message": texts}))
    assert bundle.predict(texts) == bundle.predict({"message": texts, "ignored": [1] * 40})


def test_the_predicted_label_is_the_most_probable_one(opened):
    bundle = opened["trees"]
    best = bundle.predict_proba(FRESH.columns).argmax(axis=1)
    assert bundle.predict(FRESH.columns) == [bundle.classes[code] for code in best]


def test_a_cascade_asks_the_second_stage_about_unsure_rows_only(opened, bundles):
    bundle, decoder = opened["escalating"], bundles["escalating"].decoder
    texts = FRESH.columns["message"]
    answers = bundle.answer(texts)
    first = replace(bundle, stages=bundle.stages[:1], decoder=replace(decoder, mix=None))
    alone = first.predict_proba(texts)
    assert np.array_equal(answers.escalated, alone.max(axis=1) < decoder.threshold)
    assert 0 < answers.escalated.sum() < len(texts)
    assert np.array_equal(answers.probs[~answers.escalated], alone[~answers.escalated])
    assert not np.array_equal(answers.probs[answers.escalated], alone[answers.escalated])


def test_a_very_long_text_is_answered(opened):
    for name in ("ngram", "escalating"):
        assert np.isfinite(opened[name].predict_proba(["lost card " * 100_000])).all()


def test_a_lone_surrogate_is_refused_with_its_row(opened):
    with pytest.raises(InvalidInputError, match=r"'message'.*lone surrogate in row 1; repair"):
        opened["fast"].predict(["fine", "broken \ud800"])


# --- damaged, incomplete, foreign ------------------------------------------------------


def files_of(root: Path) -> list[str]:
    listed = json.loads((root / "bundle.json").read_bytes())["files"]
    return sorted(path for path in listed if path != "selfcheck.npz")


@pytest.mark.parametrize("name", ["escalating", "mixed-ngram", "trees"])
@settings(max_examples=10)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_one_changed_byte_in_any_file_is_found_and_the_file_named(
    bundles, tmp_path_factory, name, place, flip
):
    root = shutil.copytree(bundles[name].bundle, tmp_path_factory.mktemp("changed") / "bundle")
    for path in files_of(root):
        data = bytearray((root / path).read_bytes())
        data[int(place * len(data))] ^= flip
        whole = (root / path).read_bytes()
        (root / path).write_bytes(data)
        with pytest.raises(IntegrityError, match=f"{path} does not match its record"):
            open_bundle(root)
        (root / path).write_bytes(whole)
    assert open_bundle(root).digest == bundles[name].digest


@pytest.mark.parametrize("name", ["escalating", "trees"])
def test_a_truncated_or_missing_file_is_found_and_the_file_named(copy_of, name):
    root = copy_of(name)
    for path in files_of(root):
        whole = (root / path).read_bytes()
        (root / path).write_bytes(whole[:-1])
        with pytest.raises(IntegrityError, match=f"{path} does not match its record"):
            open_bundle(root)
        (root / path).unlink()
        with pytest.raises(IntegrityError, match=f"{path} is listed in bundle.json but cannot be read"):
            open_bundle(root)
        (root / path).write_bytes(whole)


def test_two_files_swapped_are_found(copy_of):
    root = copy_of("escalating")
    first, second = root / "heads" / "fast.npz", root / "heads" / "frozen.npz"
    first.rename(root / "aside")
    second.rename(first)
    (root / "aside").rename(second)
    with pytest.raises(IntegrityError, match="does not match its record"):
        open_bundle(root)


def edit(root: Path, change) -> None:
    description = json.loads((root / "bundle.json").read_bytes())
    change(description)
    (root / "bundle.json").write_bytes(canonical_json(description))


@pytest.mark.parametrize("path", ["../secret.npz", "/etc/hostname", "heads/../../secret.npz"])
def test_no_path_leaves_the_directory_even_when_it_is_listed(copy_of, path):
    root = copy_of("ngram")
    target = (root / path).resolve()
    if not target.exists():
        shutil.copy(root / "ngram.npz", target)

    def change(description):
        description["stages"][0]["blocks"][0]["vocabulary"] = path
        description["files"][path] = {"digest": digest_file(target), "size_bytes": 1}

    edit(root, change)
    with pytest.raises(IntegrityError, match="do not use this model"):
        open_bundle(root)


def test_a_file_that_is_not_listed_is_not_read(copy_of):
    root = copy_of("ngram")
    shutil.copy(root / "ngram.npz", root / "other.npz")
    edit(root, lambda description: description["stages"][0]["blocks"][0].update(vocabulary="other.npz"))
    with pytest.raises(IntegrityError, match=r"other\.npz is not listed"):
        open_bundle(root)


@pytest.mark.parametrize("key", ["classes", "decoder", "inputs", "stages", "files"])
def test_a_description_without_a_part_is_refused(copy_of, key):
    root = copy_of("ngram")
    edit(root, lambda description: description.pop(key))
    with pytest.raises(BundleFormatError, match=f"incomplete.*{key}.*take the bundle from the registry"):
        open_bundle(root)


@pytest.mark.parametrize("garbage", [None, 3, "text", [], [1], {}, {"kind": 1}, [None], [[]]])
@pytest.mark.parametrize("key", ["classes", "decoder", "inputs", "stages", "files"])
def test_a_description_with_garbage_in_a_part_is_refused(copy_of, key, garbage):
    root = copy_of("mixed-cascade")
    edit(root, lambda description: description.update({key: garbage}))
    with pytest.raises((BundleFormatError, IntegrityError)):
        open_bundle(root)


def test_a_kind_of_block_or_head_of_a_later_version_is_refused(copy_of):
    root = copy_of("ngram")
    edit(root, lambda description: description["stages"][0]["head"].update(kind="forest"))
    with pytest.raises(
        BundleFormatError, match="reads the kinds linear, trees, the bundle has 'forest'; update"
    ):
        open_bundle(root)
    edit(root, lambda description: description["stages"][0]["blocks"][0].update(kind="waves"))
    with pytest.raises(BundleFormatError, match="the bundle has 'waves'"):
        open_bundle(root)


def test_stages_and_mixing_weights_must_fit(copy_of):
    root = copy_of("escalating")
    edit(root, lambda description: description["stages"].pop())
    with pytest.raises(BundleFormatError, match="one stage, or several and the weights that mix them, got 1"):
        open_bundle(root)
    root = copy_of("cascade")
    edit(root, lambda description: description["decoder"].update(mix=None))
    with pytest.raises(BundleFormatError, match="got 2 with mix None"):
        open_bundle(root)


@pytest.mark.parametrize(
    "part",
    [
        {"decision": {"kind": "thresholds", "thresholds": [0.5, 0.5]}},
        {
            "decision": {"kind": "conformal", "score": "lac", "limits": [0.5, 0.5], "coverage": 0.9}
            | {"penalty": 0, "free_ranks": 0}
        },
        {"calibration": {"kind": "vector", "weights": [1.0, 1.0], "biases": [0.0, 0.0]}},
        {"calibration": {"kind": "isotonic", "knots": [[0.0], [1.0]], "values": [[0.1], [0.1]]}},
    ],
    ids=str,
)
def test_a_decision_or_calibrator_of_other_classes_is_refused(copy_of, part):
    root = copy_of("ngram")
    edit(root, lambda description: description["decoder"].update(part))
    with pytest.raises(BundleFormatError, match=r"is incomplete .*take the bundle from the registry"):
        open_bundle(root)


def test_a_bundle_decides_as_its_decoder_says(opened, copy_of):
    bundle, texts = opened["ngram"], list(FRESH.columns["message"])
    probs = bundle.predict_proba(texts)
    usual = bundle.decide(texts)
    assert (
        list(usual.labels) == bundle.predict(texts) == [bundle.classes[code] for code in probs.argmax(axis=1)]
    )
    assert np.array_equal(usual.confidence, probs.max(axis=1))
    root, threshold = copy_of("ngram"), float(np.median(probs.max(axis=1)))
    decision = {"kind": "abstain", "threshold": threshold}
    edit(root, lambda description: description["decoder"].update(decision=decision))
    found = open_bundle(root).predict(texts)
    sure = probs.max(axis=1) >= threshold
    assert found == [label if is_sure else None for label, is_sure in zip(usual.labels, sure, strict=True)]


def test_a_cascade_of_three_stages_asks_the_others_about_the_rows_that_the_first_leaves(opened):
    cascade = opened["escalating"]
    first, second = cascade.stages
    three = replace(
        cascade,
        stages=(first, second, first),
        decoder=Decoder(scale=2.0, threshold=0.9, mix=(1.0, 1.0, 0.5)),
    )
    texts = list(FRESH.columns["message"])
    answers = three.answer(texts)
    inputs = read_inputs({"message": texts}, cascade.spec)
    logits = [stage.logits(inputs) for stage in (first, second)]
    both = softmax(1.5 * logits[0] + logits[1])
    wanted = np.where(answers.escalated[:, None], both, softmax(2.0 * logits[0]))
    assert 0 < answers.escalated.sum() < len(texts)
    assert np.allclose(answers.probs, wanted, atol=1e-6)


def test_every_logit_needs_a_class_of_its_own(copy_of):
    for classes in (["billing", "cards"], ["billing", "cards", "cards"], ["billing", "cards", 3]):
        root = copy_of("majority")
        edit(root, lambda description, classes=classes: description.update(classes=classes))
        with pytest.raises(BundleFormatError, match=r"name a class for each logit, got 2 .* for 3 logits"):
            open_bundle(root)
        shutil.rmtree(root)


def replace_file(root: Path, path: str, data: bytes) -> None:
    """Change a file and its record, as someone who rewrites the whole bundle would."""
    (root / path).write_bytes(data)
    listed = {"digest": digest_file(root / path), "size_bytes": len(data)}
    edit(root, lambda description: description["files"].update({path: listed}))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("model.onnx", "onnxruntime .* cannot open the bundle's graph"),
        ("tokenizer.json", "is no tokenizer"),
        ("fast.npz", "must hold plain arrays"),
        ("heads/frozen.npz", "must hold plain arrays"),
        ("embeddings.bin", "incomplete"),
        ("weights.bin", "cannot open the bundle's graph"),
    ],
)
def test_garbage_recorded_as_such_is_refused_in_plain_words(copy_of, path, message):
    root = copy_of("cascade")
    replace_file(root, path, b"garbage")
    with pytest.raises(BundleFormatError, match=message):
        open_bundle(root)


def test_a_path_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match=r"is not a bundle: it has no bundle\.json"):
        open_bundle(tmp_path)
    with pytest.raises(NotFoundError, match="nowhere"):
        smallcraft.bundle.open(tmp_path / "nowhere")


def test_the_runtime_loads_no_training_code(bundles):
    code = (
        "import sys, smallcraft.bundle; smallcraft.bundle.open(sys.argv[1]).predict(['lost card']);"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(bundles["cascade"].bundle)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(smallcraft.bundle.__file__).parents[2]), "OMP_NUM_THREADS": "1"},
    )
    loaded = set(run.stdout.split())
    assert {"numpy", "onnxruntime", "tokenizers"} <= loaded
    unwanted = {"sklearn", "torch", "polars", "scipy", "pydantic", "lightgbm", "onnx", "safetensors"}
    assert loaded & unwanted == set()


def test_a_bundle_that_is_not_the_one_recorded_is_refused_before_it_is_read(bundles):
    path = bundles["ngram"].bundle
    digest = open_bundle(path).digest
    assert open_bundle(path, digest=digest).digest == digest
    other = "sha256:" + "0" * 64
    with pytest.raises(
        IntegrityError, match=f"is not what was recorded: {other} was wanted, it has {digest}"
    ):
        open_bundle(path, digest=other)

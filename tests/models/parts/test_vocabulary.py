"""The n-gram block's tokenizer and vocabulary: the same in every process, and what plain counting gives."""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.models.toys import toy_rows

import smallcraft
from smallcraft.bundle.blocks.ngram import ngram_keys
from smallcraft.bundle.inputs import InputSpec, read_inputs
from smallcraft.models.parts.vocabulary import fit_ngrams, train_tokenizer

SPEC = InputSpec(text="message")
TEXTS = [*toy_rows(60).columns["message"], "Ünïcode ünïcode", "数字 数字", "a", ""]

TRAIN = """
import hashlib, json, sys
from smallcraft.models.parts.vocabulary import train_tokenizer
texts = json.load(sys.stdin)
for _ in range(3):
    print(hashlib.sha256(train_tokenizer(texts).source).hexdigest())
"""


def many_words() -> list[str]:
    """Made-up words with many pairs that are equally frequent: where a trainer's tie-breaking shows."""
    rng = np.random.default_rng(6)
    return ["".join(rng.choice(list("abcde"), rng.integers(2, 9))) + " x" for _ in range(400)] * 2


@pytest.mark.parametrize("threads", ["1", None])
def test_training_gives_the_same_tokenizer_in_every_process(threads):
    chosen = {} if threads is None else {"RAYON_NUM_THREADS": threads}
    run = subprocess.run(
        [sys.executable, "-c", TRAIN],
        input=json.dumps(many_words()),
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(smallcraft.__file__).parents[1]), "PYTHONHASHSEED": "1", **chosen},
    )
    assert run.returncode == 0, run.stderr
    here = hashlib.sha256(train_tokenizer(many_words()).source).hexdigest()
    assert run.stdout.split() == [here] * 3


def test_pieces_are_lower_case_and_frequent_words_are_whole():
    tokenizer = train_tokenizer(["Transfer my money", "TRANSFER it"] * 5)
    assert "transfer" in tokenizer.tokenizer.get_vocab()
    assert tokenizer.encode(["transfer"])[0].tolist() == tokenizer.encode(["TRANSFER"])[0].tolist()
    assert len(tokenizer.encode(["transfer"])[0]) == 1


def test_what_was_never_seen_is_unknown_and_nothing_fails():
    tokenizer = train_tokenizer(TEXTS)
    unknown = tokenizer.tokenizer.token_to_id("[UNK]")
    assert set(tokenizer.encode(["🙂"])[0].tolist()) == {unknown}
    assert tokenizer.encode([""])[0].tolist() == []


@pytest.mark.parametrize("texts", [[], [""], ["a"]])
def test_next_to_no_text_still_gives_a_tokenizer(texts):
    block = fit_ngrams(train_tokenizer(texts), [read_inputs(texts, SPEC)])
    assert block.encode(read_inputs(["a b", ""], SPEC)).offsets.tolist() == [0, 0, 0]


@settings(max_examples=20)
@given(st.lists(st.sampled_from(TEXTS), max_size=12), st.integers(0, 12))
def test_the_vocabulary_is_what_two_texts_hold_weighted_by_plain_counting(texts, cut):
    tokenizer = train_tokenizer(TEXTS)
    block = fit_ngrams(tokenizer, [read_inputs(texts[:cut], SPEC), read_inputs(texts[cut:], SPEC)])
    counts = Counter(key for text in texts for key in ngram_keys(tokenizer.encode([text])[0]).tolist())
    frequent = sorted(key for key, count in counts.items() if count >= 2)
    assert block.keys.tolist() == frequent
    wanted = [math.log((1 + len(texts)) / (1 + counts[key])) + 1 for key in frequent]
    assert np.allclose(block.weights, wanted)
    assert block.weights.dtype == np.float32

"""Fits what the n-gram block reads with: a tokenizer of the project's own, and the n-gram vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from smallcraft.bundle.blocks.ngram import NgramBlock, ngram_keys
from smallcraft.bundle.inputs import FastTokenizer, Inputs

_LARGEST_VOCABULARY = 8000
_SEEN_AT_LEAST = 2


def train_tokenizer(texts: Sequence[str]) -> FastTokenizer:
    """A byte-pair tokenizer of at most 8,000 lower-case pieces, learnt from the texts.

    (Byte pairs, not word pieces: that trainer breaks ties differently from run to run.)
    """
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=_LARGEST_VOCABULARY,
        min_frequency=_SEEN_AT_LEAST,
        special_tokens=["[UNK]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return FastTokenizer(tokenizer, tokenizer.to_str().encode("utf-8"))


def fit_ngrams(tokenizer: FastTokenizer, parts: Sequence[Inputs]) -> NgramBlock:
    """The n-grams that at least two texts hold, weighted by smoothed inverse document frequency.

    Args:
        tokenizer: Reads the texts.
        parts: The training rows.
    """
    found = [ngram_keys(tokens) for inputs in parts for tokens in inputs.tokens(tokenizer)]
    keys, counts = np.unique(np.concatenate(found or [np.empty(0, np.int64)]), return_counts=True)
    kept = counts >= _SEEN_AT_LEAST
    weights = np.log((1 + len(found)) / (1 + counts[kept])) + 1
    return NgramBlock(tokenizer, keys[kept], weights.astype(np.float32))

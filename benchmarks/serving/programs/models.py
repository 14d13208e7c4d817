"""The two models that every server has behind it: numbers to classes, and a sentence encoder.

Needs numpy, onnxruntime and tokenizers. One thread.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

Answer = dict[str, Any]


class Model(Protocol):
    """What a server asks."""

    field: str  # of a request

    def answer(self, value: Any) -> Answer:
        """To one request: label, confidence, probabilities."""

    def answer_many(self, values: Sequence[Any]) -> list[Answer]:
        """To several at once."""


class LinearModel:
    """`features` to classes: one matrix product and a softmax, in ONNX."""

    field = "features"

    def __init__(self, folder: Path) -> None:
        self._session = open_session(folder / "linear.onnx")
        self._classes = json.loads((folder / "classes.json").read_text(encoding="utf-8"))

    def answer(self, value: Any) -> Answer:
        """To one row."""
        return self.answer_many([value])[0]

    def answer_many(self, values: Sequence[Any]) -> list[Answer]:
        """To `(n, 384)` numbers."""
        rows = np.asarray(values, dtype=np.float32)
        return answers_of(self._session.run(None, {"features": rows})[0], self._classes)


class TextModel:
    """`text` to classes: tokens, MiniLM in INT8, a linear head; several texts are padded to one length."""

    field = "text"

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        bundle = folder / "text-bundle"
        self._tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(128)
        self._session = open_session(bundle / "model.onnx")
        arrays = np.load(folder / "text-head.npz")
        self._weights, self._bias, self._gain = arrays["weights"], arrays["bias"], float(arrays["gain"])
        self._classes = json.loads((folder / "classes.json").read_text(encoding="utf-8"))

    def answer(self, value: Any) -> Answer:
        """To one text."""
        return self.answer_many([value])[0]

    def answer_many(self, values: Sequence[Any]) -> list[Answer]:
        """To several texts, in one run of the encoder."""
        encoded = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(values))]
        longest = max(map(len, encoded))
        ids, mask = (np.zeros((len(encoded), longest), dtype=np.int32) for _ in range(2))
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1
        found = self._session.run(None, {"input_ids": ids, "mask": mask})[0]
        length = np.sqrt((found * found).sum(axis=1, keepdims=True))
        logits = found * (self._gain / np.maximum(length, 1e-12)) @ self._weights + self._bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return answers_of(powers / powers.sum(axis=1, keepdims=True), self._classes)


def open_model(kind: str, folder: Path) -> Model:
    """`linear` or `text`, from the folder that `benchmarks.serving.work` made."""
    return LinearModel(folder) if kind == "linear" else TextModel(folder)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """A graph on one thread that does not spin while it waits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def answers_of(probs: np.ndarray, classes: Sequence[str]) -> list[Answer]:
    """One for each row of `(n, k)` probabilities."""
    best = probs.argmax(axis=1).tolist()
    return [
        {"label": classes[code], "confidence": row[code], "probabilities": row}
        for code, row in zip(best, probs.tolist(), strict=True)
    ]

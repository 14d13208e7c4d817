"""A bundle's own test: made-up rows and the answers it gave when it was written.

Run on the device, it shows whether that processor's INT8 arithmetic agrees with the one that measured it.
The rows are made from vocabularies and random numbers, never from anybody's data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.ngram import NgramBlock
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.inputs import Inputs, InputSpec
from smallcraft.bundle.runtime import Bundle, answer_inputs
from smallcraft.bundle.stage import Stage
from smallcraft.errors import BundleFormatError

GOLDEN = "selfcheck.npz"
_ROWS = 32
_SEED = 20
_WORDS_A_ROW = (3, 16)


@dataclass(frozen=True)
class SelfCheck:
    """How a bundle's answers compare with those it was written with.

    Attributes:
        rows: Rows asked.
        agreeing: Rows with the same label.
        largest_difference: Between two probabilities.
    """

    rows: int
    agreeing: int
    largest_difference: float


def golden_answers(
    stages: tuple[Stage, ...], decoder: Decoder, spec: InputSpec
) -> Mapping[str, NDArray[Any]]:
    """Made-up rows and the answers to them, as arrays for `selfcheck.npz`."""
    rng = np.random.default_rng(_SEED)
    texts = _make_texts(stages, rng)
    numbers = rng.normal(size=(_ROWS, len(spec.numbers))) * 10.0 ** rng.integers(
        -1, 5, (_ROWS, len(spec.numbers))
    )
    categories = _make_categories(stages, len(spec.categories), rng)
    arrays = {
        "texts": np.array(texts),
        "numbers": numbers,
        "categories": np.array(categories, dtype=np.str_),
    }
    return {**arrays, "probs": answer_inputs(stages, decoder, _as_inputs(arrays, spec)).probs}


def run_selfcheck(bundle: Bundle) -> SelfCheck:
    """Ask a bundle its golden rows again.

    Raises:
        BundleFormatError: The bundle carries no self-check, or one that does not fit it.
        IntegrityError: The self-check is not the one that was recorded.
    """
    listed = bundle.description["files"]
    if GOLDEN not in listed:
        raise BundleFormatError(f"{bundle.path} has no {GOLDEN}; take a bundle written by this version")
    arrays = bundle.files.arrays(GOLDEN)
    golden, inputs = _read_golden(bundle, arrays)
    probs = answer_inputs(bundle.stages, bundle.decoder, inputs).probs
    same = int((probs.argmax(axis=1) == golden.argmax(axis=1)).sum())
    return SelfCheck(len(golden), same, float(np.abs(probs - golden).max()))


def _read_golden(bundle: Bundle, arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float64], Inputs]:
    spec, shapes = bundle.spec, {name: array.shape for name, array in arrays.items()}
    n = shapes.get("probs", (0,))[0]
    wanted = {
        "texts": (n,),
        "numbers": (n, len(spec.numbers)),
        "categories": (len(spec.categories), n) if spec.categories else (0,),
        "probs": (n, len(bundle.classes)),
    }
    if n == 0 or shapes != wanted:
        raise BundleFormatError(
            f"{bundle.path / GOLDEN} must hold rows that the bundle reads and their answers, got {shapes}; "
            "take the bundle from the registry again"
        )
    return np.asarray(arrays["probs"], np.float64), _as_inputs(arrays, spec)


def _as_inputs(arrays: Mapping[str, NDArray[Any]], spec: InputSpec) -> Inputs:
    categories = tuple([value or None for value in column.tolist()] for column in arrays["categories"])
    texts = [str(text) for text in arrays["texts"]] if spec.text else None
    return Inputs(len(arrays["numbers"]), texts, np.asarray(arrays["numbers"], np.float64), categories)


def _make_texts(stages: tuple[Stage, ...], rng: np.random.Generator) -> list[str]:
    words = sorted({word for stage in stages for block in stage.blocks for word in _vocabulary(block)})
    if not words:
        return [""] * _ROWS
    lengths = rng.integers(*_WORDS_A_ROW, size=_ROWS)
    return [" ".join(words[pick] for pick in rng.integers(len(words), size=length)) for length in lengths]


def _vocabulary(block: object) -> list[str]:
    if isinstance(block, NgramBlock | StaticBlock | EncoderBlock):
        return [word for word in block.tokenizer.tokenizer.get_vocab() if word.isalnum()]
    return []


def _make_categories(stages: tuple[Stage, ...], columns: int, rng: np.random.Generator) -> list[list[str]]:
    listed: tuple[tuple[str, ...], ...] = ((),) * columns
    for block in (block for stage in stages for block in stage.blocks):
        if isinstance(block, OnehotBlock | ColumnsBlock):
            listed = block.categories
    return [
        [values[pick] if values else "" for pick in rng.integers(max(len(values), 1), size=_ROWS)]
        for values in listed
    ]

"""A bundle's own test: made-up rows and the answers it gave when it was written.

Run on the device, it shows whether that processor's INT8 arithmetic agrees with the one that measured it:
processors without 8-bit dot products may cut sums short. Every stage is asked about every row, so that no
encoder goes unchecked because an earlier stage was sure.
Always: the rows are made from vocabularies and random numbers, never from anybody's data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.decoder import Decoder, softmax
from smallcraft.bundle.inputs import FastTokenizer, Inputs, InputSpec
from smallcraft.bundle.runtime import Bundle, answer_inputs
from smallcraft.bundle.stage import Stage
from smallcraft.errors import BundleFormatError

GOLDEN = "selfcheck.npz"
_ROWS = 32
_SEED = 20
_WORDS_A_ROW = (3, 16)
# Ranges of INT8 round a little differently on each processor; fewer rows than this is another model.
_AGREEING_SHARE = 0.97
# How far a number may be off, as a share of the largest that the bundle was written with.
_NEAR = 0.05


@dataclass(frozen=True)
class SelfCheck:
    """How a bundle's answers compare with those it was written with.

    Attributes:
        rows: Rows asked.
        agreeing: Rows with the same label, or nearly the same number, by the whole and by every stage on its
            own.
        largest_difference: Between two probabilities, of the whole or of a stage.
    """

    rows: int
    agreeing: int
    largest_difference: float

    @property
    def is_fine(self) -> bool:
        """Whether it is the same model here as where it was written."""
        return self.agreeing >= _AGREEING_SHARE * self.rows


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
    inputs = _as_inputs(arrays, spec)
    return {
        **arrays,
        **_later_logits(stages, inputs),
        "probs": answer_inputs(stages, decoder, inputs).probs,
    }


def _later_logits(stages: tuple[Stage, ...], inputs: Inputs) -> dict[str, NDArray[np.float64]]:
    """Of the stages that would be asked about some rows only, about every row."""
    return {_logits_of(place): stage.logits(inputs) for place, stage in enumerate(stages) if place}


def _logits_of(place: int) -> str:
    return f"logits{place}"


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
    compared = [(probs, golden)]
    # Bundles of earlier versions have the answers of the whole only.
    if any(name in arrays for name in map(_logits_of, range(1, len(bundle.stages)))):
        later = _later_logits(bundle.stages, inputs)
        compared += [(softmax(now), softmax(arrays[name])) for name, now in later.items()]
    same = np.all([_is_same(now, was) for now, was in compared], axis=0)
    largest = max(float(np.abs(now - was).max()) for now, was in compared)
    return SelfCheck(len(golden), int(same.sum()), largest)


def _is_same(now: NDArray[np.float64], was: NDArray[np.float64]) -> NDArray[np.bool_]:
    """`(n,)` whether two answers give a row the same label, or nearly the same number."""
    if was.shape[1] > 1:
        labels: NDArray[np.bool_] = now.argmax(axis=1) == was.argmax(axis=1)
        return labels & np.isfinite(now).all(axis=1)
    near: NDArray[np.bool_] = np.abs(now - was)[:, 0] <= _NEAR * np.abs(was).max()
    return near


def _read_golden(bundle: Bundle, arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float64], Inputs]:
    spec, shapes = bundle.spec, {name: array.shape for name, array in arrays.items()}
    n = shapes.get("probs", (0,))[0]
    wanted = {
        "texts": (n,),
        "numbers": (n, len(spec.numbers)),
        "categories": (len(spec.categories), n) if spec.categories else (0,),
        "probs": (n, len(bundle.classes)),
    }
    later = {_logits_of(place): wanted["probs"] for place in range(1, len(bundle.stages))}
    if n == 0 or shapes not in (wanted, wanted | later):
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
    tokenizer = getattr(block, "tokenizer", None)
    if not isinstance(tokenizer, FastTokenizer):
        return []
    return [word for word in tokenizer.tokenizer.get_vocab() if word.isalnum()]


def _make_categories(stages: tuple[Stage, ...], columns: int, rng: np.random.Generator) -> list[list[str]]:
    listed: tuple[tuple[str, ...], ...] = ((),) * columns
    for block in (block for stage in stages for block in stage.blocks):
        if isinstance(block, OnehotBlock | ColumnsBlock):
            listed = block.categories
    return [
        [values[pick] if values else "" for pick in rng.integers(max(len(values), 1), size=_ROWS)]
        for values in listed
    ]

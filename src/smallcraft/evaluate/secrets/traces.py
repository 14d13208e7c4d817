"""Personal data that a bundle carries to whoever gets its files: in its vocabulary, categories and labels.

A bundle's strings are looked through for the patterns of `data.personal`. A vocabulary learned from the rows
also may hold a piece that one row alone taught it: with several digits in it, it is likelier a number of
somebody than a word.
Always: what is found is told masked.
Not covered: what can be read out of weights (that is what canaries are for), and names.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.ngram import NgramBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.inputs import FastTokenizer
from smallcraft.bundle.runtime import Bundle, open_bundle
from smallcraft.data.personal import LIKELY, find_personal_data
from smallcraft.evaluate.failures.words import words_of

_LIKELY = {kind: re.compile(pattern) for kind, pattern in LIKELY.items()}
_DIGITS = 4
# `bundle.blocks.ngram` counts tokens from here; below are a text's edges.
_FIRST_TOKEN = 2
# Digests, dates and versions: hex looks like anything.
_NOT_LEARNED = frozenset({"files", "about", "format"})


@dataclass(frozen=True)
class Trace:
    """One thing found.

    Attributes:
        kind: A kind of `data.personal`, or `rare number`.
        masked: A form that does not tell it.
        row: The only train row that has it, for rare numbers.
    """

    kind: str
    masked: str
    row: int | None = None


def rows_with_personal_data(texts: Iterable[str]) -> list[int]:
    """Positions of the texts that hold personal data."""
    return [row for row, text in enumerate(texts) if next(_traces_of(text), None) is not None]


def traces_in_bundle(path: Path, texts: Sequence[str]) -> tuple[Trace, ...]:
    """What the bundle's strings give away.

    Args:
        path: The bundle's directory.
        texts: The train rows' texts; empty where there are none.

    Raises:
        BundleFormatError: The directory is no bundle.
        IntegrityError: A file is not what was recorded.
    """
    bundle = open_bundle(path)
    found = [trace for string in _learned_strings(bundle) for trace in _traces_of(string)]
    return tuple(dict.fromkeys((*found, *_rare_numbers(bundle, texts))))


def _traces_of(string: str) -> Iterator[Trace]:
    kinds = [kind for kind, pattern in _LIKELY.items() if pattern.search(string)]
    if kinds:
        yield from (Trace(value.kind, value.masked) for value in find_personal_data(string, kinds=kinds))


def _learned_strings(bundle: Bundle) -> Iterator[str]:
    """Labels, categories and n-grams: what came from the rows."""
    yield from _strings({name: part for name, part in bundle.description.items() if name not in _NOT_LEARNED})
    for block in _ngram_blocks(bundle):
        pieces = _pieces(block.tokenizer)
        for key in block.keys.tolist():
            codes = [code - _FIRST_TOKEN for code in divmod(key, 1 << 32) if code >= _FIRST_TOKEN]
            yield " ".join(pieces.get(code, "") for code in codes).replace(" ##", "")


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def _ngram_blocks(bundle: Bundle) -> list[NgramBlock]:
    return [block for stage in bundle.stages for block in stage.blocks if isinstance(block, NgramBlock)]


def _pieces(tokenizer: FastTokenizer) -> Mapping[int, str]:
    return {code: piece for piece, code in tokenizer.tokenizer.get_vocab().items()}


def _rare_numbers(bundle: Bundle, texts: Sequence[str]) -> list[Trace]:
    """Pieces of the bundle's own tokenizers with four digits or more that one text alone has."""
    given = {
        block.tokenizer.source
        for stage in bundle.stages
        for block in stage.blocks
        if isinstance(block, StaticBlock | EncoderBlock)
    }
    own = [block.tokenizer for block in _ngram_blocks(bundle) if block.tokenizer.source not in given]
    pieces = {piece for tokenizer in own for piece in _piece_texts(tokenizer) if _digits(piece) >= _DIGITS}
    if not pieces:
        return []
    holders: Counter[str] = Counter()
    last: dict[str, int] = {}
    for row, text in enumerate(texts):
        words = {word for word in words_of(text) if _digits(word) >= _DIGITS}
        for piece in {piece for word in words for piece in pieces if piece in word}:
            holders[piece] += 1
            last[piece] = row
    return [
        Trace("rare number", f"*** {piece[-2:]}", last[piece])
        for piece in sorted(pieces)
        if holders[piece] == 1
    ]


def _piece_texts(tokenizer: FastTokenizer) -> list[str]:
    """Vocabulary as the tokenizer's own file lists it, continuation marks left out."""
    vocabulary = json.loads(tokenizer.source)["model"]["vocab"]
    return [str(piece).removeprefix("##").lower() for piece in vocabulary]


def _digits(piece: str) -> int:
    return sum(character.isdigit() for character in piece)

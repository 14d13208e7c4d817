"""The rows a bundle is asked about, in the form its blocks read: texts, numbers, categories, tokens.

Always: a row's values never depend on its neighbours; each tokenizer reads each text once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError, nearest_name

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Rows = Sequence[str] | Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class InputSpec:
    """The columns a bundle reads."""

    text: str | None = None
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, text first."""
        return ((self.text,) if self.text else ()) + self.numbers + self.categories


@dataclass(frozen=True)
class Inputs:
    """`n` rows, column by column.

    Attributes:
        texts: `n` strings, None when the bundle reads no text.
        numbers: `(n, p)` float64, NaN where missing.
        categories: One list of `n` strings a column, None where missing.
    """

    n: int
    texts: list[str] | None
    numbers: NDArray[np.float64]
    categories: tuple[list[str | None], ...]
    _tokens: dict[bytes, list[NDArray[np.int32]]] = field(default_factory=dict, compare=False, repr=False)

    def tokens(self, tokenizer: TextTokenizer) -> list[NDArray[np.int32]]:
        """Token ids of every text, without special tokens."""
        if self.texts is None:
            raise InvalidInputError("this bundle has no text column, got a request for tokens; pass texts")
        # By what the tokenizer is, not by `id`: that of one thrown away may be given to the next.
        if tokenizer.source not in self._tokens:
            self._tokens[tokenizer.source] = tokenizer.encode(self.texts)
        return self._tokens[tokenizer.source]

    def take(self, rows: NDArray[np.intp]) -> Inputs:
        """Some of the rows, with the tokens already read."""
        chosen = rows.tolist()
        return Inputs(
            n=len(chosen),
            texts=None if self.texts is None else [self.texts[row] for row in chosen],
            numbers=self.numbers[rows],
            categories=tuple([column[row] for row in chosen] for column in self.categories),
            _tokens={key: [tokens[row] for row in chosen] for key, tokens in self._tokens.items()},
        )


def join_inputs(parts: Sequence[Inputs]) -> Inputs:
    """The rows of several requests, one after the other, with the tokens that all of them have read.

    Args:
        parts: At least one, of the same columns.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    # Each part's texts are there, or no part's: they are of the same columns.
    texts = None if first.texts is None else [text for part in parts for text in part.texts or ()]
    read = [key for key in first._tokens if all(key in part._tokens for part in parts)]
    return Inputs(
        n=sum(part.n for part in parts),
        texts=texts,
        numbers=np.concatenate([part.numbers for part in parts]),
        categories=tuple(
            [value for column in columns for value in column]
            for columns in zip(*(part.categories for part in parts), strict=True)
        ),
        _tokens={key: [tokens for part in parts for tokens in part._tokens[key]] for key in read},
    )


class TextTokenizer(Protocol):
    """Turns texts into token ids."""

    @property
    def source(self) -> bytes:
        """All that its answers depend on."""

    def encode(self, texts: list[str]) -> list[NDArray[np.int32]]:
        """One int32 array a text, without special tokens."""


class FastTokenizer:
    """A `tokenizer.json` with padding and truncation off: both belong to the blocks.

    (MiniLM's own file pads every text to 128 tokens, which costs seven times the work.)
    """

    def __init__(self, tokenizer: Tokenizer, source: bytes) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.tokenizer = tokenizer
        self.source = source

    def encode(self, texts: list[str]) -> list[NDArray[np.int32]]:
        """One int32 array a text, without special tokens."""
        if len(texts) == 1:
            return [np.array(self.tokenizer.encode(texts[0], add_special_tokens=False).ids, dtype=np.int32)]
        encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]


def read_inputs(rows: Rows, spec: InputSpec) -> Inputs:
    """Arrange rows as the bundle's columns.

    Args:
        rows: A list of texts (for a bundle whose only column is its text), or a mapping of column name
            to values; further columns are ignored.
        spec: The columns the bundle reads.

    Raises:
        InvalidInputError: A column is missing, lengths differ, or a value is of the wrong kind.
    """
    if isinstance(rows, str):
        raise InvalidInputError("rows must be a list of texts, got one string; write [text]")
    columns = rows if isinstance(rows, Mapping) else _only_text(rows, spec)
    for name in spec.names:
        if name not in columns:
            known = [str(column) for column in columns]
            raise InvalidInputError(
                f"column '{name}' is missing; the rows have {', '.join(map(repr, known)) or 'no columns'}"
                f"{nearest_name(name, known)}"
            )
    lengths = {name: _length(columns[name], name) for name in spec.names}
    if len(set(lengths.values())) > 1:
        raise InvalidInputError(f"all columns must have one length, got {lengths}; pass one value a row")
    n = next(iter(lengths.values()), 0)
    numbers = [_numbers(columns[name], name) for name in spec.numbers]
    return Inputs(
        n=n,
        texts=_texts(columns[spec.text], spec.text) if spec.text else None,
        numbers=np.stack(numbers, axis=1) if numbers else np.empty((n, 0)),
        categories=tuple(_categories(columns[name]) for name in spec.categories),
    )


def _only_text(rows: Sequence[str], spec: InputSpec) -> Mapping[str, Sequence[object]]:
    if spec.text is None or len(spec.names) > 1:
        raise InvalidInputError(
            f"this bundle reads the columns {', '.join(map(repr, spec.names))}, got a plain list; "
            "pass a mapping of column name to values"
        )
    return {spec.text: rows}


def _length(values: object, name: str) -> int:
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise InvalidInputError(
            f"column '{name}' must be a list with a value for each row, got {type(values).__name__}; "
            "put a single value in a list"
        )
    return len(values)


def _texts(values: Sequence[object], name: str) -> list[str]:
    texts = list(values)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidInputError(
                f"column '{name}' must hold text, got {type(text).__name__} in row {row}; "
                "convert it with str()"
            )
        if not text.isascii() and _has_lone_surrogate(text):
            raise InvalidInputError(
                f"column '{name}' must hold valid Unicode, got a lone surrogate in row {row}; "
                "repair it with text.encode('utf-8', 'replace').decode()"
            )
    return texts  # type: ignore[return-value]  # checked one by one above


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _numbers(values: Sequence[object], name: str) -> NDArray[np.float64]:
    try:
        column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"column '{name}' must hold numbers, got a value that is none ({error}); "
            "convert it, or leave it empty when unknown"
        ) from error
    if column.ndim != 1:
        raise InvalidInputError(
            f"column '{name}' must hold one number a row, got values of shape {column.shape[1:]}; "
            "make each of their parts a column"
        )
    if np.isinf(column).any():
        row = int(np.flatnonzero(np.isinf(column))[0])
        raise InvalidInputError(
            f"column '{name}' must hold finite numbers, got {column[row]} in row {row}; "
            "leave it empty when unknown"
        )
    return column


def _categories(values: Sequence[object]) -> list[str | None]:
    return [None if _is_missing(value) else category_text(value) for value in values]


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and bool(np.isnan(value)))


def category_text(value: object) -> str:
    """A category's one spelling: text as it is, True and False in lower case, 3.0 as 3."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)

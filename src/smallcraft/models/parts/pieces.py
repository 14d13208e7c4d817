"""Prunes a tokenizer, and the token table that its ids point into, to the pieces that a project's texts need.

Reads and writes `tokenizer.json` alone; what is done with fewer rows of a table belongs to who holds it.
Always: the given texts are split exactly as before, and ids keep their order; a word made of characters that
stand alone in the vocabulary is split into kept pieces, never unknown.
Covered: WordPiece, byte pairs (with prefixes, suffixes, byte fallback) and Unigram.
Not covered: vocabularies of whole words, where a word that was not seen could not be split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smallcraft.errors import InvalidInputError
from smallcraft.models.encoders import WORDS, EncoderSource

# Pieces that no text is split into by itself: placeholders, and single bytes for what has no character.
_PLACEHOLDER = re.compile(r"\[unused\d+\]|<unused\d+>")
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


@dataclass(frozen=True)
class PrunedVocabulary:
    """A smaller tokenizer.

    Attributes:
        tokenizer: Its `tokenizer.json`.
        kept: `(m,)` int64, ascending: the old id of each new one, so `table[kept]` is the new table.
    """

    tokenizer: bytes
    kept: NDArray[np.int64]


def prune_vocabulary(
    tokenizer: bytes, texts: Iterable[str], *, margin: int = 0, also: Iterable[int] = ()
) -> PrunedVocabulary:
    """Keep special tokens, single characters in each of their forms, every piece seen, and a margin.

    Args:
        tokenizer: A `tokenizer.json`.
        texts: What the new tokenizer must split as before.
        margin: How many pieces more to keep: those of the lowest ids, which trainers give to the most
            frequent pieces.
        also: Ids to keep whatever the texts hold.

    Raises:
        InvalidInputError: The margin is negative, or the tokenizer is of another kind than those above.
    """
    if margin < 0:
        raise InvalidInputError(f"margin must be 0 or more, got {margin}; 0 keeps what the texts need")
    content = json.loads(tokenizer)
    model = content["model"]
    kind = model.get("type")
    if kind not in _KINDS:
        raise InvalidInputError(
            f"a vocabulary can be pruned when it is {', '.join(sorted(_KINDS))}, got {kind!r}; "
            "keep this tokenizer whole"
        )
    added = {str(token["content"]): int(token["id"]) for token in content.get("added_tokens") or ()}
    ids = {**_ids_of(model), **added}
    wanted = {*_seen(tokenizer, texts), *added.values(), *also}
    if content.get("padding"):
        wanted.add(int(content["padding"]["pad_id"]))
    kept = _KINDS[kind](model, ids, wanted, margin)
    order = np.array(sorted(kept), dtype=np.int64)
    renumbered = {int(old): new for new, old in enumerate(order)}
    _renumber(content, renumbered)
    return PrunedVocabulary(json.dumps(content, ensure_ascii=False).encode("utf-8"), order)


def prune_source(source: EncoderSource, texts: Iterable[str], *, margin: int = 0) -> EncoderSource:
    """The encoder with the pieces that the texts need, and a margin; it embeds those texts exactly as before.

    Args:
        source: An encoder.
        texts: As in `prune_vocabulary`.
        margin: As in `prune_vocabulary`.
    """
    padding = source.config.get("pad_token_id")
    also = () if padding is None else (int(padding),)
    pruned = prune_vocabulary(source.tokenizer, texts, margin=margin, also=also)
    config = {**source.config, "vocab_size": len(pruned.kept)}
    if padding is not None:
        config["pad_token_id"] = int(np.searchsorted(pruned.kept, padding))
    weights = {**source.weights, WORDS: source.token_table[pruned.kept]}
    return replace(
        source,
        name=f"{source.name}, {len(pruned.kept)} pieces",
        weights=weights,
        config=config,
        tokenizer=pruned.tokenizer,
    )


def _ids_of(model: Mapping[str, Any]) -> dict[str, int]:
    """Piece to id; Unigram lists its pieces, each with a score, in the order of their ids."""
    if model["type"] == "Unigram":
        return {piece: place for place, (piece, _) in enumerate(model["vocab"])}
    return dict(model["vocab"])


def _seen(tokenizer: bytes, texts: Iterable[str]) -> set[int]:
    from tokenizers import Tokenizer

    reader = Tokenizer.from_buffer(tokenizer)
    reader.no_padding()
    reader.no_truncation()
    seen: set[int] = set()
    for encoding in reader.encode_batch_fast(list(texts), add_special_tokens=True):
        seen.update(encoding.ids)
    return seen


def _others(ids: Mapping[str, int], kept: set[int]) -> Iterator[str]:
    """Pieces not kept, lowest id first, without placeholders."""
    for piece in sorted(ids, key=lambda p: ids[p]):
        if ids[piece] not in kept and not _PLACEHOLDER.fullmatch(piece):
            yield piece


def _keep_wordpiece(
    model: Mapping[str, Any], ids: Mapping[str, int], seen: set[int], margin: int
) -> set[int]:
    """Longest match first: a piece that was the longest match stays it among fewer pieces."""
    prefix = model["continuing_subword_prefix"]
    singles = {piece for piece in ids if len(_core(piece, prefix)) == 1}
    kept = seen | {ids[piece] for piece in {*singles, model["unk_token"]} & ids.keys()}
    for piece in ids:
        core, inside = _core(piece, prefix), piece != _core(piece, prefix)
        forms = [prefix + c if inside or place else c for place, c in enumerate(core)]
        # A character without a piece of its own can be split off in no other way.
        if not _PLACEHOLDER.fullmatch(piece) and not singles.issuperset(forms):
            kept.add(ids[piece])
    return kept | {ids[piece] for piece in islice(_others(ids, kept), margin)}


def _keep_unigram(model: Mapping[str, Any], ids: Mapping[str, int], seen: set[int], margin: int) -> set[int]:
    """The best path stays the best among fewer; an unknown character's cost follows from the lowest score."""
    scores = [float(score) for _, score in model["vocab"]]
    kept = seen | {ids[piece] for piece in ids if len(piece) == 1 or _BYTE.fullmatch(piece)}
    kept |= {int(np.argmin(scores))} if scores else set()
    kept |= set() if model.get("unk_id") is None else {int(model["unk_id"])}
    return kept | {ids[piece] for piece in islice(_others(ids, kept), margin)}


def _keep_pairs(model: Mapping[str, Any], ids: Mapping[str, int], seen: set[int], margin: int) -> set[int]:
    """A piece seen was merged from its own substrings: all those stay, and so every merge made."""
    prefix, suffix = model.get("continuing_subword_prefix") or "", model.get("end_of_word_suffix") or ""
    pieces = {place: piece for piece, place in ids.items()}
    inner = {part for place in seen for part in _substrings(_core(pieces[place], prefix), suffix)}
    kept = seen | {ids[piece] for piece in ids if _core(piece, prefix) in inner or _BYTE.fullmatch(piece)}
    kept |= {ids[p] for p in ids if len(_core(p, prefix).removesuffix(suffix) or suffix) == 1}
    kept |= {ids[model["unk_token"]]} if model.get("unk_token") in ids else set()
    parents: dict[str, Sequence[str]] = {}
    for pair in _merges(model):
        parents.setdefault(_merged(pair, prefix), pair)
    for piece in list(islice(_others(ids, kept), margin)):
        waiting = [piece]
        while waiting:
            made = waiting.pop()
            kept.add(ids[made])
            waiting += [part for part in parents.get(made, ()) if ids[part] not in kept]
    return kept


def _core(piece: str, prefix: str) -> str:
    return piece[len(prefix) :] if prefix and piece.startswith(prefix) and piece != prefix else piece


def _substrings(core: str, suffix: str) -> Iterator[str]:
    """Every run of characters; a word-end suffix goes with its last character."""
    stem = core.removesuffix(suffix) if suffix and core != suffix else core
    tail = core[len(stem) :]
    cuts = range(len(stem) + 1)
    for start in cuts[:-1]:
        for stop in cuts[start + 1 :]:
            yield stem[start:stop] + (tail if stop == len(stem) else "")


def _merges(model: Mapping[str, Any]) -> list[Sequence[str]]:
    """Pairs of pieces; older files write a pair as one string with a space between."""
    return [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]


def _merged(pair: Sequence[str], prefix: str) -> str:
    return pair[0] + _core(pair[1], prefix)


_Keep = Callable[[Mapping[str, Any], Mapping[str, int], set[int], int], set[int]]
_KINDS: Mapping[str, _Keep] = {"WordPiece": _keep_wordpiece, "BPE": _keep_pairs, "Unigram": _keep_unigram}


def _renumber(content: dict[str, Any], new: Mapping[int, int]) -> None:
    """Every place of the file that holds an id."""
    model = content["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [entry for place, entry in enumerate(model["vocab"]) if place in new]
        model["unk_id"] = None if model.get("unk_id") is None else new[model["unk_id"]]
    else:
        vocabulary = sorted(model["vocab"].items(), key=lambda item: int(item[1]))
        model["vocab"] = {piece: new[old] for piece, old in vocabulary if old in new}
    if model["type"] == "BPE":
        prefix, kept = model.get("continuing_subword_prefix") or "", model["vocab"]
        pairs = [list(pair) for pair in _merges(model)]
        model["merges"] = [p for p in pairs if p[0] in kept and p[1] in kept and _merged(p, prefix) in kept]
    for token in content.get("added_tokens") or ():
        token["id"] = new[token["id"]]
    if content.get("padding"):
        content["padding"]["pad_id"] = new[content["padding"]["pad_id"]]
    _renumber_processor(content.get("post_processor"), new)


def _renumber_processor(processor: dict[str, Any] | None, new: Mapping[int, int]) -> None:
    """What puts special tokens around a text."""
    if processor is None:
        return
    for inner in processor.get("processors", ()):
        _renumber_processor(inner, new)
    for token in (processor.get("special_tokens") or {}).values():
        token["ids"] = [new[old] for old in token["ids"]]
    for name in ("sep", "cls"):
        if name in processor:
            processor[name] = [processor[name][0], new[processor[name][1]]]

"""A bundle for each thing that one may answer with, and for each way of reading text; none is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.models.tinybert import WORDS, write_backbone

from smallcraft.bundle.blocks.columns import ColumnsBlock
from smallcraft.bundle.blocks.encoder import EncoderBlock
from smallcraft.bundle.blocks.ngram import NgramBlock, ngram_keys
from smallcraft.bundle.blocks.onehot import OnehotBlock
from smallcraft.bundle.blocks.static import StaticBlock
from smallcraft.bundle.decoder import Decoder
from smallcraft.bundle.decoders.abstain import Abstain
from smallcraft.bundle.decoders.conformal import Conformal
from smallcraft.bundle.decoders.hierarchical import Hierarchical
from smallcraft.bundle.decoders.value import Value
from smallcraft.bundle.heads.linear import LinearHead, exact_weights, quantize_weights
from smallcraft.bundle.inputs import FastTokenizer, Inputs, InputSpec
from smallcraft.bundle.layout import BundleFiles, listed_digests, read_description
from smallcraft.bundle.stage import Stage
from smallcraft.models.backbone import find_backbone
from smallcraft.models.encoders import source_of, write_encoder
from smallcraft.models.export import write_bundle
from smallcraft.models.forms import Form
from smallcraft.models.parts.encoder import make_encoder

CLASSES = ("cards/lost", "cards/new", "loans", "other", "pay/late", "pay/now")
TEXT = InputSpec(text="message")
NUMBERS = InputSpec(numbers=("age", "amount", "days"))
MIXED = InputSpec(text="message", numbers=("amount",), categories=("plan",))


@dataclass(frozen=True)
class Parts:
    """What the bundles are put together from."""

    encoders: Mapping[Form, EncoderBlock]
    ngram: NgramBlock
    static: StaticBlock


def make_parts(folder: Path) -> Parts:
    source = source_of(find_backbone(str(write_backbone(folder / "tiny"))))
    encoders: dict[Form, EncoderBlock] = {}
    for form in ("int8", "fp32"):
        write_encoder(source, folder / form, form=form)
        encoders[form] = open_encoder(folder / form)
    tokenizer = encoders["int8"].tokenizer
    rng = np.random.default_rng(4)
    table = rng.normal(size=(tokenizer.tokenizer.get_vocab_size(), 12)).astype(np.float32)
    static = StaticBlock(tokenizer, table, table.mean(axis=0), 1.0, path="table.bin")
    return Parts(encoders, make_ngram(tokenizer, rng), static)


def open_encoder(folder: Path) -> EncoderBlock:
    """What `write_encoder` left in a folder."""
    return make_encoder(BundleFiles(folder, listed_digests(read_description(folder)[0])))


def make_ngram(tokenizer: FastTokenizer, rng: np.random.Generator) -> NgramBlock:
    texts = [" ".join(rng.choice(WORDS, 6)) for _ in range(40)]
    keys = np.unique(np.concatenate([ngram_keys(tokens) for tokens in tokenizer.encode(texts)]))
    return NgramBlock(tokenizer, keys, rng.uniform(1, 3, len(keys)).astype(np.float32))


def head_for(width: int, classes: int, *, seed: int, is_rounded: bool = False) -> LinearHead:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(width, classes))
    part = quantize_weights(weights) if is_rounded else exact_weights(weights)
    return LinearHead(rng.normal(size=classes).astype(np.float32), (part,))


def write_task_bundles(folder: Path) -> dict[str, Path]:
    """By name; `fp32` and `int8` are encoders alone, `cascade` asks one about some rows."""
    parts, k = make_parts(folder / "parts"), len(CLASSES)
    columns = ColumnsBlock(3, ())
    onehot = OnehotBlock((np.array([0.0, 1.0]),), (("free", "paid"),), 1.0)
    columns_stage = Stage("columns", (columns,), head_for(3, k, seed=1))
    words = Stage("words", (parts.ngram,), head_for(parts.ngram.width, k, seed=2, is_rounded=True))
    mixed_head = LinearHead(
        np.zeros(k, np.float32),
        (head_for(parts.static.width, k, seed=3).parts[0], head_for(onehot.width, k, seed=4).parts[0]),
    )
    encoded = {
        form: Stage(f"encoder-{form}", (block,), head_for(block.width, k, seed=5))
        for form, block in parts.encoders.items()
    }
    one = ("value",)
    made: dict[str, tuple[tuple[Stage, ...], Decoder, tuple[str, ...], InputSpec]] = {
        "numbers": ((columns_stage,), Decoder(scale=0.3), CLASSES, NUMBERS),
        "unsure": ((columns_stage,), Decoder(scale=0.1, decider=Abstain(0.4)), CLASSES, NUMBERS),
        "sets": (
            (columns_stage,),
            Decoder(scale=0.1, decider=Conformal("aps", (0.8,), 0.9)),
            CLASSES,
            NUMBERS,
        ),
        "tree": ((columns_stage,), Decoder(scale=0.1, decider=Hierarchical(0.5)), CLASSES, NUMBERS),
        "several": ((columns_stage,), Decoder(scale=0.3, link="sigmoid"), CLASSES, NUMBERS),
        "amount": (
            (Stage("amount", (columns,), head_for(3, 1, seed=6)),),
            Decoder(scale=1.0, link="identity", decider=Value(0.5, 0.9)),
            one,
            NUMBERS,
        ),
        "words": ((words,), Decoder(scale=0.5), CLASSES, TEXT),
        "mixed": (
            (Stage("mixed", (parts.static, onehot), mixed_head),),
            Decoder(scale=0.5),
            CLASSES,
            MIXED,
        ),
        "int8": ((encoded["int8"],), Decoder(scale=0.2), CLASSES, TEXT),
        "fp32": ((encoded["fp32"],), Decoder(scale=0.2), CLASSES, TEXT),
        "cascade": (
            (words, encoded["fp32"]),
            Decoder(scale=0.5, threshold=0.4, mix=(0.3, 0.2)),
            CLASSES,
            TEXT,
        ),
    }
    return {
        name: write_bundle(
            folder / "bundles", stages, decoder, classes=classes, spec=spec, about={"rung": name}
        )[0]
        for name, (stages, decoder, classes, spec) in made.items()
    }


def some_inputs(spec: InputSpec, n: int, rng: np.random.Generator) -> Inputs:
    """Made-up rows; some texts are equal, of equal length, empty or long, some categories missing."""
    numbers = rng.normal(size=(n, len(spec.numbers))) * 10.0 ** rng.integers(-2, 3, (n, len(spec.numbers)))
    texts = [" ".join(rng.choice(WORDS, rng.choice([0, 1, 2, 3, 3, 3, 8, 200]))) for _ in range(n)]
    plans = tuple(
        [[None, "free", "paid", "new"][pick] for pick in rng.integers(4, size=n)] for _ in spec.categories
    )
    return Inputs(n, texts if spec.text else None, numbers, plans)
